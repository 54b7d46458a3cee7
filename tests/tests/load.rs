//! Large commands, and many at once.

use std::thread;

use end_to_end::{Cloud, HostCommand, Process, guest};

fn running(cloud: &Cloud) -> Process {
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(cloud, "t-1")
        .start();
    host.stdout.wait_for("Sent message");
    host
}

/// Calls twenty commands, each from a process of its own and with a payload of its own, and does `meanwhile`.
fn call_twenty(cloud: &Cloud, meanwhile: impl FnOnce()) {
    thread::scope(|scope| {
        for number in 0..20 {
            scope.spawn(move || {
                let payload = serde_json::json!({ "number": number });
                let reply = cloud.call(&["echo", &payload.to_string()]);
                assert_eq!((reply.status, reply.payload), (200, payload));
            });
        }
        meanwhile();
    });
}

#[test]
fn a_command_of_100_kb_is_answered() {
    let cloud = Cloud::start();
    let _host = running(&cloud);
    let text = "x".repeat(100_000);
    let reply = cloud.call(&["echo", &text]);
    assert_eq!(reply.status, 200);
    assert!(reply.payload == text, "the answer is another text");
}

#[test]
fn twenty_commands_at_once_get_each_its_own_answer() {
    let cloud = Cloud::start();
    let _host = running(&cloud);
    call_twenty(&cloud, || ());
}

#[test]
fn twenty_commands_that_wait_for_the_device_get_each_its_own_answer() {
    let cloud = Cloud::start();
    running(&cloud).stop();
    let mut host = None;
    call_twenty(&cloud, || host = Some(running(&cloud)));
}
