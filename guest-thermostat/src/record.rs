//! What outlives an instance. The document `docs/thermostat.md` specifies it.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::history::{HistoryNumbers, Window};
use crate::property::TARGET_RANGE;
use crate::temperature::Statistics;
use crate::timestamp::Timestamp;

/// The version of the record's shape that this device writes and reads.
const SCHEMA: u32 = 1;

/// The record in the shape of its JSON text.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    schema: u32,
    /// Milliseconds between two measurements: the period of the timer that runs.
    pub(crate) interval: u32,
    /// The target temperature, as it was set.
    pub(crate) target: Option<Number>,
    /// Since the device started: milliseconds of the first measurement, count, sum, lowest and highest.
    running: [i64; 5],
    pub(crate) history: HistoryNumbers,
}

impl Record {
    pub(crate) fn new(
        interval: u32,
        target: Option<Number>,
        running: Window,
        history: HistoryNumbers,
    ) -> Self {
        let [count, sum, min, max] = running.statistics.to_numbers();
        let running = [running.start.as_millis(), count, sum, min, max];
        Self {
            schema: SCHEMA,
            interval,
            target,
            running,
            history,
        }
    }

    /// # Errors
    /// Why this text is not a record of the schema this device knows.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let unreadable = |error: serde_json::Error| format!("it cannot be read: {error}");
        let Version { schema } = serde_json::from_str(text).map_err(unreadable)?;
        if schema != SCHEMA {
            return Err(format!(
                "it has schema {schema}, this thermostat reads schema {SCHEMA}"
            ));
        }
        let record: Self = serde_json::from_str(text).map_err(unreadable)?;
        let target = record.target.as_ref().and_then(Number::as_f64);
        match target {
            Some(target) if !TARGET_RANGE.contains(&target) => {
                Err("its target is out of range".to_owned())
            }
            _ => Ok(record),
        }
    }

    /// What was measured since the device started.
    pub(crate) fn running(&self) -> Result<Window, String> {
        let [start, count, sum, min, max] = self.running;
        let statistics = Statistics::from_numbers([count, sum, min, max])
            .ok_or("its list running is damaged")?;
        Ok(Window {
            start: Timestamp::from_millis(start),
            statistics,
        })
    }

    pub(crate) fn to_text(&self) -> Result<String, String> {
        serde_json::to_string(self)
            .map_err(|error| format!("the record cannot be written: {error}"))
    }
}
