//! The thermostat as its users see it: events in, effects and answers out.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use guest_thermostat::{Effect, Moment, Reason, Thermostat, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const DAY: i64 = 86_400_000;

fn at(millis: i64) -> Moment {
    // A hash of the time, so that each measurement differs and the same time gives the same.
    let chance = (millis as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    Moment {
        now: Timestamp::from_millis(millis),
        chance: chance as u32,
    }
}

fn settings(interval: &str) -> Vec<(String, String)> {
    vec![("telemetry-interval".to_owned(), interval.to_owned())]
}

fn fresh() -> (Thermostat, Vec<Effect>) {
    Thermostat::begin(Reason::Fresh, &[], None, at(START)).unwrap()
}

/// A device that has measured so often, and what it has sent.
fn measured(times: i64, interval: i64) -> (Thermostat, Vec<(i64, f64)>) {
    let (mut device, effects) = fresh();
    let mut sent = vec![(START, temperature(&effects).unwrap())];
    for time in (1..times).map(|n| START + n * interval) {
        sent.push((
            time,
            temperature(&device.on_timer("telemetry", at(time))).unwrap(),
        ));
    }
    (device, sent)
}

fn temperature(effects: &[Effect]) -> Option<f64> {
    let body = effects.iter().find_map(|effect| match effect {
        Effect::SendTelemetry(body) => Some(body),
        _ => None,
    })?;
    serde_json::from_str::<Value>(body).unwrap()["temperature"].as_f64()
}

fn reported(effects: &[Effect]) -> Option<f64> {
    let properties = effects.iter().find_map(|effect| match effect {
        Effect::Report(properties) => Some(properties),
        _ => None,
    })?;
    serde_json::from_str::<Value>(properties).unwrap()["maxTempSinceLastReboot"].as_f64()
}

/// Calls getMaxMinReport at a time with a request.
fn call(device: &Thermostat, now: i64, payload: Option<&str>) -> (u32, Value) {
    let reply = device.on_command(
        None,
        "getMaxMinReport",
        payload,
        Timestamp::from_millis(now),
    );
    (reply.status, serde_json::from_str(&reply.payload).unwrap())
}

fn desire(device: &mut Thermostat, properties: &Value) -> (u32, Value, String) {
    let mut answers = device.on_desired(None, &properties.to_string()).unwrap();
    let answer = answers.pop().unwrap();
    assert!(answers.is_empty());
    (
        answer.status,
        serde_json::from_str(&answer.value).unwrap(),
        answer.description,
    )
}

#[test]
fn a_device_that_starts_reports_its_first_measurement_then_sends_it_then_sets_its_timer() {
    let (_, effects) = fresh();
    let Effect::Report(_) = &effects[0] else {
        panic!("{effects:?}")
    };
    let Effect::SendTelemetry(_) = &effects[1] else {
        panic!("{effects:?}")
    };
    assert_eq!(effects[2..], [Effect::SetTimer(8000)]);
    assert_eq!(reported(&effects), temperature(&effects));
}

#[test]
fn every_timer_event_sends_and_each_new_maximum_is_reported() {
    let (mut device, effects) = fresh();
    let mut highest = temperature(&effects).unwrap();
    for n in 1..500 {
        let effects = device.on_timer("telemetry", at(START + n * 8000));
        let sent = temperature(&effects).unwrap();
        assert_eq!(reported(&effects), (sent > highest).then_some(sent));
        highest = highest.max(sent);
    }
}

#[test]
fn a_foreign_timer_does_nothing() {
    let (mut device, _) = fresh();
    let before = device.clone();
    assert_eq!(
        (device.on_timer("other", at(START + 1)), device),
        (vec![], before)
    );
}

#[test]
fn a_swap_or_a_recovery_goes_on_without_a_measurement() {
    let (device, _) = measured(100, 8000);
    for reason in [Reason::Swap, Reason::Recovered] {
        let (next, effects) =
            Thermostat::begin(reason, &[], Some(&device.save().unwrap()), at(START + DAY)).unwrap();
        assert_eq!((next, effects), (device.clone(), vec![]));
    }
}

#[test]
fn another_interval_sets_the_running_timer_anew() {
    let (device, _) = measured(100, 8000);
    let record = device.save().unwrap();
    let (_, effects) =
        Thermostat::begin(Reason::Swap, &settings("2s"), Some(&record), at(START)).unwrap();
    assert_eq!(effects, [Effect::SetTimer(2000)]);
}

#[test]
fn a_restart_begins_a_new_maximum_and_keeps_history_and_target() {
    let (mut device, sent) = measured(100, 8000);
    desire(&mut device, &json!({"targetTemperature": 23.5}));
    let now = START + DAY;
    let (mut next, effects) =
        Thermostat::begin(Reason::Restart, &[], Some(&device.save().unwrap()), at(now)).unwrap();
    assert_eq!(reported(&effects), temperature(&effects));
    assert_eq!(
        call(&next, now, None).1["maxTemp"].as_f64(),
        temperature(&effects)
    );
    let (_, everything) = call(&next, now, Some("\"2020-01-01T00:00:00Z\""));
    let highest = sent
        .iter()
        .map(|(_, temperature)| *temperature)
        .fold(0.0, f64::max);
    assert_eq!(
        everything["maxTemp"].as_f64(),
        Some(highest.max(temperature(&effects).unwrap()))
    );
    assert_eq!(
        desire(&mut next, &json!({"targetTemperature": "warm"})).1,
        json!(23.5)
    );
}

#[test]
fn fresh_forgets_what_was_and_a_missing_record_begins_as_fresh() {
    let (device, _) = measured(100, 8000);
    let now = at(START + DAY);
    let fresh = Thermostat::begin(Reason::Fresh, &[], None, now).unwrap();
    assert_eq!(
        Thermostat::begin(Reason::Fresh, &[], Some(&device.save().unwrap()), now).unwrap(),
        fresh
    );
    assert_eq!(
        Thermostat::begin(Reason::Recovered, &[], None, now).unwrap(),
        fresh
    );
}

#[test]
fn a_target_is_accepted_as_it_was_written() {
    let (mut device, _) = fresh();
    for target in ["23.5", "-50", "150", "0.1", "21"] {
        let answers = device
            .on_desired(None, &format!("{{\"targetTemperature\":{target}}}"))
            .unwrap();
        let answer = (
            answers[0].status,
            answers[0].value.as_str(),
            answers[0].description.as_str(),
        );
        assert_eq!(answer, (200, target, "Successfully executed patch"));
    }
}

#[test]
fn a_wrong_target_is_refused_and_the_one_in_use_stays() {
    let (mut device, _) = fresh();
    let (status, value, why) = desire(&mut device, &json!({"targetTemperature": 151}));
    assert_eq!((status, value), (400, json!(151)));
    assert!(why.contains("-50 to 150"), "{why}");
    desire(&mut device, &json!({"targetTemperature": 20}));
    for wrong in [
        json!(-50.01),
        json!(1e300),
        json!("20"),
        json!(true),
        json!([20]),
        json!({"value": 20}),
    ] {
        let (status, value, why) = desire(&mut device, &json!({"targetTemperature": wrong}));
        assert_eq!((status, value), (400, json!(20)));
        assert!(why.contains("-50 to 150"), "{why}");
    }
}

#[test]
fn a_removed_target_is_cleared() {
    let (mut device, _) = fresh();
    desire(&mut device, &json!({"targetTemperature": 20}));
    let answer = desire(&mut device, &json!({"targetTemperature": null}));
    assert_eq!(
        answer,
        (200, Value::Null, "Successfully executed patch".to_owned())
    );
    assert_eq!(
        desire(&mut device, &json!({"targetTemperature": "x"})).1,
        json!("x")
    );
}

#[test]
fn unknown_properties_and_components_are_answered_404() {
    let (mut device, _) = fresh();
    let (status, value, _) = desire(&mut device, &json!({"color": {"r": 1}}));
    assert_eq!((status, value), (404, json!({"r": 1})));
    let answers = device
        .on_desired(Some("thermostat1"), r#"{"targetTemperature":20,"b":1}"#)
        .unwrap();
    assert_eq!(
        answers
            .iter()
            .map(|answer| answer.status)
            .collect::<Vec<_>>(),
        [404, 404]
    );
}

#[test]
fn desired_properties_that_are_no_object_are_an_error() {
    let (mut device, _) = fresh();
    for wrong in ["", "{", "[]", "null", "{\"targetTemperature\":}"] {
        assert!(
            device
                .on_desired(None, wrong)
                .unwrap_err()
                .contains("desired properties"),
            "{wrong}"
        );
    }
}

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
        ("\"yesterday\"", "is not a date"),
        ("\"\"", "is not a date"),
        ("\"2026-01-01T00:00:00\"", "time zone"),
        ("12", "is not a text"),
        ("[]", "is not a text"),
        (r#"{"since":5}"#, "is not a text"),
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
fn an_unknown_command_or_component_is_answered_404() {
    let (device, _) = fresh();
    let now = Timestamp::from_millis(START);
    assert_eq!(device.on_command(None, "reboot", None, now).status, 404);
    assert_eq!(
        device
            .on_command(Some("thermostat1"), "getMaxMinReport", None, now)
            .status,
        404
    );
}

#[test]
fn a_record_that_cannot_be_used_is_an_error_that_says_why() {
    let record = fresh().0.save().unwrap();
    for (wrong, reason) in [
        (String::new(), "not a JSON object"),
        ("[1]".to_owned(), "not a JSON object"),
        ("{}".to_owned(), "no schema"),
        (record.replace("\"schema\":1", "\"schema\":2"), "schema 2"),
        (
            record.replace("\"exact\"", "\"exakt\""),
            "member exact is missing",
        ),
        (
            record.replace("\"exact\":[", "\"exact\":[1,"),
            "list exact is damaged",
        ),
        (
            record.replace("\"minutes\":[", "\"minutes\":[5,1,9,1,1"),
            "list minutes is damaged",
        ),
        (
            record.replace("\"minutes\":[", "\"minutes\":[9000000000000000000,1,5,5,5"),
            "list minutes is damaged",
        ),
        (
            record.replace("\"target\":null", "\"target\":151"),
            "member target is damaged",
        ),
        (record.replace("{", "{\"more\":1,"), "\"more\""),
    ] {
        let error = Thermostat::begin(Reason::Swap, &[], Some(&wrong), at(START)).unwrap_err();
        assert!(
            error.contains("record") && error.contains(reason),
            "{wrong}: {error}"
        );
    }
}

#[test]
fn the_record_in_the_document_is_read_and_written_as_it_stands_there() {
    let document = include_str!("../../docs/thermostat.md");
    let (_, example) = document.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let (device, effects) = Thermostat::begin(Reason::Swap, &[], Some(example), at(START)).unwrap();
    assert_eq!(
        (effects, device.save().unwrap()),
        (vec![], example.replace(['\n', ' '], ""))
    );
}

/// Measures for ten years and returns the length of the longest record.
fn ten_years(interval_ms: i64) -> usize {
    let (mut device, _) = fresh();
    let mut longest = 0;
    for event in 1..3650 * DAY / interval_ms {
        device.on_timer("telemetry", at(START + event * interval_ms));
        if event % 10_007 == 0 {
            longest = longest.max(device.save().unwrap().len());
        }
    }
    let (_, report) = call(
        &device,
        START + 3650 * DAY,
        Some("\"2000-01-01T00:00:00Z\""),
    );
    assert_eq!(report["startTime"], "2026-01-01T00:00:00Z");
    longest
}

#[test]
fn ten_years_of_a_measurement_each_minute_fit_into_4_kib() {
    let longest = ten_years(60_000);
    assert!((1500..=4096).contains(&longest), "{longest}");
}

#[test]
#[ignore = "takes some minutes without optimisation"]
fn ten_years_of_a_measurement_each_second_fit_into_4_kib() {
    let longest = ten_years(1000);
    assert!((1500..=4096).contains(&longest), "{longest}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_record_brings_back_the_same_device(
        times in prop::collection::vec(0..400 * DAY, 0..300),
        target in prop::option::of(-50.0..=150.0f64),
    ) {
        let (mut device, _) = fresh();
        for time in times {
            device.on_timer("telemetry", at(START + time));
        }
        desire(&mut device, &json!({"targetTemperature": target}));
        let record = device.save().unwrap();
        let (again, _) = Thermostat::begin(Reason::Swap, &[], Some(&record), at(START)).unwrap();
        prop_assert_eq!(again.save().unwrap(), record);
        prop_assert_eq!(again, device);
    }

    #[test]
    fn the_record_of_any_life_fits_into_4_kib(
        spells in prop::collection::vec((1..1000_i64, 10..86_400_000_i64, 0..100 * DAY), 1..12),
    ) {
        let (mut device, _) = fresh();
        let mut now = START;
        for (count, interval, pause) in spells {
            for _ in 0..count {
                now += interval;
                device.on_timer("telemetry", at(now));
            }
            prop_assert!(device.save().unwrap().len() <= 4096);
            now += pause;
        }
    }

    #[test]
    fn no_record_panics(record in ".{0,60}", numbers in prop::collection::vec(any::<i64>(), 0..12), list in 0..7usize) {
        let _ = Thermostat::begin(Reason::Swap, &[], Some(&record), at(START));
        let list = ["running", "first", "exact", "minutes", "days", "months", "older"][list];
        let mut record: Value = serde_json::from_str(&fresh().0.save().unwrap()).unwrap();
        record[list] = json!(numbers);
        if let Ok((mut device, _)) = Thermostat::begin(Reason::Swap, &[], Some(&record.to_string()), at(START)) {
            device.on_timer("telemetry", at(START));
            call(&device, START, Some("\"2020-01-01T00:00:00Z\""));
            device.save().unwrap();
        }
    }
}
