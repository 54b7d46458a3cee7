//! `host check --events`: what a component shows only after thousands of events, and a clock as on a device.

use end_to_end::{HostCommand, beacon, guest};
use serde_json::Value;

/// What a check of the timers came to, and the exit code.
struct Timers {
    code: i32,
    finding: Value,
}

impl Timers {
    fn message(&self) -> &str {
        self.finding["message"].as_str().expect("a message")
    }

    /// Has this verdict and this exit code, and the message has these words.
    fn is(&self, verdict: &str, code: i32, words: &[&str]) {
        assert_eq!(self.finding["verdict"], verdict, "{}", self.message());
        assert_eq!(self.code, code, "{}", self.message());
        for words in words {
            let message = self.message();
            assert!(message.contains(words), "no {words:?} in: {message}");
        }
    }
}

fn check(settings: &[&str], options: &[&str]) -> Timers {
    let host = HostCommand::bare()
        .arg("check")
        .arg(guest("over_time"))
        .arg("--json");
    let host = settings
        .iter()
        .fold(host, |host, setting| host.arg("--set").arg(setting));
    let host = options.iter().fold(host, |host, option| host.arg(option));
    let ended = host.to_its_end();
    let report: Value = serde_json::from_str(&ended.stdout).expect("one JSON object");
    let checks = report["checks"].as_array().expect("checks");
    let mut findings = checks.iter();
    let timers = findings.find(|finding| finding["check"] == "timers");
    Timers {
        code: ended.code,
        finding: timers.expect("the timers are checked").clone(),
    }
}

#[test]
fn a_component_that_uses_the_clock_as_runtimes_do_passes() {
    check(&["clock=used"], &[]).is("ok", 0, &[]);
}

#[test]
fn a_failure_after_thousands_of_events_is_an_error_with_its_number() {
    let failing = ["period=5ms", "trap-at=1234"];
    check(&failing, &[]).is("ok", 0, &["10 calls"]);
    check(&failing, &["--events", "1200"]).is("ok", 0, &["1200 calls in 6 s"]);
    let found = check(&failing, &["--events", "5000"]);
    found.is("error", 1, &["in timer call 1234", "unreachable"]);
    assert_eq!(found.finding["event"], 1234);
}

#[test]
fn a_memory_that_grows_steadily_is_a_warning_with_figures() {
    let leaking = ["period=5ms", "leak=4000"];
    let found = check(&leaking, &["--events", "5000"]);
    found.is(
        "warning",
        0,
        &[
            "memory grows steadily",
            "after 500 events",
            "the limit of 64 MiB is reached after about",
        ],
    );
    let figure = |name: &str| found.finding[name].as_u64().expect("a figure");
    assert!(figure("memoryBytes") > figure("memoryAfterFirstTenthBytes") + 4000 * 4000);
    // 64 MiB hold 16,777 times 4,000 bytes.
    let total = 5000 + figure("eventsUntilLimit");
    assert!((15_000..18_000).contains(&total), "{total}");
    check(&["period=5ms"], &["--events", "5000"]).is("ok", 0, &["5000 calls in 25 s"]);
}

#[test]
fn a_leak_that_reaches_the_limit_is_an_error_with_the_number_of_the_event() {
    let options = ["--events", "5000", "--limit", "memory=4MiB"];
    let found = check(&["period=5ms", "leak=4000"], &options);
    found.is("error", 1, &["in timer call ", "more than 4 MiB of memory"]);
    let event = found.finding["event"].as_u64();
    assert!((500..1049).contains(&event.expect("a number")), "{event:?}");
}

#[test]
fn a_component_without_timers_gets_unknown_commands_instead() {
    check(&[], &[]).is("ok", 0, &["none set"]);
    let found = check(&[], &["--events", "2000"]);
    found.is(
        "ok",
        0,
        &["none set; then 2000 calls of the unknown command hostCheck"],
    );
    assert_eq!(found.finding["fired"], 0);
    let failing = check(&["trap-at=1234"], &["--events", "2000"]);
    failing.is("error", 1, &["in event 1234, the command hostCheck"]);
    check(&["leak=4000"], &["--events", "2000"]).is("warning", 0, &["memory grows steadily"]);
}

#[test]
fn the_rates_of_the_timers_are_told_in_virtual_time() {
    let found = check(&["period=5ms"], &["--events", "1000"]);
    found.is("ok", 0, &["200 calls/s, 200 messages/s"]);
    assert_eq!(found.finding["callsPerSecond"], 200.0);
}

#[test]
fn events_far_apart_are_all_handled() {
    let host = HostCommand::bare().arg("check").arg(beacon());
    let host = host.arg("--events").arg("100000").to_its_end();
    assert_eq!(host.code, 0, "{}{}", host.stdout, host.stderr);
    let words = "100000 calls in 100000 s of virtual time";
    assert!(host.stdout.contains(words), "{}", host.stdout);
}
