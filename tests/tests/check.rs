//! `host check`: what a person learns of a component without a cloud.

use std::path::Path;

use end_to_end::{HostCommand, guest, thermostat};
use serde_json::Value;

/// All checks, in order.
const CHECKS: [&str; 11] = [
    "file",
    "kind",
    "compile",
    "world",
    "description",
    "start",
    "timers",
    "command",
    "desired",
    "save",
    "restore",
];

/// What a check of a component came to.
struct Checked {
    code: i32,
    stdout: String,
    stderr: String,
}

fn check(file: &Path, options: &[&str]) -> Checked {
    let host = HostCommand::bare().arg("check").arg(file);
    let host = options.iter().fold(host, |host, option| host.arg(option));
    let mut process = host.start();
    Checked {
        code: process.wait().code().expect("nobody killed it"),
        stdout: process.stdout.text(),
        stderr: process.stderr.text(),
    }
}

impl Checked {
    /// The verdict and the message of each check.
    fn findings(&self) -> Vec<(&str, &str, &str)> {
        let lines = self.stdout.lines().take_while(|line| !line.is_empty());
        let findings = lines.map(|line| {
            let (verdict, rest) = line.split_once(' ').expect("a verdict");
            let (check, message) = rest.trim_start().split_once(' ').expect("a check");
            (verdict, check, message.trim_start())
        });
        findings.collect()
    }

    /// The message of a check with this verdict.
    fn says(&self, check: &str, verdict: &str) -> &str {
        let findings = self.findings();
        let found = findings.iter().find(|(_, found, _)| *found == check);
        let (found, _, message) = found.unwrap_or_else(|| panic!("no {check}: {}", self.stdout));
        assert_eq!(*found, verdict, "{check}: {message}");
        message
    }

    /// It fails at this check for this reason: all before are ok, and all after are skipped.
    fn fails_at(&self, check: &str, words: &[&str]) {
        assert_eq!(self.code, 1, "{}{}", self.stdout, self.stderr);
        let message = self.says(check, "error");
        for word in words {
            assert!(message.contains(word), "no {word:?} in: {message}");
        }
        let at = CHECKS.iter().position(|name| *name == check);
        let at = at.expect("there is such a check");
        for (number, name) in CHECKS.iter().enumerate() {
            match number.cmp(&at) {
                std::cmp::Ordering::Less => drop(self.says(name, "ok")),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => {
                    let why = self.says(name, "skipped");
                    assert_eq!(why, format!("`{check}` failed"));
                }
            }
        }
        let end = format!("failed checks: {check}");
        assert!(self.stderr.trim_end().ends_with(&end), "{}", self.stderr);
    }
}

#[test]
fn a_good_component_passes_and_what_it_is_and_would_send_is_shown() {
    let checked = check(&thermostat(), &["--set", "telemetry-interval=2s"]);
    assert_eq!(checked.code, 0, "{}", checked.stdout);
    let findings = checked.findings();
    let names: Vec<_> = findings.iter().map(|(_, check, _)| *check).collect();
    assert_eq!(names, CHECKS);
    assert!(findings.iter().all(|(verdict, ..)| *verdict == "ok"));
    for (check, words) in [
        ("file", "sha256"),
        ("world", "exports pnp:device@0.1.0 (behaviour)"),
        ("description", "dtmi:com:example:Thermostat;1"),
        (
            "timers",
            "10 calls in 20 s of virtual time: 0.5 calls/s, 0.55 messages/s",
        ),
        ("save", "schema 1"),
    ] {
        let message = checked.says(check, "ok");
        assert!(message.contains(words), "{check}: {message}");
    }
    for words in [
        "Messages of the dry run: 11 messages",
        "telemetry  {\"temperature\":",
        "maxTempSinceLastReboot",
        "Memory of one instance",
    ] {
        assert!(checked.stdout.contains(words), "no {words:?}");
    }
    assert!(!checked.stdout.contains('\u{1b}'), "no colour in a file");
    // A compilation may take long.
    let other = |line: &&str| !line.contains("compilation:");
    assert_eq!(checked.stderr.lines().find(other), None);
}

#[test]
fn a_component_of_another_world_fails_with_the_imports_nobody_offers() {
    let checked = check(&guest("wrong_world"), &[]);
    checked.fails_at("world", &["imports other:place/oracle", "does not export"]);
    assert!(!checked.stdout.contains("Limits"), "{}", checked.stdout);
    check(&thermostat(), &["--wasi", "none"]).fails_at("world", &["--wasi log-only"]);
}

#[test]
fn a_component_that_does_not_start_fails_with_its_reason() {
    check(&guest("init_trap"), &[]).fails_at("start", &["unreachable"]);
    check(&guest("init_err"), &[]).fails_at("start", &["this device never begins"]);
    check(&thermostat(), &["--set", "colour=red"]).fails_at("start", &["\"colour\""]);
    check(&thermostat(), &["--limit", "timers=0"]).fails_at("start", &["more than 0 timers"]);
}

#[test]
fn a_limit_that_keeps_a_component_from_starting_is_named_with_the_option_that_raises_it() {
    for (limit, check_name) in [("memory=64KiB", "description"), ("timers=0", "start")] {
        let remedy = format!(
            "raise --limit {}=",
            limit.split('=').next().expect("a name")
        );
        check(&thermostat(), &["--limit", limit]).fails_at(check_name, &[&remedy]);
    }
}

#[test]
fn limits_are_printed_with_a_passed_check_or_if_asked_for() {
    let failed = |options: &[&str]| check(&guest("init_err"), options).stdout;
    let limits = "Memory of one instance";
    assert!(!failed(&[]).contains(limits), "{}", failed(&[]));
    assert_eq!(failed(&["--limits"]).matches(limits).count(), 1);
    let passed = check(&thermostat(), &[]).stdout;
    assert_eq!(passed.matches(limits).count(), 1, "{passed}");
}

#[test]
fn a_file_that_is_no_component_fails_by_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let check = |path: &Path| check(path, &[]);
    check(&folder.path().join("missing")).fails_at("file", &["no such file"]);
    check(&file("text", b"(component)")).fails_at("kind", &["not a WebAssembly component"]);
    check(&file("core", b"\0asm\x01\0\0\0")).fails_at("kind", &["core module"]);
    let whole = std::fs::read(thermostat()).expect("it can be read");
    check(&file("half", &whole[..whole.len() / 2])).fails_at("compile", &["out of bounds"]);
}

#[test]
fn after_a_call_that_fails_a_new_instance_goes_on_with_the_other_checks() {
    // The count gets a digit more with the tenth message, and its record is too large then.
    let checked = check(&guest("faulty"), &["--limit", "record=35"]);
    assert_eq!(checked.code, 1, "{}", checked.stdout);
    let message = checked.says("timers", "error");
    assert!(message.contains("in timer call 10"), "{message}");
    assert!(message.contains("36 bytes, more than 35"), "{message}");
    for check in ["command", "desired", "save", "restore"] {
        checked.says(check, "ok");
    }
}

#[test]
fn a_program_gets_the_same_verdicts_as_json() {
    for (file, code) in [(thermostat(), 0), (guest("wrong_world"), 1)] {
        let text = check(&file, &[]);
        let json = check(&file, &["--json", "--limit", "memory=32MiB"]);
        assert_eq!((text.code, json.code), (code, code));
        let value: Value = serde_json::from_str(&json.stdout).expect("one JSON object");
        let checks = value["checks"].as_array().expect("checks");
        let verdicts: Vec<_> = checks
            .iter()
            .map(|check| (check["verdict"].as_str(), check["check"].as_str()))
            .collect();
        let expected: Vec<_> = text
            .findings()
            .iter()
            .map(|(verdict, check, _)| (Some(*verdict), Some(*check)))
            .collect();
        assert_eq!(verdicts, expected);
        assert_eq!(value["verdict"], if code == 0 { "ok" } else { "error" });
        let memory = &value["limits"][0];
        assert_eq!(memory["name"], "memory");
        assert_eq!(memory["value"], 32 << 20);
        let message = &value["fixedLimits"][0];
        assert_eq!(message["name"], "message");
        assert_eq!(message["value"], 256 << 10);
    }
    let json = check(&thermostat(), &["--json"]).stdout;
    let value: Value = serde_json::from_str(&json).expect("one JSON object");
    assert_eq!(
        value["checks"][4]["modelId"],
        "dtmi:com:example:Thermostat;1"
    );
    assert_eq!(value["sent"]["messages"], 11);
    let timers = &value["checks"][6];
    assert_eq!(timers["callsPerSecond"], 0.125);
    assert_eq!(timers["messagesPerSecond"], 0.1375);
    assert!(timers["bytesPerSecond"].as_f64() > Some(1.0), "{timers}");
    assert_eq!(value["sent"]["first"][0]["kind"], "report");
}

#[test]
fn a_command_line_that_cannot_be_used_is_no_verdict_on_the_component() {
    for options in [
        &["--limit", "memory=0"][..],
        &["--cache-dir", "/dev/null"],
        &["--no-such-option"],
    ] {
        let checked = check(&thermostat(), options);
        assert_eq!(checked.code, 2, "{}", checked.stderr);
        assert_eq!(checked.stdout, "");
    }
}

#[test]
fn a_component_that_does_harm_in_a_call_does_not_pass_and_the_reason_is_told() {
    for (fault, why) in [
        ("spin", "more than 1 s of CPU time"),
        ("trap", "unreachable"),
        ("hog", "more than 64 MiB of memory"),
        ("huge-record", "fuel"),
    ] {
        let checked = check(
            &guest("faulty"),
            &["--set", &format!("first={fault}"), "--limit=wall=60s"],
        );
        assert_eq!(checked.code, 1, "{fault}");
        let said = checked.says("timers", "error");
        assert!(said.contains(why), "{fault}: {said}");
        assert!(checked.stderr.contains("failed checks: timers"), "{fault}");
    }
}
