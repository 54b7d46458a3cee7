//! What a failing component says reaches whoever asks: the caller of the command, the operator, and the cloud. What it must
//! not say in the host's name, it cannot.

use end_to_end::{Cloud, Device, HostCommand, guest};
use serde_json::{Value, json};

/// Where other tests keep the machine busy, the time a call takes is no measure of what it computes.
const PATIENT: &str = "--limit=wall=60s";

#[test]
fn the_caller_of_a_command_is_told_the_last_words_and_the_function() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&guest("faulty"))
        .arg(PATIENT)
        .enrolled(&cloud, "f-1")
        .start();
    host.stdout.wait_for("Listening");
    for (fault, words) in [
        (
            "panic",
            &[
                "set point of zone 7",
                "faulty.rs:",
                "in faulty::not_a_number",
            ][..],
        ),
        ("last-words", &["stderr: dying of thirst", "in faulty::"]),
        ("traceback", &["ValueError: zone 7"]),
        ("wild", &["out of bounds memory access", "in faulty::wild"]),
    ] {
        let reply = cloud.call(&[fault]);
        assert_eq!(reply.status, 500, "{fault}: {reply:?}");
        let error = reply.payload["error"].as_str().expect("a reason");
        for word in words {
            assert!(error.contains(word), "{fault}: {error}");
        }
        assert!(!error.contains(char::is_control), "{fault}: {error}");
        assert_eq!(cloud.call(&["ok"]).status, 200, "after {fault}");
    }
    // Also on a line of its own, though the component did not end the line.
    let log = host.stderr.lines();
    assert!(
        log.iter()
            .any(|line| line.contains(" component: dying of thirst")),
        "{log:#?}"
    );
}

#[test]
fn the_reason_of_a_rollback_is_told_with_the_last_words_wherever_one_looks() {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .set("first", "panic")
        .arg("--report-host")
        .arg(PATIENT)
        .start();
    host.stdout.wait_for("Listening");
    device.swaps(&guest("faulty"), &[]);
    let words = "set point of zone 7";
    let entry = device.entry("rolled-back", "host");
    assert!(entry["reason"].to_string().contains(words), "{entry}");
    assert!(host.stderr.wait_for("rolled back").contains(words));
    let status = device.status();
    assert!(
        status["quarantined"].to_string().contains(words),
        "{status}"
    );
    let mut twin = device.cloud.twin();
    let reported =
        |twin: &Value| twin["properties"]["reported"]["host"]["lastSwapReason"].to_string();
    while !reported(&twin).contains(words) {
        // A later twin: what is reported goes out after the rollback.
        device.cloud.call(&["count"]);
        twin = device.cloud.twin();
    }
}

#[test]
fn log_lines_name_component_and_version() {
    for format in ["text", "json"] {
        let cloud = Cloud::start();
        let mut host = HostCommand::of(&guest("faulty"))
            .arg(format!("--log-format={format}"))
            .enrolled(&cloud, "f-1")
            .start();
        host.stdout.wait_for("Listening");
        assert_eq!(cloud.call(&["mutter"]).status, 200);
        let line = host.stderr.wait_for("all is well");
        if format == "text" {
            assert!(
                line.contains(" component=\"faulty\" version=\"0.1.0\""),
                "{line}"
            );
        } else {
            let line: Value = serde_json::from_str(&line).expect("JSON");
            let fields = (&line["component"], &line["version"]);
            assert_eq!(fields, (&json!("faulty"), &json!("0.1.0")), "{line}");
        }
    }
}

#[test]
fn nobody_but_the_host_reports_which_version_runs() {
    let device = Device::new();
    let mut host = device.host(&guest("faulty")).arg("--report-host").start();
    host.stdout.wait_for("Listening");
    let forged = json!({"component": "host", "properties": {"version": "9.9.9"}}).to_string();
    let reply = device.cloud.call(&["report", &forged]);
    assert_eq!(reply.status, 200, "{reply:?}");
    let error = reply.payload.to_string();
    assert!(error.contains("reserved for the host"), "{error}");
    // Nor does an operator make it answer in the host's name. The second property shows that the first is dealt with.
    let desired = ["set", "--no-wait", "--component=host", "version", "9.9.9"];
    assert_eq!(device.cloud.operate(&desired).code, 0);
    assert_eq!(device.cloud.set(&["fault", "ok"])["ac"], 200);
    let twin = device.cloud.twin();
    let reported = &twin["properties"]["reported"]["host"];
    assert_eq!(reported["version"], "0.1.0", "{twin}");
    assert_eq!(reported["name"], "faulty", "{twin}");
}

#[test]
fn what_the_hub_rejects_is_refused_and_what_is_just_legal_arrives() {
    let device = Device::new();
    let mut host = device.start(&guest("faulty"));
    let report = |properties: &Value| {
        let request = json!({"component": null, "properties": properties}).to_string();
        device.cloud.call(&["report", &request]).payload
    };
    let error = report(&json!({"a.b": 1})).to_string();
    assert!(error.contains("invalid name"), "{error}");
    let deep = (1..10).fold(json!({"a": 1}), |inner, _| json!({"a": inner}));
    let legal = json!({
        "a/b": 1,
        "n".repeat(1024): 1,
        "string": "x".repeat(4096),
        "integers": [(1_i64 << 52) - 1, -(1_i64 << 52)],
        "a": deep["a"],
    });
    assert_eq!(report(&legal), "ok");
    assert_eq!(device.cloud.set(&["fault", "ok"])["ac"], 200);
    let twin = device.cloud.twin();
    for (name, value) in legal.as_object().expect("an object") {
        assert_eq!(&twin["properties"]["reported"][name], value, "{name}");
    }
    assert_eq!(host.stop(), Some(0));
}
