//! The changes of one call into a behaviour, committed as a whole or not at all.

use std::time::Duration;

use super::{
    dead_letter::CloudMessage,
    device_state::{ChangedParts, DeviceState, HubBinding},
    outbox::Outgoing,
    probation::ProbationEnd,
};
use crate::{
    contract::{
        behaviour::{Answer, Outcome},
        effect::{Effect, ReportedProperties, Schedule},
        timers::Timers,
    },
    hub::twin::{Twin, component_report},
    versions::{HistoryEntry, Versions},
};

/// The changes of one event. It is applied as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The record after it, if a component was called.
    pub record: Option<String>,
    /// The items to send, in order.
    pub outgoing: Vec<Outgoing>,
    /// Changes of dead letters, in order.
    pub dead_letters: Vec<DeadLetterChange>,
    /// Changes of kept cloud-to-device messages, in order.
    pub messages: Vec<MessageChange>,
    /// The end of the probation, which comes before all other changes.
    pub probation_end: Option<ProbationEnd>,
    /// Changes of timers, in order.
    pub timers: Vec<TimerChange>,
    /// The twin after it, if it changed.
    pub twin: Option<Twin>,
    /// The hub that has accepted the device, if it differs from the one before.
    pub hub_binding: Option<HubBinding>,
    /// The versions after it, if they changed.
    pub versions: Option<Versions>,
    /// Steps of swaps, in order.
    pub steps: Vec<HistoryEntry>,
}

/// A change of a timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// The call of the timer has succeeded.
    Fired(String),
    /// The call of the timer has failed.
    Failed(String),
    /// Arm the timer.
    Set(String, Schedule),
    /// Remove the timer.
    Cancel(String),
    /// Replace all timers.
    All(Timers),
}

/// A change of the dead letters.
#[derive(Clone, Debug, PartialEq)]
pub enum DeadLetterChange {
    /// Dead-letter the outbox entry with this id, for this reason.
    Outgoing(u64, String),
    /// Dead-letter a cloud-to-device message, for this reason.
    Message(CloudMessage, String),
    /// Dead-letter the kept cloud-to-device message with this id, for this reason.
    Kept(u64, String),
    /// Move a dead letter with this id to the end of the outbox.
    Requeue(u64),
    /// Remove the dead letter with this id: it is delivered or discarded.
    Remove(u64),
}

/// A change of the kept cloud-to-device messages.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageChange {
    /// Keep a message that the version on probation has handled.
    Keep(CloudMessage),
    /// The message with this id was handled; on probation it stays for the next version.
    Handled(u64),
}

impl Batch {
    /// Makes the batch of a call's outcome. Returns the answer beside it. `fired` is the timer that was the event.
    #[must_use]
    pub fn of(outcome: Outcome, fired: Option<String>) -> (Answer, Self) {
        let mut batch = Self {
            record: Some(outcome.record),
            // Before the effects, which may set the same timer again.
            timers: fired.map(TimerChange::Fired).into_iter().collect(),
            ..Self::default()
        };
        batch.stage(outcome.effects);
        (outcome.answer, batch)
    }

    /// Adds the effects a call has staged.
    pub fn stage(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Telemetry(message) => self.outgoing.push(Outgoing::Telemetry(message)),
                Effect::Report(ReportedProperties {
                    component,
                    properties,
                }) => {
                    self.outgoing.push(Outgoing::Report(component_report(
                        component.as_deref(),
                        properties,
                    )));
                }
                Effect::SetTimer(name, schedule) => {
                    self.timers.push(TimerChange::Set(name, schedule))
                }
                Effect::CancelTimer(name) => self.timers.push(TimerChange::Cancel(name)),
            }
        }
    }
}

impl DeviceState {
    /// Applies a batch at this time. Returns the parts that have changed, and the items to send. That a periodic timer is due
    /// at its next period is no change: the store need not know.
    pub(super) fn apply(&mut self, batch: Batch, now: Duration) -> (ChangedParts, Vec<Outgoing>) {
        let mut changed = self.changed_by(&batch);
        if let Some(record) = batch.record {
            self.record = Some(record);
        }
        for change in batch.timers {
            changed.timers |= match change {
                TimerChange::Fired(name) => self.timers.fired(&name, now),
                TimerChange::Failed(name) => self.timers.failed(&name, now),
                TimerChange::Set(name, schedule) => self.timers.set(name, schedule, now),
                TimerChange::Cancel(name) => self.timers.cancel(&name),
                TimerChange::All(timers) => {
                    self.timers = timers;
                    true
                }
            };
        }
        if let Some(twin) = batch.twin {
            self.twin = twin;
        }
        for outgoing in &batch.outgoing {
            if let Outgoing::Report(report) = outgoing {
                self.twin.note_reported(report);
            }
        }
        if let Some(binding) = batch.hub_binding {
            self.hub_binding = Some(binding);
        }
        if let Some(versions) = batch.versions {
            self.versions = versions;
        }
        for step in batch.steps {
            self.history.add(step);
        }
        (changed, batch.outgoing)
    }
}
