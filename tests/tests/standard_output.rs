//! What `make run` shows, and the tutorial tells.

use end_to_end::{Cloud, HostCommand, Process, thermostat};
use jiff::Timestamp;
use serde_json::{Value, json};

const MODEL: &str = "dtmi:com:example:Thermostat;1";

fn started(cloud: &Cloud) -> Process {
    let mut host = HostCommand::of(&thermostat())
        .set("telemetry-interval", "100ms")
        .enrolled(cloud, "thermostat-01")
        .start();
    host.stdout.wait_for("Sent message");
    host
}

/// Everything the tutorial shows, on a cloud started with these options.
fn the_tutorial(options: &[&str]) {
    let cloud = Cloud::start_with(options);
    let mut events = cloud.events();
    let mut host = started(&cloud);

    assert_eq!(events.next("connected")["modelId"], MODEL);
    let first_report = events.reported("maxTempSinceLastReboot");
    let first = events.next("telemetry");
    assert_eq!(
        first["body"]["temperature"], first_report,
        "the first measurement, reported and then sent"
    );
    assert_eq!(first["contentType"], "application/json");
    assert_eq!(first["contentEncoding"], "utf-8");
    assert!(
        first["messageId"].is_string() && first["creationTime"].is_string(),
        "{first}"
    );

    let set = cloud.set(&["targetTemperature", "23.5"]);
    assert_eq!(
        (&set["ac"], &set["av"], &set["value"]),
        (&json!(200), &json!(2), &json!(23.5))
    );
    assert_eq!(set["ad"], "Successfully executed patch");
    let too_hot = cloud.set(&["targetTemperature", "999"]);
    assert_eq!(
        (&too_hot["ac"], &too_hot["av"], &too_hot["value"]),
        (&json!(400), &json!(3), &json!(23.5))
    );
    assert!(
        too_hot["ad"].to_string().contains("out of range"),
        "{too_hot}"
    );
    assert_eq!(cloud.set(&["colour", "red"])["ac"], 404);
    assert_eq!(cloud.twin()["modelId"], MODEL);

    let report = cloud.call(&["getMaxMinReport"]);
    assert_eq!(report.status, 200);
    // A host that ends keeps what it has not sent yet: all that the report can be of has arrived when something later has.
    let reported = time(&report.payload["endTime"]);
    events.find("a message after the report", |event| {
        let made = event.get("creationTime").map(time)?;
        (made > reported).then_some(())
    });
    assert_eq!(host.stop(), Some(0));
    agrees(&report.payload, &temperatures(&events.seen()));
}

fn time(text: &Value) -> Timestamp {
    let text = text.as_str().expect("a time");
    text.parse().expect("a time")
}

fn temperatures(events: &[Value]) -> Vec<f64> {
    events
        .iter()
        .filter_map(|event| event["body"]["temperature"].as_f64())
        .collect()
}

/// The report is one of measurements that were sent, and covers at least the first ones.
fn agrees(report: &Value, sent: &[f64]) {
    let number = |name: &str| report[name].as_f64().expect("a number");
    let (max, min, average) = (number("maxTemp"), number("minTemp"), number("avgTemp"));
    let of = |count: usize| {
        let sent = &sent[..count];
        let sum: f64 = sent.iter().sum();
        let max = sent.iter().copied().fold(f64::MIN, f64::max);
        let min = sent.iter().copied().fold(f64::MAX, f64::min);
        (max, min, sum / count as f64)
    };
    let matching = (1..=sent.len())
        .map(of)
        .find(|(a, b, mean)| (*a, *b) == (max, min) && (mean - average).abs() < 0.01);
    assert!(matching.is_some(), "{report} is not of {sent:?}");
    assert!(
        report["startTime"].is_string() && report["endTime"].is_string(),
        "{report}"
    );
}

#[test]
fn the_tutorial_over_tls_1_2() {
    the_tutorial(&["--tls", "1.2"]);
}

#[test]
fn the_tutorial_over_tls_1_3() {
    the_tutorial(&["--tls", "1.3"]);
}

#[test]
fn standard_output_tells_the_tutorials_milestones_in_their_order() {
    let cloud = Cloud::start();
    let host = started(&cloud);
    let lines = host.stdout.lines();
    let hub = cloud.running()["hubName"]
        .as_str()
        .expect("a name")
        .to_owned();
    assert_eq!(
        lines[..6],
        [
            "Device was assigned",
            &hub,
            "thermostat-01",
            "Listening for command requests and property updates",
            "Sending telemetry for temperature",
            "Sent message",
        ]
    );
}

#[test]
fn a_connection_string_needs_no_dps() {
    let host = HostCommand::of(&thermostat()).set("telemetry-interval", "100ms");
    let mut cloud = Cloud::exec(
        &["--security-type", "connectionString", "--device-id", "t-7"],
        &host,
    );
    cloud.process.stdout.wait_for("Sent message");
    let lines = cloud.process.stdout.lines();
    assert!(
        !lines.contains(&"Device was assigned".to_owned()),
        "{lines:?}"
    );
    assert_eq!(lines[1], "t-7");
}

#[test]
fn a_group_key_is_enough_for_any_device_of_the_group() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .enrolled_in_group(&cloud, "member-3")
        .start();
    host.stdout.wait_for("Device was assigned");
    host.stdout.wait_for("member-3");
    host.stdout.wait_for("Sent message");
}

#[test]
fn a_second_run_in_the_same_folder_works_as_well_as_the_first() {
    let host = || HostCommand::of(&thermostat());
    let mut cloud = Cloud::exec(&["--device-id", "thermostat-01"], &host());
    cloud.process.stdout.wait_for("Sent message");
    cloud.exec_again(&["--device-id", "thermostat-01"], &host());
    cloud.process.stdout.wait_for("Device was assigned");
    cloud.process.stdout.wait_for("Sent message");
}
