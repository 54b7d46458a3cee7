//! A component that runs, sends or writes as often as it can: it is slowed down, and the device stays usable.

use std::{fs, time::Instant};

use end_to_end::{Device, PATIENCE, Process, Reply, guest};
use serde_json::Value;

fn begin() -> (Device, Process) {
    let device = Device::new();
    let mut host = device
        .host(&guest("restless"))
        .env("HOST_PROBATION_TIME", "1h")
        .start();
    host.stdout.wait_for("Listening");
    (device, host)
}

/// Waits until `host status` is as `test` wants it.
fn until(device: &Device, what: &str, test: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = device.status();
        if test(&status) {
            return status;
        }
        assert!(Instant::now() < deadline, "not {what}: {status}");
    }
}

/// The bytes a process has caused to be written to disk.
fn written(process: &Process) -> u64 {
    let io = fs::read_to_string(format!("/proc/{}/io", process.id())).expect("it runs");
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.expect("the kernel counts").parse().expect("a number")
}

fn calls(status: &Value) -> u64 {
    status["calls"]["ok"].as_u64().expect("a count")
}

#[test]
fn a_component_that_does_nothing_very_often_is_limited_and_writes_nothing() {
    let (device, mut host) = begin();
    let before = written(&host);
    assert_eq!(device.cloud.call(&["quiet"]).status, 200);
    // The timers themselves are kept.
    until(&device, "committed", |_| written(&host) > before);
    let (calls_before, before) = (calls(&device.status()), written(&host));
    let status = until(&device, "limited", |status| {
        status["rateLimits"]["calls"]["limited"] == true
    });
    assert!(status["rateLimits"]["calls"]["delayed"].as_u64() > Some(0));
    assert!(calls(&status) > calls_before + 1000, "{status}");
    assert_eq!(written(&host), before, "nothing has changed");
    for _ in 0..20 {
        // Limited or not, each is answered.
        assert_eq!(device.cloud.call(&["count", "--timeout", "5"]).status, 200);
    }
    assert_eq!(
        written(&host),
        before,
        "commands that change nothing write nothing"
    );
    assert!(host.stderr.text().contains("rate limit"), "it is said");
    assert_eq!(device.cloud.call(&["calm"]).status, 200);
    until(&device, "free again", |status| {
        status["rateLimits"]["calls"]["limited"] == false
    });
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_component_that_sends_very_much_is_limited_and_answers_commands() {
    let (device, _host) = begin();
    assert_eq!(device.cloud.call(&["loud"]).status, 200);
    until(&device, "limited", |status| {
        status["rateLimits"]["messages"]["limited"] == true
    });
    for _ in 0..20 {
        assert_eq!(device.cloud.call(&["count", "--timeout", "5"]).status, 200);
    }
}

/// Waits until the timer of a tenth of a second has come again.
fn ticks(device: &Device) {
    let before = device.cloud.call(&["tick"]).payload.as_u64();
    let is_later = |reply: &Reply| reply.payload.as_u64() > before;
    device.cloud.call_until(&["tick"], is_later);
}

#[test]
fn commands_that_send_very_much_do_not_stop_the_timers() {
    let (device, _host) = begin();
    ticks(&device);
    // Several times what timers may commit in a burst.
    for _ in 0..6 {
        assert_eq!(device.cloud.call(&["bulk"]).status, 200);
    }
    ticks(&device);
    let limits = &device.status()["rateLimits"];
    assert_eq!(limits["commit"]["delayed"], 0, "{limits}");
}

#[test]
fn a_version_that_is_rolled_back_leaves_nothing_to_wait_for() {
    let (device, _host) = begin();
    ticks(&device);
    device.swaps(&device.version(&guest("restless"), 1), &[]);
    assert_eq!(device.cloud.call(&["loud"]).status, 200);
    until(&device, "limited", |status| {
        status["rateLimits"]["messages"]["limited"] == true
    });
    assert_eq!(device.operate(&["rollback"]).code, 0);
    ticks(&device);
    assert_eq!(device.status()["rateLimits"]["messages"]["limited"], false);
}
