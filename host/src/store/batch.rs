//! What one call into a behaviour changes, kept all at once or not at all.

use std::time::Duration;

use super::{
    aside::CloudMessage,
    outbox::Outgoing,
    saved::{Place, Saved},
};
use crate::{
    device::{
        effect::{Effect, Report, Schedule},
        timers::Timers,
    },
    hub::twin::{Twin, component_report},
    swap::{Entry, Versions},
};

/// What one event has changed. It is applied whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// The record after it, if a component was called.
    pub record: Option<String>,
    /// What is to be sent, in order.
    pub outgoing: Vec<Outgoing>,
    /// What is set aside, and what comes of it, in order.
    pub aside: Vec<AsideChange>,
    /// What happens to timers, in order.
    pub timers: Vec<TimerChange>,
    /// The twin after it, if it changed.
    pub twin: Option<Twin>,
    /// The hub that has accepted the device, if it is another one than before.
    pub place: Option<Place>,
    /// The versions after it, if they changed.
    pub versions: Option<Versions>,
    /// Steps of versions, in order.
    pub steps: Vec<Entry>,
}

/// What happens to a timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// Its call went well.
    Fired(String),
    /// Its call failed.
    Failed(String),
    /// It is armed.
    Set(String, Schedule),
    /// It is removed.
    Cancel(String),
    /// These are all there are.
    All(Timers),
}

/// What happens to things set aside.
#[derive(Clone, Debug, PartialEq)]
pub enum AsideChange {
    /// The entry of the outbox with this id is set aside, for this reason.
    Outgoing(u64, String),
    /// A message of the cloud's is set aside, for this reason.
    Message(CloudMessage, String),
    /// What is to be sent to the hub goes back into the outbox, at its end.
    Return(u64),
    /// It is delivered, or nobody wants it.
    Gone(u64),
}

impl Batch {
    /// Takes what a call has staged.
    pub fn stage(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Telemetry(message) => self.outgoing.push(Outgoing::Telemetry(message)),
                Effect::Report(Report {
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

impl Saved {
    /// Applies a batch at this time; what is to be sent is returned.
    pub(super) fn apply(&mut self, batch: Batch, now: Duration) -> Vec<Outgoing> {
        if let Some(record) = batch.record {
            self.record = Some(record);
        }
        for change in batch.timers {
            match change {
                TimerChange::Fired(name) => self.timers.fired(&name, now),
                TimerChange::Failed(name) => self.timers.failed(&name, now),
                TimerChange::Set(name, schedule) => self.timers.set(name, schedule, now),
                TimerChange::Cancel(name) => self.timers.cancel(&name),
                TimerChange::All(timers) => self.timers = timers,
            }
        }
        if let Some(twin) = batch.twin {
            self.twin = twin;
        }
        if let Some(place) = batch.place {
            self.place = Some(place);
        }
        if let Some(versions) = batch.versions {
            self.versions = versions;
        }
        for step in batch.steps {
            self.history.add(step);
        }
        batch.outgoing
    }
}
