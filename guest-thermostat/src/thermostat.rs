//! The thermostat.

use serde_json::Number;

use crate::{
    clock::ClockReading,
    command::{self, Reply},
    history::{History, Window},
    property::{self, Acknowledgment},
    record::{self, Record},
    sensor,
    settings::Settings,
    temperature::{Statistics, Temperature},
    timestamp::Timestamp,
};

/// Name of the timer for measurements.
pub const TIMER: &str = "telemetry";

/// The description of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name for people.
    pub name: &'static str,
    /// Version of the component.
    pub version: &'static str,
    /// The Plug and Play model.
    pub model_id: &'static str,
}

/// The description of the thermostat.
pub const DESCRIPTION: Description = Description {
    name: "thermostat",
    version: env!("CARGO_PKG_VERSION"),
    model_id: "dtmi:com:example:Thermostat;1",
};

/// The reason for starting an instance.
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

/// The inputs of an event from outside.
#[derive(Clone, Copy, Debug)]
pub struct EventContext {
    /// The clocks at the event.
    pub clock: ClockReading,
    /// A uniformly random number.
    pub random: u32,
}

/// An effect of an event, for the host to apply in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Report properties: a JSON object as text.
    Report(String),
    /// Send telemetry: JSON text.
    SendTelemetry(String),
    /// Set the periodic timer [`TIMER`] to this period in milliseconds.
    SetTimer(u32),
}

/// The state of a thermostat between two events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thermostat {
    settings: Settings,
    target: Option<Number>,
    /// Since the device started. Its highest temperature is the property `maxTempSinceLastReboot`.
    running: Window,
    history: History,
    /// The clocks at the last event that changed something.
    clock: ClockReading,
}

impl Thermostat {
    /// Starts an instance, from the last record if there is one. A fresh or restarted device, or one without a record,
    /// measures, reports and sends the measurement, and sets its timer; otherwise it continues.
    ///
    /// # Errors
    /// A message for the owner if a setting or the record is invalid.
    pub fn init(
        reason: Reason,
        settings: &[(String, String)],
        record: Option<&str>,
        context: EventContext,
    ) -> Result<(Self, Vec<Effect>), String> {
        let settings = Settings::parse(settings)?;
        let Some(text) = record.filter(|_| reason != Reason::Fresh) else {
            return Ok(Self::start(settings, None, History::default(), context));
        };
        let record =
            Record::parse(text).map_err(|error| format!("the record cannot be used: {error}"))?;
        let Record {
            interval_ms,
            target,
            running,
            history,
        } = record;
        if reason == Reason::Restart {
            return Ok(Self::start(settings, target, history, context));
        }
        let timer =
            (interval_ms != settings.interval_ms).then_some(Effect::SetTimer(settings.interval_ms));
        Ok((
            Self {
                settings,
                target,
                running,
                history,
                clock: context.clock,
            },
            timer.into_iter().collect(),
        ))
    }

    /// Handles a timer.
    pub fn on_timer(&mut self, name: &str, context: EventContext) -> Vec<Effect> {
        if name != TIMER {
            return Vec::new();
        }
        let temperature = sense(self.target.as_ref(), &self.history, context);
        self.history.add(context.clock.now, temperature);
        let highest = self.running.statistics.max();
        self.running.start = self.started_at(context.clock);
        self.clock = context.clock;
        self.running.statistics = self.running.statistics.merge(Statistics::of(temperature));
        let report = (temperature > highest).then(|| report_highest(temperature));
        report.into_iter().chain([send(temperature)]).collect()
    }

    /// Applies desired properties: a JSON object as text.
    ///
    /// # Errors
    /// If it is not a JSON object.
    pub fn on_desired(
        &mut self,
        component: Option<&str>,
        properties: &str,
    ) -> Result<Vec<Acknowledgment>, String> {
        let highest = self.running.statistics.max();
        property::apply(component, properties, &mut self.target, highest)
    }

    /// Runs a command.
    pub fn on_command(
        &self,
        component: Option<&str>,
        name: &str,
        payload: Option<&str>,
        clock: ClockReading,
    ) -> Reply {
        match (component, name) {
            (None, "getMaxMinReport") => {
                let running = Window {
                    start: self.started_at(clock),
                    ..self.running
                };
                command::max_min_report(payload, &self.history, running, clock.now)
            }
            (None, _) => {
                command::error_reply(404, "unknown command: only getMaxMinReport is supported")
            }
            (Some(_), _) => command::error_reply(404, "unknown component: the thermostat has none"),
        }
    }

    /// Returns the record, JSON text of at most 4 KiB.
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
        .map_err(|error| format!("cannot serialize the record: {error}"))
    }

    /// Returns the time of the start by the time of day as it reads now, never later than now.
    fn started_at(&self, clock: ClockReading) -> Timestamp {
        let start = self.clock.adjust(self.running.start, clock);
        start.min(clock.now)
    }

    /// Starts a device with its first measurement.
    fn start(
        settings: Settings,
        target: Option<Number>,
        mut history: History,
        context: EventContext,
    ) -> (Self, Vec<Effect>) {
        let temperature = sense(target.as_ref(), &history, context);
        history.add(context.clock.now, temperature);
        let running = Window {
            start: context.clock.now,
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
                clock: context.clock,
            },
            effects,
        )
    }
}

fn sense(target: Option<&Number>, history: &History, context: EventContext) -> Temperature {
    let last = history.latest().map(|(_, temperature)| temperature);
    sensor::measure(context.random, target.and_then(Number::as_f64), last)
}

fn report_highest(temperature: Temperature) -> Effect {
    Effect::Report(format!("{{\"maxTempSinceLastReboot\":{temperature}}}"))
}

fn send(temperature: Temperature) -> Effect {
    Effect::SendTelemetry(format!("{{\"temperature\":{temperature}}}"))
}
