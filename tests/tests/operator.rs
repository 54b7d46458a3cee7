//! What an operator sets and calls on the thermostat, from a second terminal.

use std::time::{Duration, Instant};

use end_to_end::{Cloud, Events, HostCommand, Process, thermostat};
use jiff::Timestamp;
use serde_json::{Value, json};

fn running() -> (Cloud, Process) {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .set("telemetry-interval", "100ms")
        .enrolled(&cloud, "thermostat-01")
        .start();
    host.stdout.wait_for("Sent message");
    (cloud, host)
}

#[test]
fn a_value_in_range_is_applied() {
    let (cloud, _host) = running();
    assert_eq!(
        cloud.set(&["targetTemperature", "23.5"]),
        json!({
            "schemaVersion": 1, "deviceId": "thermostat-01", "component": null, "property": "targetTemperature",
            "value": 23.5, "ac": 200, "av": 2, "ad": "Successfully executed patch",
        })
    );
    let reported = &cloud.twin()["properties"]["reported"];
    assert_eq!(reported["targetTemperature"]["value"], 23.5);
}

#[test]
fn a_value_out_of_range_is_refused_with_the_reason_and_the_old_one_stays() {
    let (cloud, _host) = running();
    cloud.set(&["targetTemperature", "23.5"]);
    let answer = cloud.operate(&["set", "--json", "targetTemperature", "999"]);
    assert_eq!(answer.code, 1);
    let acknowledgment = answer.json();
    assert_eq!(acknowledgment["ac"], 400);
    assert_eq!(acknowledgment["av"], 3);
    assert_eq!(acknowledgment["value"], 23.5);
    let reason = acknowledgment["ad"].as_str().unwrap();
    assert!(reason.contains("150"), "{reason}");
}

#[test]
fn a_value_of_the_wrong_type_is_refused() {
    let (cloud, _host) = running();
    let acknowledgment = cloud.set(&["targetTemperature", "warm"]);
    assert_eq!(acknowledgment["ac"], 400, "{acknowledgment}");
}

#[test]
fn an_unknown_property_is_not_found() {
    let (cloud, _host) = running();
    let acknowledgment = cloud.set(&["colour", "red"]);
    assert_eq!(acknowledgment["ac"], 404, "{acknowledgment}");
    assert_eq!(acknowledgment["value"], "red");
}

#[test]
fn the_report_agrees_with_what_was_sent() {
    let (cloud, _host) = running();
    let mut events = cloud.events();
    let mut sent: Vec<_> = (0..5).map(|_| measurement(&mut events)).collect();
    let report = report_of_all(&cloud, &mut events, &mut sent, &["getMaxMinReport"]);
    assert_agrees(&report, &sent);
    // A measurement is made a moment before it is sent.
    assert!(time(&report["startTime"]) <= sent[0].time, "{report}");
}

#[test]
fn the_report_of_a_window_leaves_out_what_was_before() {
    let (cloud, _host) = running();
    let mut events = cloud.events();
    let mut sent: Vec<_> = (0..5).map(|_| measurement(&mut events)).collect();
    let since = between(sent[1].time, sent[2].time);
    let call = ["getMaxMinReport", &since.to_string()];
    let report = report_of_all(&cloud, &mut events, &mut sent, &call);
    assert_agrees(&report, &sent[2..]);
    assert_eq!(time(&report["startTime"]), since);
}

#[test]
fn a_report_of_the_future_is_empty_and_one_since_nonsense_is_refused() {
    let (cloud, _host) = running();
    let future = cloud.call(&["getMaxMinReport", "2999-01-01T00:00:00Z"]);
    assert_eq!(future.status, 404, "{future:?}");
    let nonsense = cloud.call(&["getMaxMinReport", "yesterday"]);
    assert_eq!(nonsense.status, 400, "{nonsense:?}");
}

#[test]
fn an_unknown_command_is_answered_at_once() {
    let (cloud, _host) = running();
    let start = Instant::now();
    let reply = cloud.call(&["reboot", "--timeout", "300"]);
    assert_eq!(reply.status, 404);
    assert!(start.elapsed() < Duration::from_secs(30));
}

/// A temperature, and when it was sent.
struct Measurement {
    time: Timestamp,
    temperature: f64,
}

fn measurement(events: &mut Events) -> Measurement {
    let message = events.next("telemetry");
    Measurement {
        time: time(&message["creationTime"]),
        temperature: message["body"]["temperature"].as_f64().unwrap(),
    }
}

fn time(json: &Value) -> Timestamp {
    json.as_str().expect("a time").parse().expect("ISO 8601")
}

fn between(one: Timestamp, other: Timestamp) -> Timestamp {
    Timestamp::from_millisecond((one.as_millisecond() + other.as_millisecond()) / 2).unwrap()
}

/// Calls for a report, and waits until `sent` holds all measurements the report can count, and no other.
fn report_of_all(
    cloud: &Cloud,
    events: &mut Events,
    sent: &mut Vec<Measurement>,
    call: &[&str],
) -> Value {
    loop {
        let reply = cloud.call(call);
        assert_eq!(reply.status, 200, "{reply:?}");
        let end = time(&reply.payload["endTime"]);
        let next = loop {
            let next = measurement(events);
            if next.time > end {
                break next;
            }
            sent.push(next);
        };
        // Whether a measurement of the report's own millisecond is in it cannot be told.
        if sent.last().is_none_or(|last| last.time != end) {
            return reply.payload;
        }
        sent.push(next);
    }
}

fn assert_agrees(report: &Value, sent: &[Measurement]) {
    let temperatures = || sent.iter().map(|measured| measured.temperature);
    let max = temperatures().fold(f64::MIN, f64::max);
    let min = temperatures().fold(f64::MAX, f64::min);
    let average = temperatures().sum::<f64>() / sent.len() as f64;
    assert_eq!(report["maxTemp"], max);
    assert_eq!(report["minTemp"], min);
    let difference = report["avgTemp"].as_f64().unwrap() - average;
    assert!(difference.abs() < 0.01, "{report} but {average}");
}
