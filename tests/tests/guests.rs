//! Components that misbehave, in a device that runs: the caller is told, and the device goes on.

use end_to_end::{Cloud, Events, HostCommand, Process, guest};

/// A device that does wrong what it is told to, and counts its messages in its record.
struct Faulty {
    cloud: Cloud,
    events: Events,
    host: Process,
}

impl Faulty {
    fn start() -> Self {
        let cloud = Cloud::start();
        let mut events = cloud.events();
        let host = HostCommand::of(&guest("faulty"))
            // Where other tests keep the machine busy, the time a call takes is no measure of what it computes.
            .arg("--limit=wall=60s")
            .enrolled(&cloud, "f-1")
            .start();
        events.next("telemetry");
        Self {
            cloud,
            events,
            host,
        }
    }

    /// Commits the fault: the caller gets 500 with the reason, and the next command works.
    fn fails(&self, fault: &str, reason: &str) {
        let reply = self.cloud.call(&[fault]);
        assert_eq!(reply.status, 500, "{fault}: {reply:?}");
        let error = reply.payload["error"].to_string();
        assert!(error.contains(reason), "{fault}: {error}");
        assert_eq!(self.cloud.call(&["ok"]).status, 200, "after {fault}");
    }

    /// The count went on where it was, over the instances that failed, on the connection there was.
    fn has_gone_on(mut self) {
        let seen = self.events.seen();
        let last = seen
            .iter()
            .filter_map(|event| event["body"]["count"].as_u64())
            .next_back()
            .expect("a count");
        let next = self.events.find("a later count", |event| {
            event["body"]["count"]
                .as_u64()
                .filter(|count| *count > last)
        });
        assert_eq!(next, last + 1, "the record survives");
        assert_eq!(self.events.connections(), 1, "the connection survives");
    }
}

#[test]
fn a_call_that_traps_is_answered_with_its_reason() {
    let device = Faulty::start();
    device.fails("trap", "unreachable");
    device.fails("recurse", "stack");
    device.has_gone_on();
}

#[test]
fn a_call_that_takes_too_much_is_answered_with_the_limit() {
    let device = Faulty::start();
    device.fails("spin", "CPU time");
    device.fails("hog", "MiB of memory");
    device.fails("big-record", "record");
    device.has_gone_on();
}

#[test]
fn each_of_several_calls_that_spin_is_stopped_and_timers_go_on_in_between() {
    let mut device = Faulty::start();
    for _ in 0..3 {
        device.fails("spin", "more than 1 s of CPU time");
        device.events.next("telemetry");
    }
    assert_eq!(device.cloud.call(&["ok"]).status, 200);
    device.has_gone_on();
}

#[test]
fn a_call_that_wants_to_sleep_is_answered_with_what_it_may_not() {
    let device = Faulty::start();
    device.fails("wait", "set a timer instead");
    device.has_gone_on();
}

#[test]
fn a_call_that_returns_an_error_is_answered_with_it_however_often() {
    let device = Faulty::start();
    for _ in 0..4 {
        device.fails("err", "asked to fail");
        device.fails("save-err", "asked to fail at save");
    }
    device.has_gone_on();
}

#[test]
fn a_desired_property_that_makes_the_component_fail_is_acknowledged_with_500() {
    let device = Faulty::start();
    let acknowledgment = device.cloud.set(&["fault", "trap"]);
    assert_eq!(acknowledgment["ac"], 500, "{acknowledgment}");
    assert_eq!(acknowledgment["value"], "trap");
    assert_eq!(device.cloud.set(&["fault", "ok"])["ac"], 200);
    device.has_gone_on();
}

#[test]
fn a_command_that_fails_again_and_again_is_suspended_and_the_device_goes_on() {
    let mut device = Faulty::start();
    for _ in 0..5 {
        assert_eq!(device.cloud.call(&["trap"]).status, 500);
    }
    device
        .host
        .stderr
        .wait_for("suspended for 300 s after repeated failures");
    let reply = device.cloud.call(&["trap"]);
    assert_eq!(reply.status, 503);
    let error = reply.payload["error"].to_string();
    assert!(error.contains("unreachable"), "{error}");
    device.has_gone_on();
}

#[test]
fn a_flood_of_messages_is_cut_off_and_what_was_taken_is_sent() {
    let mut device = Faulty::start();
    let reply = device.cloud.call(&["flood"]);
    assert_eq!(reply.status, 200, "{reply:?}");
    let taken = reply.payload["taken"].as_u64().expect("a number");
    assert!((1..10_000).contains(&taken), "{reply:?}");
    for number in 0..taken {
        device.events.find(&format!("message {number}"), |event| {
            (event["body"]["flood"] == number).then_some(())
        });
    }
    device.has_gone_on();
}

#[test]
fn telemetry_too_large_for_the_hub_is_refused_with_size_and_limit() {
    let device = Faulty::start();
    let reply = device.cloud.call(&["big"]);
    assert_eq!(reply.status, 200);
    let error = reply.payload["error"].to_string();
    assert!(error.contains("262144"), "{error}");
    assert!(error.contains("1000"), "{error}");
    device.has_gone_on();
}

#[test]
fn lines_a_component_logs_beyond_the_limit_are_dropped_and_that_is_said() {
    let mut device = Faulty::start();
    assert_eq!(device.cloud.call(&["log"]).status, 200);
    device.host.stderr.wait_for("line 0");
    device
        .host
        .stderr
        .wait_for("component exceeds the log rate: lines dropped");
    device.has_gone_on();
}
