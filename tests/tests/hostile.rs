//! Components that do harm, at each moment of a version's life: the reason is told and kept, and the device goes on with
//! the version that works.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in a test, to panic is to fail"
)]

use end_to_end::{Cloud, Device, Events, HostCommand, Process, guest};

/// Faults of the component `faulty`, and what is said of each.
const FAULTS: [(&str, &str); 8] = [
    ("trap", "unreachable"),
    ("err", "asked to fail"),
    ("spin", "more than 1 s of CPU time"),
    ("hog", "more than 64 MiB of memory"),
    ("wait", "it waits (wasi:io/poll)"),
    ("recurse", "call stack exhausted"),
    ("save-err", "asked to fail at save"),
    ("big-record", "its record is"),
];

/// A device that runs a good component, with this setting for the bad one.
fn good(fault_when: &str, fault: &str) -> (Device, Process) {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .set(fault_when, fault)
        .start();
    host.stdout.wait_for("Listening");
    (device, host)
}

fn reason(entry: &serde_json::Value) -> &str {
    entry["reason"].as_str().expect("a reason")
}

/// The numbers go on without a gap, on one connection.
fn has_gone_on(device: &Device) {
    let mut events = device.cloud.events();
    let counted = device.cloud.call(&["count"]).payload.as_u64();
    events.numbers(counted.expect("a number") + 1);
    assert_eq!(connections(&events), 1);
}

/// How often the device has connected.
fn connections(events: &Events) -> usize {
    let seen = events.seen();
    let connected = seen.iter().filter(|event| event["type"] == "connected");
    connected.count()
}

#[test]
fn at_the_first_start_the_host_ends_and_says_why() {
    let cloud = Cloud::start();
    for (fault, why) in FAULTS {
        let mut host = HostCommand::of(&guest("faulty"))
            .set("init", fault)
            .enrolled(&cloud, fault)
            .start();
        assert_eq!(host.wait().code(), Some(2), "{fault}");
        host.stderr.wait_for("error: the component");
        assert!(host.stderr.text().contains(why), "{fault}");
    }
}

#[test]
fn at_a_later_start_the_version_that_works_goes_on() {
    let (fault, why) = FAULTS[0];
    let (device, mut host) = good("init", fault);
    assert_eq!(host.stop(), Some(0));
    let mut host = device
        .host(&guest("faulty"))
        .set("interval", "20ms")
        .set("init", fault)
        .start();
    host.stderr.wait_for("the new version is refused");
    assert!(reason(&device.entry("refused", "start")).contains(why));
    host.stdout.wait_for("Listening");
    device.cloud.call(&["count"]);
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn as_a_candidate_it_is_refused() {
    for (fault, why) in FAULTS {
        let (device, mut host) = good("init", fault);
        let refused = device.swap(&guest("faulty"), &[]);
        assert_eq!(refused.code, 1, "{fault}");
        assert!(refused.stderr.contains(why), "{fault}: {}", refused.stderr);
        host.stderr.wait_for("the new version is refused");
        let entry = device.entry("refused", "command");
        assert!(reason(&entry).contains(why), "{fault}: {entry}");
        has_gone_on(&device);
    }
}

#[test]
fn on_probation_it_is_rolled_back() {
    for (fault, why) in FAULTS {
        let (device, mut host) = good("first", fault);
        device.swaps(&guest("faulty"), &[]);
        let entry = device.entry("rolled-back", "host");
        assert!(reason(&entry).contains(why), "{fault}: {entry}");
        host.stderr.wait_for("rolled back");
        assert_eq!(device.status()["state"], "accepted", "{fault}");
        has_gone_on(&device);
    }
}

#[test]
fn later_it_is_told_and_recovered_and_in_the_end_the_version_before_goes_on() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .start();
    host.stdout.wait_for("Listening");
    device.swaps(&guest("faulty"), &["--wait"]);
    for (fault, why) in FAULTS.iter().filter(|(fault, _)| *fault != "err") {
        let reply = device.cloud.call(&[fault]);
        match reply.status {
            500 => assert!(reply.payload["error"].to_string().contains(why), "{fault}"),
            // The fifth trap was one too many, and the version before does not know the command.
            status => {
                assert_eq!((status, *fault), (404, "recurse"));
                break;
            }
        }
    }
    let entry = device.entry("rolled-back", "host");
    assert!(reason(&entry).contains("call stack exhausted"), "{entry}");
    assert!(reason(&device.entry("failed", "host")).contains("call stack"));
    assert_eq!(device.cloud.call(&["count"]).status, 200);
    // Numbers come again.
    events.find("a number", |event| {
        event["body"]["sequence"].as_u64().map(drop)
    });
    assert_eq!(connections(&events), 1);
}
