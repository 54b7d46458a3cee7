//! The record and its bounds.

use guest_thermostat::{Reason, Thermostat};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{DAY, START, at, call, desire, fresh};

#[test]
fn a_record_that_cannot_be_used_is_an_error_that_says_why() {
    let record = fresh().0.save().unwrap();
    for (wrong, reason) in [
        (String::new(), "not a JSON object"),
        ("[1]".to_owned(), "not a JSON object"),
        ("{}".to_owned(), "missing member schema"),
        (record.replace("\"schema\":1", "\"schema\":2"), "schema 2"),
        (
            record.replace("\"exact\"", "\"exakt\""),
            "missing member exact",
        ),
        (
            record.replace("\"exact\":[", "\"exact\":[1,"),
            "invalid member exact",
        ),
        (
            record.replace("\"minutes\":[", "\"minutes\":[5,1,9,1,1"),
            "invalid member minutes",
        ),
        (
            record.replace("\"minutes\":[", "\"minutes\":[9000000000000000000,1,5,5,5"),
            "invalid member minutes",
        ),
        (
            record.replace("\"target\":null", "\"target\":\"warm\""),
            "invalid member target",
        ),
        (record.replace("{", "{\"more\":1,"), "\"more\""),
    ] {
        let error = Thermostat::init(Reason::Swap, &[], Some(&wrong), at(START)).unwrap_err();
        assert!(
            error.contains("record") && error.contains(reason),
            "{wrong}: {error}"
        );
    }
}

#[test]
fn a_target_another_version_has_accepted_stays_whatever_the_range() {
    let (device, _) = Thermostat::init(Reason::Fresh, &[], None, at(START)).unwrap();
    let record = device.save().unwrap();
    let other = record.replace("\"target\":null", "\"target\":151");
    assert_ne!(other, record);
    let (device, _) = Thermostat::init(Reason::Swap, &[], Some(&other), at(START)).unwrap();
    assert!(device.save().unwrap().contains("\"target\":151,"));
}

#[test]
fn the_record_in_the_document_is_read_and_written_as_it_stands_there() {
    let document = include_str!("../../../docs/thermostat.md");
    let (_, example) = document.split_once("```json\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let (device, effects) = Thermostat::init(Reason::Swap, &[], Some(example), at(START)).unwrap();
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
        let last = START + times.last().copied().unwrap_or_default();
        for time in times {
            device.on_timer("telemetry", at(START + time));
        }
        desire(&mut device, &json!({"targetTemperature": target}));
        let record = device.save().unwrap();
        let (again, _) = Thermostat::init(Reason::Swap, &[], Some(&record), at(last)).unwrap();
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
        let _ = Thermostat::init(Reason::Swap, &[], Some(&record), at(START));
        let list = ["running", "first", "exact", "minutes", "days", "months", "older"][list];
        let mut record: Value = serde_json::from_str(&fresh().0.save().unwrap()).unwrap();
        record[list] = json!(numbers);
        if let Ok((mut device, _)) = Thermostat::init(Reason::Swap, &[], Some(&record.to_string()), at(START)) {
            device.on_timer("telemetry", at(START));
            call(&device, START, Some("\"2020-01-01T00:00:00Z\""));
            device.save().unwrap();
        }
    }
}
