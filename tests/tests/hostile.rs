//! Components that do harm, at each moment of a version's life: the reason is told and kept, and the device goes on with
//! the version that works.

use end_to_end::{Cloud, Device, HostCommand, Process, guest};
use serde_json::Value;

/// Faults of the component `faulty` that stop a call, and what is said of each.
const FAULTS: [(&str, &str); 10] = [
    ("trap", "unreachable"),
    ("err", "asked to fail"),
    ("spin", "more than 1 s of CPU time"),
    ("hog", "more than 64 MiB of memory"),
    ("wait", "waited (wasi:io/poll)"),
    ("recurse", "call stack exhausted"),
    ("log-on", "more than 1 s of CPU time"),
    ("save-err", "asked to fail at save"),
    ("big-record", "the record is"),
    ("huge-record", "fuel"),
];
/// Those that are refused while the call goes on.
const REFUSED: [&str; 3] = ["flood", "big", "log"];
/// Where other tests keep the machine busy, the time a call takes is no measure of what it computes.
const PATIENT: &str = "--limit=wall=60s";

/// A device that runs a good component, with this setting for the bad one.
fn good(fault_when: &str, fault: &str) -> (Device, Process) {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .set(fault_when, fault)
        .arg(PATIENT)
        .start();
    host.stdout.wait_for("Listening");
    (device, host)
}

fn reason(entry: &Value) -> &str {
    entry["reason"].as_str().expect("a reason")
}

/// The numbers go on without a gap, on one connection.
fn has_gone_on(device: &Device) {
    let mut events = device.cloud.events();
    let counted = device.cloud.call(&["count"]).payload.as_u64();
    events.numbers(counted.expect("a number") + 1);
    assert_eq!(events.connections(), 1);
}

#[test]
fn at_the_first_start_the_host_ends_and_says_why() {
    let cloud = Cloud::start();
    for (fault, why) in FAULTS {
        let state = tempfile::tempdir().expect("a directory");
        let mut host = HostCommand::of(&guest("faulty"))
            .set("init", fault)
            .arg(PATIENT)
            .state_dir(state.path())
            .enrolled(&cloud, fault)
            .start();
        assert_eq!(host.wait().code(), Some(2), "{fault}");
        host.stderr.wait_for("error: cannot start component");
        assert!(host.stderr.text().contains(why), "{fault}");
        let history = HostCommand::bare()
            .state_dir(state.path())
            .arg("history")
            .arg("--json")
            .to_its_end()
            .json();
        assert_eq!(
            (&history["step"], &history["source"]),
            (&"rejected".into(), &"start".into())
        );
        assert!(reason(&history).contains(why), "{fault}: {history}");
    }
}

#[test]
fn at_a_later_start_the_version_that_works_goes_on() {
    for (fault, why) in FAULTS {
        let (device, mut host) = good("init", fault);
        assert_eq!(host.stop(), Some(0));
        let mut host = device
            .host(&guest("faulty"))
            .set("interval", "20ms")
            .set("init", fault)
            .arg(PATIENT)
            .start();
        host.stderr.wait_for("swap rejected");
        let entry = device.entry("rejected", "start");
        assert!(reason(&entry).contains(why), "{fault}: {entry}");
        host.stdout.wait_for("Listening");
        assert_eq!(device.cloud.call(&["count"]).status, 200);
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn as_a_candidate_it_is_refused() {
    for (fault, why) in FAULTS {
        let (device, mut host) = good("init", fault);
        let refused = device.swap(&guest("faulty"), &[]);
        assert_eq!(refused.code, 1, "{fault}");
        assert!(refused.stderr.contains(why), "{fault}: {}", refused.stderr);
        host.stderr.wait_for("swap rejected");
        let entry = device.entry("rejected", "command");
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
fn later_each_fault_is_told_and_a_new_instance_goes_on() {
    let (device, host) = good("interval", "20ms");
    device.swaps(&guest("faulty"), &["--wait"]);
    for (fault, why) in FAULTS {
        let reply = device.cloud.call(&[fault]);
        assert_eq!(reply.status, 500, "{fault}: {reply:?}");
        assert!(reply.payload["error"].to_string().contains(why), "{fault}");
        assert_eq!(device.cloud.call(&["ok"]).status, 200, "after {fault}");
        if fault != "err" && fault != "save-err" {
            device.entry_about("failed", "host", why);
        }
        assert!(host.stderr.text().contains(why), "{fault}");
    }
    assert_eq!(device.runs(), end_to_end::sha256(&guest("faulty")));
    let reply = device.cloud.call(&["huge"]);
    assert_eq!(reply.status, 500, "{reply:?}");
}

#[test]
fn what_is_refused_without_stopping_the_call_costs_no_more_than_its_limit() {
    for fault in REFUSED {
        let (device, mut host) = good("init", fault);
        let mut events = device.cloud.events();
        device.swaps(&guest("faulty"), &["--wait"]);
        assert_eq!(device.cloud.call(&[fault]).status, 200, "{fault}");
        assert_eq!(device.cloud.call(&["ok"]).status, 200, "{fault}");
        events.next("telemetry");
        assert_eq!(events.connections(), 1, "{fault}");
        let lines = host.stderr.text().matches(" line ").count();
        assert!(lines < 5000, "{lines} lines of twice 10,000");
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn what_a_version_stages_where_it_may_not_is_refused_while_it_is_described() {
    let (device, _host) = good("interval", "20ms");
    device.swaps(&guest("describe_calls_hub"), &[]);
    let name = device.status()["running"]["name"].clone();
    assert_eq!(name, "describe-calls-hub: refused, refused");
    let saved = device.cloud.call(&["record"]).payload;
    assert_eq!(saved["save"], serde_json::json!(["refused", "refused"]));
}
