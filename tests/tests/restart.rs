//! What outlives a process.

use std::path::Path;

use end_to_end::{Cloud, HostCommand, Process, Signal, guest, thermostat};
use serde_json::{Value, json};
use tempfile::TempDir;

fn state() -> TempDir {
    TempDir::new().expect("a directory for the state")
}

fn device(cloud: &Cloud, component: &Path, state: &Path) -> HostCommand {
    HostCommand::of(component)
        .enrolled(cloud, "d-1")
        .state_dir(state)
}

fn sequence(cloud: &Cloud, state: &Path) -> Process {
    device(cloud, &guest("sequence"), state).start()
}

/// What `host` prints about this directory.
fn shown(command: &str, state: &Path) -> Value {
    let mut process = HostCommand::bare()
        .arg(command)
        .arg("--json")
        .state_dir(state)
        .start();
    assert_eq!(process.wait().code(), Some(0));
    serde_json::from_str(&process.stdout.text()).expect("it is JSON")
}

#[test]
fn the_record_goes_on_and_dps_is_not_asked_again() {
    let (cloud, state) = (Cloud::start(), state());
    let mut events = cloud.events();
    let mut host = sequence(&cloud, state.path());
    host.stderr.wait_for("reason=Fresh");
    host.stderr.wait_for("requesting an assignment from DPS");
    for _ in 0..20 {
        events.next("telemetry");
    }
    assert_eq!(host.stop(), Some(0));

    let mut host = sequence(&cloud, state.path());
    host.stderr.wait_for("reason=Restart");
    host.stdout.wait_for("Listening");
    assert!(
        !host
            .stderr
            .text()
            .contains("requesting an assignment from DPS")
    );
    let counted = cloud.call(&["count"]).payload.as_u64();
    let numbers = events.numbers(counted.expect("a number"));
    assert_eq!(numbers.twice, 0, "after a clean end nothing comes twice");
}

#[test]
fn what_was_not_sent_is_kept_shown_and_sent_in_order() {
    let (cloud, state) = (Cloud::start(), state());
    let mut events = cloud.events();
    let command = || {
        device(&cloud, &guest("sequence"), state.path())
            .set("interval", "3600000ms")
            .start()
    };
    let mut host = command();
    host.stdout.wait_for("Listening");
    cloud.fault(&["withhold-acks", "on"]);
    assert_eq!(cloud.call(&["send", "30"]).payload, 30);
    host.signal(Signal::KILL);
    host.wait();
    cloud.fault(&["refuse", "on"]);

    let mut host = command();
    host.stderr.wait_for("not connected");
    let outbox = shown("outbox", state.path());
    assert_eq!(outbox["deviceId"], "d-1");
    assert_eq!(outbox["messages"], 30);
    assert_eq!(outbox["entries"][29]["body"], "{\"sequence\":30}");
    assert_eq!(outbox["oldest"], outbox["entries"][0]["created"]);
    assert_eq!(shown("state", state.path())["record"]["count"], 30);

    cloud.fault(&["withhold-acks", "off"]);
    cloud.fault(&["refuse", "off"]);
    events.next("connected");
    events.next("connected");
    for number in 1..=30 {
        assert_eq!(events.next("telemetry")["body"]["sequence"], number);
        // The host has the acknowledgment.
        host.stdout.wait_for("Sent message");
    }
    assert_eq!(host.stop(), Some(0));
    assert_eq!(shown("outbox", state.path())["messages"], 0);
}

#[test]
fn a_component_is_told_that_the_outbox_is_full_if_that_is_wanted() {
    let (cloud, state) = (Cloud::start(), state());
    let mut events = cloud.events();
    let mut host = device(&cloud, &guest("sequence"), state.path())
        .set("interval", "3600000ms")
        .arg("--outbox-full=reject")
        .arg("--outbox-max-count=64")
        .start();
    host.stdout.wait_for("Listening");
    cloud.fault(&["withhold-acks", "on"]);
    assert_eq!(cloud.call(&["send", "60"]).payload, 60);
    assert_eq!(cloud.call(&["send", "60"]).payload, 4);
    assert_eq!(cloud.call(&["send", "60"]).payload, 0);
    cloud.fault(&["withhold-acks", "off"]);
    cloud.fault(&["reset"]);
    events.numbers(64);
    assert_eq!(shown("outbox", state.path())["evicted"], 0);
}

#[test]
fn only_what_changed_of_the_desired_properties_is_applied_again() {
    let (cloud, state) = (Cloud::start(), state());
    let start = || device(&cloud, &thermostat(), state.path()).start();
    let mut host = start();
    host.stdout.wait_for("Sent message");
    cloud.set(&["targetTemperature", "20"]);
    cloud.set(&["colour", "red"]);
    host.stop();
    cloud.operate(&["set", "--no-wait", "colour", "blue"]);
    let mut host = start();
    let handled = host.stdout.wait_for("Handled desired properties");
    assert!(
        handled.contains("colour") && !handled.contains("targetTemperature"),
        "{handled}"
    );
}

#[test]
fn a_message_in_hand_when_the_host_is_killed_comes_again() {
    let (cloud, state) = (Cloud::start(), state());
    let start = || device(&cloud, &guest("messages"), state.path()).start();
    let mut host = start();
    host.stdout.wait_for("Listening");
    cloud.send(&["one"]);
    let count = |wanted: u64| {
        cloud.call_until(&["last"], |reply| reply.payload["count"] == wanted);
    };
    count(1);
    host.signal(Signal::KILL);
    host.wait();
    let mut host = start();
    host.stdout.wait_for("Listening");
    cloud.send(&["two"]);
    // The first message was committed; whether its acknowledgment arrived is open, so it may come once more.
    let reply = cloud.call_until(&["last"], |reply| reply.payload["body"] == "two");
    let counted = reply.payload["count"].as_u64();
    assert!(matches!(counted, Some(2 | 3)), "{counted:?}");
}

#[test]
fn a_device_that_was_connected_once_outlives_a_refusal() {
    let (cloud, state) = (Cloud::start(), state());
    let mut host = sequence(&cloud, state.path());
    host.stdout.wait_for("Listening");
    host.stop();
    // A wrong key is refused by the hub and by DPS.
    let wrong = json!("d3Jvbmc=");
    let refused = |state: &Path| {
        device(&cloud, &guest("sequence"), state)
            .env(
                "IOTHUB_DEVICE_DPS_DEVICE_KEY",
                wrong.as_str().expect("a text"),
            )
            .start()
    };
    let mut host = refused(state.path());
    let line = host.stderr.wait_for("next_attempt_in_ms=300000");
    assert!(line.contains("CONNACK 5"), "{line}");
    assert_eq!(host.stop(), Some(0));
    let fresh = TempDir::new().expect("a directory for the state");
    assert_eq!(refused(fresh.path()).wait().code(), Some(3));
}

#[test]
fn an_ephemeral_device_leaves_nothing() {
    let cloud = Cloud::start();
    let home = state();
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "d-1")
        .without("HOST_STATE_DIR")
        .env("HOME", home.path())
        .arg("--ephemeral")
        .start();
    host.stdout.wait_for("Sent message");
    assert_eq!(host.stop(), Some(0));
    assert_eq!(
        std::fs::read_dir(home.path()).expect("it is there").count(),
        0
    );
}

#[test]
fn without_a_name_the_state_is_in_the_users_directory_under_the_devices_id() {
    let cloud = Cloud::start();
    let home = state();
    let command = || {
        HostCommand::bare()
            .without("HOST_STATE_DIR")
            .env("HOME", home.path())
    };
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "d.1")
        .without("HOST_STATE_DIR")
        .env("HOME", home.path())
        .start();
    host.stdout.wait_for("Sent message");
    assert_eq!(host.stop(), Some(0));
    assert!(
        home.path()
            .join(".local/state/pnp-host/d%2E1/store.redb")
            .exists()
    );
    let mut outbox = command().arg("outbox").start();
    assert_eq!(outbox.wait().code(), Some(0));
    outbox.stdout.wait_for("d.1: ");
}
