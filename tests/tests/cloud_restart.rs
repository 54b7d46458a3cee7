//! What outlives the cloud's process.

use end_to_end::{Cloud, HostCommand, guest};
use jiff::Timestamp;
use serde_json::{Value, json};

fn lines(text: &str) -> Vec<Value> {
    let parse = |line| serde_json::from_str(line).expect("a line of JSON");
    text.lines().map(parse).collect()
}

/// What `cloud events` prints of one kind, from the first event on.
fn kept(cloud: &Cloud, kind: &str) -> Vec<Value> {
    let arguments = ["events", "--json", "--kind", kind];
    lines(&cloud.operate(&arguments).stdout)
}

#[test]
fn a_killed_cloud_comes_back_as_it_was_and_its_device_with_it() {
    let mut cloud = Cloud::start();
    let mut events = cloud.events();
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "d-1")
        .start();
    host.stdout.wait_for("Listening");
    cloud.operate(&["set", "--no-wait", "colour", "red"]);
    let last = (0..20).map(|_| events.next("telemetry")).last();
    let last = last.expect("twenty of them");
    let before = cloud.twin()["properties"]["desired"].clone();
    cloud.kill_and_start_again();

    let mut events = cloud.events();
    let disconnected = events.next("disconnected");
    assert_eq!(disconnected["reason"], "cloud terminated unexpectedly");
    // It was there when the cloud took its last message, and not when the cloud came back.
    let moment = |event: &Value, name: &str| -> Timestamp {
        let text = event[name].as_str().expect("a time");
        text.parse().expect("a time")
    };
    let since = moment(&disconnected, "since");
    assert!(moment(&last, "enqueued") <= since && since < moment(&disconnected, "enqueued"));
    events.next("connected");
    // The assignment is still good: the device asks DPS once in its life.
    let asked = host
        .stderr
        .text()
        .matches("requesting an assignment from DPS")
        .count();
    assert_eq!(asked, 1);
    let after = cloud.twin()["properties"]["desired"].clone();
    assert_eq!(after, before);
    assert_eq!(after["colour"], "red");
    let counted = cloud.call(&["count"]).payload.as_u64();
    // From the first: what was told before is told again.
    events.numbers(counted.expect("a number"));
    assert_eq!(kept(&cloud, "created").len(), 1);
    assert_eq!(kept(&cloud, "command")[0]["name"], "count");
}

#[test]
fn a_message_that_waits_for_a_device_outlives_the_cloud() {
    let mut cloud = Cloud::start();
    let start = |cloud: &Cloud| {
        HostCommand::of(&guest("messages"))
            .enrolled(cloud, "d-1")
            .start()
    };
    let mut host = start(&cloud);
    host.stdout.wait_for("Listening");
    assert_eq!(host.stop(), Some(0));
    cloud.send(&["one"]);
    cloud.kill_and_start_again();
    let mut host = start(&cloud);
    host.stdout.wait_for("Listening");
    let reply = cloud.call_until(&["last"], |reply| reply.payload["count"] == 1);
    assert_eq!(reply.payload["body"], json!("one"));
}
