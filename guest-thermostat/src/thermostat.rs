//! The device.

use serde_json::Number;

use crate::command::{self, Reply};
use crate::history::{History, Window};
use crate::property::{self, Acknowledgment};
use crate::record::{self, Record};
use crate::sensor;
use crate::settings::Settings;
use crate::temperature::{Statistics, Temperature};
use crate::timestamp::Timestamp;

/// Name of the timer that has the device measure.
pub const TIMER: &str = "telemetry";

/// What the device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name for people.
    pub name: &'static str,
    /// Version of the component.
    pub version: &'static str,
    /// The Plug and Play model.
    pub model_id: &'static str,
}

/// What this device is.
pub const DESCRIPTION: Description = Description {
    name: "thermostat",
    version: env!("CARGO_PKG_VERSION"),
    model_id: "dtmi:com:example:Thermostat;1",
};

/// Why an instance begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The device has never run.
    Fresh,
    /// The device was started again.
    Restart,
    /// This version replaces another one.
    Swap,
    /// An earlier instance failed.
    Recovered,
}

/// What an event needs from the world.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The time of the event.
    pub now: Timestamp,
    /// A uniformly random number.
    pub chance: u32,
}

/// What is to be done after an event, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Report properties: a JSON object as text.
    Report(String),
    /// Send telemetry: JSON text.
    SendTelemetry(String),
    /// Set the periodic timer [`TIMER`] to so many milliseconds.
    SetTimer(u32),
}

/// A thermostat between two events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thermostat {
    settings: Settings,
    target: Option<Number>,
    /// Since the device started. Its highest temperature is the property `maxTempSinceLastReboot`.
    running: Window,
    history: History,
}

impl Thermostat {
    /// Begins, with the last record if there is one. A fresh or restarted device, or one without a record, measures, says
    /// so and sets its timer; otherwise it goes on where it was.
    ///
    /// # Errors
    /// A line for the owner, when a setting or the record cannot be used.
    pub fn begin(
        reason: Reason,
        settings: &[(String, String)],
        record: Option<&str>,
        moment: Moment,
    ) -> Result<(Self, Vec<Effect>), String> {
        let settings = Settings::read(settings)?;
        let Some(text) = record.filter(|_| reason != Reason::Fresh) else {
            return Ok(Self::start(settings, None, History::default(), moment));
        };
        let record =
            Record::read(text).map_err(|error| format!("the record cannot be used: {error}"))?;
        let Record {
            interval_ms,
            target,
            running,
            history,
        } = record;
        if reason == Reason::Restart {
            return Ok(Self::start(settings, target, history, moment));
        }
        let timer =
            (interval_ms != settings.interval_ms).then_some(Effect::SetTimer(settings.interval_ms));
        Ok((
            Self {
                settings,
                target,
                running,
                history,
            },
            timer.into_iter().collect(),
        ))
    }

    /// A timer is due.
    pub fn on_timer(&mut self, name: &str, moment: Moment) -> Vec<Effect> {
        if name != TIMER {
            return Vec::new();
        }
        let temperature = sense(self.target.as_ref(), &self.history, moment);
        self.history.add(moment.now, temperature);
        let highest = self.running.statistics.max();
        // Later than now only if the clock was set back.
        self.running.start = self.running.start.min(moment.now);
        self.running.statistics = self.running.statistics.merge(Statistics::of(temperature));
        let report = (temperature > highest).then(|| report_highest(temperature));
        report.into_iter().chain([send(temperature)]).collect()
    }

    /// Desired properties are to be applied: a JSON object as text.
    ///
    /// # Errors
    /// If it is none.
    pub fn on_desired(
        &mut self,
        component: Option<&str>,
        properties: &str,
    ) -> Result<Vec<Acknowledgment>, String> {
        let highest = self.running.statistics.max();
        property::apply(component, properties, &mut self.target, highest)
    }

    /// A command is to be carried out.
    pub fn on_command(
        &self,
        component: Option<&str>,
        name: &str,
        payload: Option<&str>,
        now: Timestamp,
    ) -> Reply {
        match (component, name) {
            (None, "getMaxMinReport") => {
                command::max_min_report(payload, &self.history, self.running, now)
            }
            (None, _) => {
                command::refusal(404, "no such command: the thermostat knows getMaxMinReport")
            }
            (Some(_), _) => command::refusal(404, "no such component: the thermostat has none"),
        }
    }

    /// The record, as JSON text of at most 4 KiB.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self) -> Result<String, String> {
        record::write(
            self.settings.interval_ms,
            self.target.as_ref(),
            self.running,
            &self.history,
        )
        .map_err(|error| format!("the record cannot be written: {error}"))
    }

    /// A device that starts: measures for the first time.
    fn start(
        settings: Settings,
        target: Option<Number>,
        mut history: History,
        moment: Moment,
    ) -> (Self, Vec<Effect>) {
        let temperature = sense(target.as_ref(), &history, moment);
        history.add(moment.now, temperature);
        let running = Window {
            start: moment.now,
            statistics: Statistics::of(temperature),
        };
        let effects = vec![
            report_highest(temperature),
            send(temperature),
            Effect::SetTimer(settings.interval_ms),
        ];
        (
            Self {
                settings,
                target,
                running,
                history,
            },
            effects,
        )
    }
}

fn sense(target: Option<&Number>, history: &History, moment: Moment) -> Temperature {
    let last = history.latest().map(|(_, temperature)| temperature);
    sensor::measure(moment.chance, target.and_then(Number::as_f64), last)
}

fn report_highest(temperature: Temperature) -> Effect {
    Effect::Report(format!("{{\"maxTempSinceLastReboot\":{temperature}}}"))
}

fn send(temperature: Temperature) -> Effect {
    Effect::SendTelemetry(format!("{{\"temperature\":{temperature}}}"))
}
