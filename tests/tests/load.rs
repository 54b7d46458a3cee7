//! Commands that are large, and commands that come all at once.

use std::thread;

use end_to_end::{Cloud, HostCommand, Process, Reply, guest};
use serde_json::json;

fn sequence(cloud: &Cloud) -> Process {
    let mut host = HostCommand::of(&guest("sequence"))
        .set("interval", "3600000ms")
        .enrolled(cloud, "s-1")
        .start();
    host.stdout.wait_for("Listening");
    host
}

#[test]
fn a_command_of_100_kb_is_answered_with_as_much() {
    let cloud = Cloud::start();
    let _host = sequence(&cloud);
    let body = json!("x".repeat(100_000));
    let reply = cloud.call(&["echo", &body.to_string()]);
    assert_eq!(
        reply,
        Reply {
            status: 200,
            payload: body
        }
    );
}

#[test]
fn twenty_commands_at_once_get_each_its_own_answer() {
    let cloud = Cloud::start();
    let _host = sequence(&cloud);
    thread::scope(|scope| {
        for number in 0..20 {
            let cloud = &cloud;
            scope.spawn(move || {
                let body = json!({ "number": number });
                let reply = cloud.call(&["echo", &body.to_string()]);
                assert_eq!(
                    reply,
                    Reply {
                        status: 200,
                        payload: body
                    }
                );
            });
        }
    });
}

#[test]
fn a_burst_beyond_the_window_arrives_whole() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let _host = sequence(&cloud);
    assert_eq!(cloud.call(&["send", "200"]).payload, json!(200));
    events.find("the last of the burst", |event| {
        (event["body"]["sequence"] == 200).then_some(())
    });
    let numbers: Vec<_> = events
        .seen()
        .iter()
        .filter_map(|event| event["body"]["sequence"].as_u64())
        .collect();
    assert_eq!(numbers, (1..=200).collect::<Vec<_>>());
}
