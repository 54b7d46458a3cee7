//! The record, as specified in `docs/thermostat.md`: JSON text that outlives an instance.

use serde_json::{Map, Number, Value};

use crate::{
    history::{History, Window},
    temperature::Statistics,
    timestamp::Timestamp,
};

/// The schema version of the record.
const SCHEMA: u32 = 1;

/// The content of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Milliseconds between two measurements: the period of the timer that runs.
    pub(crate) interval_ms: u32,
    /// Target temperature, as it was set.
    pub(crate) target: Option<Number>,
    /// Measurements since the device started.
    pub(crate) running: Window,
    /// All measurements.
    pub(crate) history: History,
}

impl Record {
    /// Parses a record.
    ///
    /// # Errors
    /// The reason if it is not a valid record of this schema.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Ok(Value::Object(mut members)) = serde_json::from_str(text) else {
            return Err("not a JSON object".to_owned());
        };
        match members.remove("schema") {
            Some(schema) if schema == SCHEMA => {}
            Some(schema) => {
                return Err(format!(
                    "schema {schema} is not supported, only schema {SCHEMA}"
                ));
            }
            None => return Err("missing member schema".to_owned()),
        }
        let record = Self {
            interval_ms: take(&mut members, "interval", |value| {
                u32::try_from(value.as_u64()?).ok()
            })?,
            target: take(&mut members, "target", target)?,
            running: take(&mut members, "running", running)?,
            history: History::from_lists(|name| take(&mut members, name, integers))?,
        };
        match members.keys().next() {
            Some(name) => Err(format!("unknown member {name:?} in schema {SCHEMA}")),
            None => Ok(record),
        }
    }
}

/// Serializes a record.
///
/// # Errors
/// If it cannot be written as JSON.
pub(crate) fn write(
    interval_ms: u32,
    target: Option<&Number>,
    running: Window,
    history: &History,
) -> Result<String, serde_json::Error> {
    let target = serde_json::to_string(&target)?;
    let mut text = format!("{{\"schema\":{SCHEMA},\"interval\":{interval_ms},\"target\":{target}");
    let [count, sum, min, max] = running.statistics.to_numbers();
    let running = vec![running.start.as_millis(), count, sum, min, max];
    for (name, numbers) in [("running", running)].into_iter().chain(history.to_lists()) {
        let numbers = serde_json::to_string(&numbers)?;
        text.extend([",\"", name, "\":", &numbers]);
    }
    text.push('}');
    Ok(text)
}

fn take<T>(
    members: &mut Map<String, Value>,
    name: &str,
    read: fn(Value) -> Option<T>,
) -> Result<T, String> {
    let value = members
        .remove(name)
        .ok_or_else(|| format!("missing member {name}"))?;
    read(value).ok_or_else(|| format!("invalid member {name}"))
}

fn target(value: Value) -> Option<Option<Number>> {
    match value {
        Value::Null => Some(None),
        // Accepted when it was set, perhaps by a version with another range.
        Value::Number(number) => Some(Some(number)),
        _ => None,
    }
}

fn running(value: Value) -> Option<Window> {
    let [start, statistics @ ..] = <[i64; 5]>::try_from(integers(value)?).ok()?;
    Some(Window {
        start: Timestamp::from_millis(start),
        statistics: Statistics::from_numbers(statistics)?,
    })
}

fn integers(value: Value) -> Option<Vec<i64>> {
    value.as_array()?.iter().map(Value::as_i64).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A list of so many of `numbers`, the first number of the first one being `first`.
    fn list<const N: usize>(count: usize, first: i64, numbers: [i64; N]) -> Value {
        let mut list = numbers.repeat(count);
        list[0] = first;
        json!(list)
    }

    #[test]
    fn the_fullest_record_fits_into_4_kib() {
        // A hundred measurements a second, each of two neighbours in a list ten years apart.
        let full = |count: i64, step| [step, count, count * 5000, 1000, 5000];
        let fullest = json!({
            "schema": 1,
            "interval": 86_400_000,
            "target": -49.999_999_999_999_99,
            "running": [1_767_225_600_000_i64, 31_536_000_000_i64, 31_536_000_000_i64 * 5000, 1000, 5000],
            "first": [1_767_225_600_000_i64],
            "exact": list(60, 1_767_225_600_000, [315_360_000_000, 5000]),
            "minutes": list(30, 29_453_760, full(6_000, 5_256_000)),
            "hours": list(24, 490_896, full(360_000, 87_600)),
            "days": list(14, 20_454, full(8_640_000, 3_650)),
            "months": list(12, 681, full(259_200_000, 121)),
            "older": list(1, 0, full(31_536_000_000, 0)),
        });
        let record = Record::parse(&fullest.to_string()).unwrap();
        let text = write(
            record.interval_ms,
            record.target.as_ref(),
            record.running,
            &record.history,
        )
        .unwrap();
        assert!((3800..=4096).contains(&text.len()), "{}", text.len());
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), fullest);
    }
}
