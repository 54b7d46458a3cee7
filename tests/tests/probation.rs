//! The end of a probation: a version that is withdrawn takes nothing with it that others are owed.

use std::time::Instant;

use end_to_end::{Books, Device, PATIENCE, Process, Record, Signal};
use serde_json::{Value, json};

/// Runs `storm` without a flaw as the accepted version, with a probation that does not end by itself and an outbox of 300.
fn start(device: &Device) -> Process {
    let mut host = device
        .host(&device.path("storm-0.wasm"))
        .set("interval", "50ms")
        .arg("--drain-rate=0")
        .env("HOST_PROBATION_TIME", "1h")
        .env("HOST_OUTBOX_MAX_COUNT", "300")
        .start();
    host.stdout.wait_for("Listening");
    host
}

fn begin() -> (Device, Process) {
    let device = Device::new();
    device.storm("none", 0);
    let host = start(&device);
    (device, host)
}

/// Waits until these messages are counted in the record.
fn counts(device: &Device, messages: &Value) {
    let counted = |reply: &end_to_end::Reply| reply.payload["messages"] == *messages;
    device.cloud.call_until(&["state"], counted);
}

/// Sends five messages to the version that runs, which counts and acknowledges them.
fn takes_five(device: &Device) {
    for number in 1..=5 {
        device.cloud.send(&[&number.to_string()]);
    }
    counts(device, &json!([[1, 5]]));
    until(device, "acknowledged", |device| {
        device.cloud.twin()["cloudToDeviceMessageCount"] == 0
    });
}

/// Asks again and again: for what no event tells of.
fn until(device: &Device, what: &str, test: impl Fn(&Device) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !test(device) {
        assert!(Instant::now() < deadline, "not {what}");
    }
}

#[test]
fn messages_a_withdrawn_version_has_acknowledged_are_counted_by_the_one_that_goes_on() {
    let (device, _host) = begin();
    let first = device.runs();
    device.swaps(&device.storm("none", 1), &[]);
    takes_five(&device);
    // It traps, and so does the version that goes on, which may.
    assert_eq!(device.cloud.call(&["parse", "x"]).status, 500);
    let entry = device.entry("rolled-back", "host");
    assert_eq!(entry["redeliveredMessages"], 5, "{entry}");
    assert_eq!(device.runs(), first);
    counts(&device, &json!([[1, 5]]));
    device.cloud.send(&["6"]);
    counts(&device, &json!([[1, 6]]));
}

#[test]
fn messages_a_version_has_acknowledged_are_counted_after_kills_that_withdraw_it() {
    let (device, mut host) = begin();
    let first = device.runs();
    device.swaps(&device.storm("none", 1), &[]);
    takes_five(&device);
    let mut restart = || {
        host.signal(Signal::KILL);
        host.wait();
        host = start(&device);
    };
    restart();
    assert_ne!(device.runs(), first, "it is tried once more");
    counts(&device, &json!([[1, 5]]));
    restart();
    assert_eq!(device.runs(), first);
    let entry = device.entry("rolled-back", "host");
    assert_eq!(entry["redeliveredMessages"], 5, "{entry}");
    counts(&device, &json!([[1, 5]]));
    device.cloud.send(&["6"]);
    counts(&device, &json!([[1, 6]]));
}

#[test]
fn a_flood_on_probation_evicts_nothing_older_and_goes_with_its_version() {
    let (device, _host) = begin();
    let mut events = device.cloud.events();
    let first = device.runs();
    device.cloud.fault(&["black-hole"]);
    until(&device, "well filled", |device| {
        device.status()["outbox"]["messages"].as_u64() > Some(150)
    });
    // 200 messages a call, four times.
    device.swap(&device.storm("flood:5", 1), &[]);
    let entry = device.entry("rolled-back", "host");
    let dropped = entry["droppedMessages"].as_u64();
    assert!(dropped >= Some(100), "{entry}");
    let outbox = device.status()["outbox"].clone();
    let left = outbox["messages"].as_u64();
    assert!(left > Some(150) && left < Some(300), "{outbox}");
    device.cloud.fault(&["clear"]);
    device.operate(&["reconnect"]);
    let record = Record::of(&device.cloud.call(&["state"]).payload);
    Books::default().complete(&mut events, &record);
    assert_eq!(device.runs(), first);
    let candidate = &record.runs;
    assert_eq!(
        candidate.len(),
        2,
        "the first run, and one from the rollback on"
    );
}
