//! Cloud-to-device messages.

use end_to_end::{Cloud, HostCommand, guest, thermostat};
use serde_json::json;

#[test]
fn messages_reach_a_component_that_takes_them_also_those_sent_while_it_was_off() {
    let cloud = Cloud::start();
    let host = HostCommand::of(&guest("messages"));
    let mut host = host.enrolled(&cloud, "m-1").start();
    host.stdout.wait_for("Listening");
    cloud.send(&["one", "--property", "urgent=yes"]);
    let last = loop {
        // The message and the command take different ways through the hub.
        let reply = cloud.call(&["last"]);
        if reply.status == 200 {
            break reply.payload;
        }
    };
    assert_eq!(last["body"], "one");
    assert!(last["properties"].to_string().contains("urgent"), "{last}");
    assert_eq!(host.stop(), Some(0));

    cloud.send(&["two"]);
    cloud.send(&["three"]);
    let variables = cloud.enrol(&["m-1"]);
    let host = HostCommand::of(&guest("messages"));
    let host = variables
        .iter()
        .fold(host, |host, (name, value)| host.env(name, value));
    let _host = host.start();
    loop {
        let reply = cloud.call(&["last"]);
        if reply.payload["count"] == json!(2) {
            assert_eq!(reply.payload["body"], "three");
            break;
        }
    }
}

#[test]
fn a_component_that_takes_no_messages_is_sent_none_and_runs_on() {
    let cloud = Cloud::start();
    let mut host = HostCommand::of(&thermostat())
        .enrolled(&cloud, "t-1")
        .start();
    host.stdout.wait_for("Listening");
    cloud.send(&["nobody listens"]);
    assert_eq!(cloud.call(&["getMaxMinReport"]).status, 200);
}
