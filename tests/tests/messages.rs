//! Cloud-to-device messages.

use end_to_end::{Cloud, HostCommand, Process, guest, thermostat};
use serde_json::{Value, json};

/// A device that keeps the last message, and counts them.
fn started(cloud: &Cloud) -> Process {
    let mut host = HostCommand::of(&guest("messages"))
        .enrolled(cloud, "m-1")
        .start();
    host.stdout.wait_for("Listening");
    host
}

/// What the device has once it has `count` messages.
fn kept(cloud: &Cloud, count: u64) -> Value {
    let reply = cloud.call_until(&["last"], |reply| reply.payload["count"] == count);
    reply.payload
}

#[test]
fn a_message_reaches_the_component_with_its_properties() {
    let cloud = Cloud::start();
    let _host = started(&cloud);
    cloud.send(&["one", "--property", "urgent=yes", "--message-id", "m1"]);
    let message = kept(&cloud, 1);
    assert_eq!(message["body"], "one");
    let properties = message["properties"].as_array();
    let properties = properties.map(Vec::as_slice).unwrap_or_default();
    assert!(properties.contains(&json!(["urgent", "yes"])), "{message}");
    assert!(properties.contains(&json!(["$.mid", "m1"])), "{message}");
}

#[test]
fn messages_sent_while_the_device_was_off_reach_it_in_order() {
    let cloud = Cloud::start();
    started(&cloud).stop();
    for body in ["one", "two", "three"] {
        cloud.send(&[body]);
    }
    let _host = started(&cloud);
    assert_eq!(kept(&cloud, 3)["body"], "three");
}

#[test]
fn a_message_is_acknowledged_and_does_not_come_again() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let mut host = started(&cloud);
    cloud.send(&["one"]);
    kept(&cloud, 1);
    // What is still to be acknowledged leaves before DISCONNECT does.
    host.stop();
    events.next("disconnected");
    assert_eq!(cloud.twin()["cloudToDeviceMessageCount"], 0);
    let _host = started(&cloud);
    cloud.send(&["two"]);
    // A repetition of the first would have been counted before.
    assert_eq!(kept(&cloud, 1)["body"], "two");
}

#[test]
fn a_message_that_is_delivered_twice_is_acknowledged_and_waits_no_more() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let mut host = started(&cloud);
    cloud.fault(&["duplicate-c2d"]);
    cloud.send(&["one"]);
    kept(&cloud, 2);
    host.stop();
    events.next("disconnected");
    assert_eq!(cloud.twin()["cloudToDeviceMessageCount"], 0);
}

#[test]
fn a_message_that_makes_the_component_fail_holds_up_neither_commands_nor_the_connection() {
    let cloud = Cloud::start();
    let mut host = started(&cloud);
    cloud.send(&["fail"]);
    host.stderr.wait_for("the message asks to fail");
    assert_eq!(cloud.call(&["last"]).status, 404);
    assert_eq!(cloud.twin()["cloudToDeviceMessageCount"], 1);
    assert_eq!(cloud.twin()["connectionState"], "Connected");
}

/// Takes the 30 seconds a failing message is given: the tests of the device do the same on a virtual clock.
#[test]
#[ignore = "waits for half a minute"]
fn a_message_that_fails_five_times_is_dead_lettered_and_the_next_one_comes() {
    let cloud = Cloud::start();
    let mut host = started(&cloud);
    cloud.send(&["fail"]);
    cloud.send(&["after"]);
    host.stderr.wait_for("message dead-lettered");
    assert_eq!(kept(&cloud, 1)["body"], "after");
}

#[test]
fn messages_for_a_component_that_takes_none_stay_with_the_hub() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "t-1")
        .start();
    host.stdout.wait_for("Listening");
    cloud.send(&["nobody listens"]);
    assert_eq!(cloud.set(&["targetTemperature", "20"])["ac"], 200);
    assert_eq!(cloud.call(&["getMaxMinReport"]).status, 200);
    assert_eq!(cloud.twin()["cloudToDeviceMessageCount"], 1);
}
