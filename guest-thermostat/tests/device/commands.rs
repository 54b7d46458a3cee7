//! Commands and their replies.

use guest_thermostat::{ClockReading, EventContext, Reason, Thermostat, Timestamp};
use serde_json::json;

use crate::{DAY, START, at, call, call_at, clock, fresh, measured};

#[test]
fn a_report_without_since_covers_all_since_the_start() {
    let (device, sent) = measured(1000, 8000);
    let now = START + 1000 * 8000;
    for payload in [
        None,
        Some(""),
        Some("null"),
        Some("{}"),
        Some(r#"{"since":null}"#),
    ] {
        let (status, report) = call(&device, now, payload);
        assert_eq!(status, 200);
        let temperatures = || sent.iter().map(|(_, temperature)| *temperature);
        assert_eq!(
            report["maxTemp"].as_f64().unwrap(),
            temperatures().fold(f64::MIN, f64::max)
        );
        assert_eq!(
            report["minTemp"].as_f64().unwrap(),
            temperatures().fold(f64::MAX, f64::min)
        );
        let mean = temperatures().sum::<f64>() / 1000.0;
        assert!((report["avgTemp"].as_f64().unwrap() - mean).abs() < 1e-9);
        assert_eq!(
            (&report["startTime"], &report["endTime"]),
            (
                &json!("2026-01-01T00:00:00Z"),
                &json!("2026-01-01T02:13:20Z")
            )
        );
        assert_eq!(report.as_object().unwrap().len(), 5);
    }
}

#[test]
fn a_report_since_a_time_covers_what_was_sent_from_then_on() {
    let (device, sent) = measured(50, 8000);
    for payload in [
        r#""2026-01-01T00:01:20Z""#,
        r#"{"since":"2026-01-01T01:01:20+01:00"}"#,
    ] {
        let (status, report) = call(&device, START + 50 * 8000, Some(payload));
        let since = sent[10..].iter().map(|(_, temperature)| *temperature);
        assert_eq!(
            (status, report["maxTemp"].as_f64()),
            (200, Some(since.fold(f64::MIN, f64::max)))
        );
        assert_eq!(report["startTime"], "2026-01-01T00:01:20Z");
    }
}

#[test]
fn a_wrong_since_is_answered_400_with_the_reason() {
    let (device, _) = fresh();
    for (payload, reason) in [
        ("\"yesterday\"", "expected a date and time"),
        ("\"\"", "expected a date and time"),
        ("\"2026-01-01T00:00:00\"", "time zone"),
        ("12", "must be a string"),
        ("[]", "must be a string"),
        (r#"{"since":5}"#, "must be a string"),
        ("{", "not JSON"),
        ("yesterday", "not JSON"),
    ] {
        let (status, answer) = call(&device, START, Some(payload));
        assert_eq!(status, 400, "{payload}");
        assert!(
            answer["error"].as_str().unwrap().contains(reason),
            "{payload}: {answer}"
        );
    }
}

#[test]
fn a_time_without_measurements_is_answered_404() {
    let (device, _) = fresh();
    let (status, answer) = call(&device, START + 5000, Some("\"2026-01-01T00:00:01Z\""));
    assert_eq!(
        (status, answer),
        (
            404,
            json!({"error": "no measurements since 2026-01-01T00:00:01Z"})
        )
    );
}

#[test]
fn a_clock_that_is_set_back_leaves_a_report_in_order() {
    let (mut device, _) = measured(100, 8000);
    let before = START - DAY;
    let (_, report) = call(&device, before, None);
    assert!(
        report["startTime"].as_str() < report["endTime"].as_str(),
        "{report}"
    );
    device.on_timer("telemetry", at(before));
    let (status, report) = call(&device, before, Some("\"2025-12-30T00:00:00Z\""));
    assert_eq!(
        (status, &report["startTime"]),
        (200, &json!("2025-12-31T00:00:00Z"))
    );
    let (_, report) = call(&device, before, None);
    assert_eq!(
        (&report["startTime"], &report["endTime"]),
        (
            &json!("2025-12-31T00:00:00Z"),
            &json!("2025-12-31T00:00:00Z")
        )
    );
}

#[test]
fn a_report_begins_when_the_device_did_though_the_clock_was_set_since() {
    let minute = 60_000;
    let reading = |now, monotonic| ClockReading {
        now: Timestamp::from_millis(now),
        monotonic,
    };
    for (before, after) in [(minute, START), (START, START - DAY), (START, minute)] {
        let context = |clock| EventContext { clock, random: 7 };
        let begun = context(reading(before, 5000));
        let (mut device, _) = Thermostat::init(Reason::Fresh, &[], None, begun).unwrap();
        device.on_timer("telemetry", context(reading(before + 8000, 13_000)));
        let started = Timestamp::from_millis(after - 10_000).to_string();
        // The clock is set between two measurements, and two seconds pass.
        let set = reading(after, 15_000);
        assert_eq!(call_at(&device, set, None).1["startTime"], started);
        device.on_timer("telemetry", context(set));
        let later = reading(after + 6000, 21_000);
        assert_eq!(call_at(&device, later, None).1["startTime"], started);
        let record = device.save().unwrap();
        let (next, _) = Thermostat::init(Reason::Swap, &[], Some(&record), context(later)).unwrap();
        assert_eq!(call_at(&next, later, None).1["startTime"], started);
    }
}

#[test]
fn an_unknown_command_or_component_is_answered_404() {
    let (device, _) = fresh();
    let now = clock(START);
    assert_eq!(device.on_command(None, "reboot", None, now).status, 404);
    assert_eq!(
        device
            .on_command(Some("thermostat1"), "getMaxMinReport", None, now)
            .status,
        404
    );
}
