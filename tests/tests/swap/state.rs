//! What a version finds of the one before it.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use end_to_end::{Device, HostCommand, guest, sha256, slow, thermostat};

use super::{sequence, steps};

#[test]
fn back_and_forth_nothing_is_lost_and_the_connection_stays() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = sequence(&device);
    let (a, b) = (
        device.version(&guest("sequence"), 1),
        device.version(&guest("sequence"), 2),
    );
    let done = AtomicBool::new(false);
    let answered = thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let mut answered = 0_u32;
            while !done.load(Ordering::Relaxed) {
                let number = answered.to_string();
                let reply = device.cloud.call(&["echo", &number]);
                assert_eq!((reply.status, reply.payload), (200, answered.into()));
                answered += 1;
            }
            answered
        });
        for file in [&a, &b, &a, &b] {
            device.swaps(file, &["--wait"]);
            assert_eq!(device.runs(), sha256(file));
        }
        done.store(true, Ordering::Relaxed);
        calling.join().expect("every command is answered")
    });
    assert!(answered > 10, "{answered} commands");
    let counted = device.cloud.call(&["count"]).payload.as_u64();
    let numbers = events.numbers(counted.expect("a number"));
    assert_eq!(numbers.twice, 0);
    let seen = events.seen();
    let sent: Vec<_> = seen
        .iter()
        .filter_map(|event| event["body"]["sequence"].as_u64())
        .collect();
    assert!(sent.is_sorted(), "in order");
    assert_eq!(events.connections(), 1, "from beginning to end");
    assert_eq!(steps(&device), ["started", "accepted"].repeat(4));
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_record_that_is_not_understood_refuses_the_swap_unless_the_state_may_go() {
    let device = Device::new();
    let _host = device.start(&guest("sequence"));
    let refused = device.swap(&thermostat(), &[]);
    assert_eq!(refused.code, 1);
    for words in ["the record cannot be used", "--fresh-state"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    device.swaps(&thermostat(), &["--fresh-state"]);
    assert_eq!(device.runs(), sha256(&thermostat()));
    let reply = device.cloud.call(&["getMaxMinReport"]);
    assert_eq!(reply.status, 200);
}

#[test]
fn a_version_that_lacks_a_setting_is_not_told_to_give_up_the_state() {
    let device = Device::new();
    let mut host = device
        .host(&guest("messages"))
        .set("interval", "unusable")
        .start();
    host.stdout.wait_for("Listening");
    let refused = device.swap(&guest("sequence"), &[]);
    assert_eq!(refused.code, 1);
    let said = refused.stderr;
    assert!(said.contains("invalid interval"), "{said}");
    assert!(!said.contains("fresh-state"), "{said}");
    assert_eq!(device.runs(), sha256(&guest("messages")));
}

#[test]
fn while_a_version_is_compiled_the_device_goes_on_measuring() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = sequence(&device);
    let file = device.path("slow.wasm");
    fs::write(&file, slow(&guest("sequence"), std::process::id())).expect("it can be written");
    let mut swap = HostCommand::bare()
        .arg("swap")
        .arg(&file)
        .arg("--wait")
        .state_dir(&device.state())
        .start();
    host.stderr.wait_for("swap requested");
    let count = || device.cloud.call(&["count"]).payload.as_u64();
    let before = count().expect("a number");
    let compiling = "compile";
    let is_compiling = |(_, command): &(u32, String)| command.contains(compiling);
    while !host.descendants().iter().any(is_compiling) {
        assert_eq!(
            device.runs(),
            sha256(&guest("sequence")),
            "it was compiled before"
        );
    }
    events.numbers(before + 20);
    assert!(
        host.descendants().iter().any(is_compiling),
        "it still compiles"
    );
    assert_eq!(swap.wait().code(), Some(0));
    assert_eq!(device.runs(), sha256(&file));
    let numbers = events.numbers(count().expect("a number") + 1);
    assert_eq!(numbers.twice, 0);
    assert_eq!(events.connections(), 1);
}

#[test]
fn a_new_version_takes_over_a_record_of_an_older_shape_and_an_older_version_does_not_misread_a_newer_one()
 {
    let device = Device::new();
    let mut events = device.cloud.events();
    let _host = sequence(&device);
    for _ in 0..5 {
        events.next("telemetry");
    }
    device.swaps(&guest("sequence_v2"), &["--wait"]);
    let counted = device.cloud.call(&["count"]).payload.as_u64();
    let numbers = events.numbers(counted.expect("a number") + 1);
    assert_eq!(numbers.twice, 0);
    let refused = device.operate(&["rollback"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("does not have schema 1"),
        "{}",
        refused.stderr
    );
    assert_eq!(device.runs(), sha256(&guest("sequence_v2")));
}

#[test]
fn a_swap_back_to_the_version_before_the_candidate_is_a_rollback() {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .env("HOST_PROBATION_TIME", "1h")
        .start();
    host.stdout.wait_for("Listening");
    let candidate = device.version(&guest("sequence"), 1);
    device.swaps(&candidate, &[]);
    let back = device.swap(&guest("sequence"), &["--wait"]);
    assert_eq!(back.code, 0, "{}{}", back.stdout, back.stderr);
    assert!(back.stdout.contains("rolled back from"), "{}", back.stdout);
    let entry = device.entry("rolled-back", "command");
    assert_eq!(entry["version"]["sha256"], sha256(&candidate));
    assert_eq!(entry["rolledBackTo"]["sha256"], sha256(&guest("sequence")));
    let status = device.status();
    assert_eq!(status["running"]["sha256"], sha256(&guest("sequence")));
    assert_eq!(status["state"], "accepted");
    assert_eq!(status["quarantined"][0]["sha256"], sha256(&candidate));
    assert_eq!(host.stop(), Some(0));
}
