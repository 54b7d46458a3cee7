//! The thermostat as its users see it: events in, effects and answers out.

mod commands;
mod life;
mod properties;
mod record;

use guest_thermostat::{ClockReading, Effect, EventContext, Reason, Thermostat, Timestamp};
use serde_json::Value;

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;
const DAY: i64 = 86_400_000;

fn at(millis: i64) -> EventContext {
    // A hash of the time, so that each measurement differs and the same time gives the same.
    let random = (millis as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    EventContext {
        clock: clock(millis),
        random: random as u32,
    }
}

/// The clocks at this time; both go evenly.
fn clock(millis: i64) -> ClockReading {
    ClockReading {
        now: Timestamp::from_millis(millis),
        monotonic: millis,
    }
}

fn settings(interval: &str) -> Vec<(String, String)> {
    vec![("telemetry-interval".to_owned(), interval.to_owned())]
}

fn fresh() -> (Thermostat, Vec<Effect>) {
    Thermostat::init(Reason::Fresh, &[], None, at(START)).unwrap()
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
    call_at(device, clock(now), payload)
}

fn call_at(device: &Thermostat, clock: ClockReading, payload: Option<&str>) -> (u32, Value) {
    let reply = device.on_command(None, "getMaxMinReport", payload, clock);
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
