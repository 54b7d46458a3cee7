//! Starting, measuring, being replaced.

use guest_thermostat::{Effect, Reason, Thermostat};
use serde_json::json;

use crate::{DAY, START, at, call, desire, fresh, measured, reported, settings, temperature};

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
            Thermostat::init(reason, &[], Some(&device.save().unwrap()), at(START + DAY)).unwrap();
        assert_eq!((next.save(), effects), (device.save(), vec![]));
    }
}

#[test]
fn another_interval_sets_the_running_timer_anew() {
    let (device, _) = measured(100, 8000);
    let record = device.save().unwrap();
    let (_, effects) =
        Thermostat::init(Reason::Swap, &settings("2s"), Some(&record), at(START)).unwrap();
    assert_eq!(effects, [Effect::SetTimer(2000)]);
}

#[test]
fn fresh_forgets_what_was_and_a_missing_record_begins_as_fresh() {
    let (device, _) = measured(100, 8000);
    let now = at(START + DAY);
    let fresh = Thermostat::init(Reason::Fresh, &[], None, now).unwrap();
    assert_eq!(
        Thermostat::init(Reason::Fresh, &[], Some(&device.save().unwrap()), now).unwrap(),
        fresh
    );
    assert_eq!(
        Thermostat::init(Reason::Recovered, &[], None, now).unwrap(),
        fresh
    );
}

#[test]
fn a_restart_begins_a_new_maximum_and_keeps_history_and_target() {
    let (mut device, sent) = measured(100, 8000);
    desire(&mut device, &json!({"targetTemperature": 23.5}));
    let now = START + DAY;
    let (mut next, effects) =
        Thermostat::init(Reason::Restart, &[], Some(&device.save().unwrap()), at(now)).unwrap();
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
