//! The ways to ask for another version, and what is told.

use std::fs;

use end_to_end::{Device, HostCommand, Signal, guest, large, sha256, thermostat, version};
use serde_json::Value;

use super::sequence;

#[test]
fn a_watched_file_takes_over_when_it_is_replaced_and_the_statistics_go_on() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let file = device.path("device.wasm");
    fs::copy(thermostat(), &file).expect("it can be copied");
    let mut host = device
        .host(&file)
        .arg("--watch")
        .set("telemetry-interval", "100ms")
        .start();
    for _ in 0..5 {
        events.next("telemetry");
    }
    let before = device.cloud.call(&["getMaxMinReport"]).payload;
    let new = device.version(&thermostat(), 1);
    fs::rename(&new, &file).expect("it can be moved");
    host.stdout.wait_for("Swapped to thermostat");
    assert_eq!(device.runs(), sha256(&file));
    host.stdout.wait_for("Accepted thermostat");
    let after = device.cloud.call(&["getMaxMinReport"]).payload;
    assert_eq!(before["startTime"], after["startTime"]);
    assert!(after["maxTemp"].as_f64() >= before["maxTemp"].as_f64());

    // The same content again is no other version; written to instead of moved, it is.
    let bytes = fs::read(&file).expect("it can be read");
    fs::write(&file, &bytes).expect("it can be written");
    host.stderr
        .wait_for("swap skipped: version already running");
    fs::write(&file, version(&thermostat(), 2)).expect("it can be written");
    host.stdout.wait_for("Swapped to thermostat");
    assert_eq!(host.stop(), Some(0));
    assert_eq!(events.connections(), 1);
}

#[test]
fn a_hang_up_signal_takes_the_file_anew() {
    let device = Device::new();
    let file = device.path("device.wasm");
    fs::copy(guest("sequence"), &file).expect("it can be copied");
    let mut host = device.start(&file);
    fs::write(&file, version(&guest("sequence"), 1)).expect("it can be written");
    host.signal(Signal::HUP);
    host.stdout.wait_for("Swapped to sequence");
    assert_eq!(device.runs(), sha256(&file));
    device.entry("started", "signal");
}

#[test]
fn roll_back_goes_to_the_version_before_and_says_so() {
    let device = Device::new();
    let _host = sequence(&device);
    let first = device.runs();
    let refused = device.operate(&["rollback"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("no previous version"),
        "{}",
        refused.stderr
    );
    let new = device.version(&guest("sequence"), 1);
    device.swaps(&new, &[]);
    // It is on probation, and runs already; whoever waits is told how that ends.
    let waited = device.swap(&new, &["--wait"]);
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    assert!(
        waited.stdout.contains("is already running") && waited.stdout.contains(" accepted"),
        "{}",
        waited.stdout
    );
    assert_ne!(device.runs(), first);
    let back = device.operate(&["rollback"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert!(
        back.stdout.starts_with("rolled back from sequence 0.1.0"),
        "{}",
        back.stdout
    );
    assert_eq!(device.runs(), first);

    // For scripts, each step is a line of JSON.
    let steps = |arguments: &[&str]| -> Vec<Value> {
        let answer = device.operate(arguments);
        assert_eq!(answer.code, 0, "{}", answer.stderr);
        let lines = answer.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).expect("it is JSON"))
            .collect()
    };
    let new = device.version(&guest("sequence"), 2);
    let swapped = steps(&["swap", new.to_str().expect("it is text"), "--json"]);
    let names: Vec<_> = swapped.iter().map(|step| &step["step"]).collect();
    assert_eq!(names, ["requested", "prepared", "started"]);
    let back = steps(&["rollback", "--json"]);
    assert_eq!((&back[0]["step"], back.len()), (&"rolled-back".into(), 1));
    assert_eq!(back[0]["rolledBackTo"]["sha256"], first);
}

#[test]
fn a_roll_back_ends_what_is_prepared() {
    let device = Device::new();
    let mut host = sequence(&device);
    device.swaps(&device.version(&guest("sequence"), 1), &["--wait"]);
    let file = device.path("large.wasm");
    fs::write(&file, large(std::process::id() + 2)).expect("it can be written");
    let mut slow = HostCommand::bare()
        .arg("swap")
        .arg(&file)
        .state_dir(&device.state())
        .start();
    host.stderr.wait_for("bytes=3");
    assert_eq!(device.operate(&["rollback"]).code, 0);
    assert_eq!(slow.wait().code(), Some(1));
    slow.stderr
        .wait_for("a rollback was requested during preparation");
    assert_eq!(device.runs(), sha256(&guest("sequence")));
}

#[test]
fn a_host_whose_program_was_replaced_still_compiles() {
    let device = Device::new();
    let program = device.path("host");
    fs::copy(HostCommand::program(), &program).expect("it can be copied");
    let mut host = device.host(&guest("sequence")).run_by(&program).start();
    host.stdout.wait_for("Listening");
    fs::remove_file(&program).expect("it is mine");
    // A version no other run has used, so that it is compiled.
    let new = device.version(&guest("sequence"), 1_000_000 + std::process::id());
    device.swaps(&new, &[]);
    assert_eq!(device.runs(), sha256(&new));
}

#[test]
fn status_and_history_are_for_people_too() {
    let device = Device::new();
    let _host = sequence(&device);
    device.swaps(&device.version(&guest("sequence"), 1), &["--wait"]);
    let status = device.operate(&["status"]).stdout;
    for line in [
        "device       swapped-1",
        "hub          localhost:",
        "state        accepted",
        "component    sequence 0.1.0 (",
    ] {
        assert!(status.contains(line), "{status}");
    }
    let history = device.operate(&["history"]).stdout;
    let lines: Vec<_> = history.lines().collect();
    assert_eq!(lines.len(), 2, "{history}");
    let step = lines[0].split_whitespace().nth(1);
    assert_eq!(step, Some("started"), "{history}");
    assert!(lines[0].contains("started in"), "{history}");
    assert!(lines[1].ends_with(" accepted"), "{history}");
}

#[test]
fn the_twin_is_told_what_runs_after_the_device_has_reported_its_own() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let _host = device
        .host(&thermostat())
        .arg("--report-host")
        .set("telemetry-interval", "20ms")
        .start();
    let first = events.next("reported");
    assert!(
        first["patch"]["maxTempSinceLastReboot"].is_number(),
        "{first}"
    );
    let host = events.reported("host");
    assert_eq!(host["name"], "thermostat");
    assert_eq!(host["sha256"], sha256(&thermostat()));
    assert_eq!(host["__t"], "c");

    let new = device.version(&thermostat(), 1);
    device.swaps(&new, &["--wait"]);
    let started = events.reported("host");
    assert_eq!(
        (&started["lastSwapResult"], &started["sha256"]),
        (&"started".into(), &sha256(&new).into())
    );
    assert!(started["lastSwapPause"].is_number());
    assert_eq!(events.reported("host")["lastSwapResult"], "accepted");
    assert_eq!(device.operate(&["rollback"]).code, 0);
    let back = events.reported("host");
    assert_eq!(back["lastSwapResult"], "rolled-back");
    assert_eq!(back["lastSwapReason"], "a rollback was requested");
    assert_eq!(back["sha256"], sha256(&thermostat()));
}
