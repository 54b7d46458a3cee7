//! What a device knows of itself.

use serde::{Deserialize, Serialize};

use super::{
    aside::{SetAside, Tally},
    batch::Batch,
    outbox::Outgoing,
    row::Row,
};
use crate::{
    clock::Clock,
    device::timers::{KeptTimer, Timers},
    hub::twin::Twin,
    provision::dps::{Assignment, Enrolment},
    swap::{History, Versions},
};

/// What a device knows of itself, as of its last batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// What the component last saved; none if none ever ran.
    pub record: Option<String>,
    /// The timers armed.
    pub timers: Timers,
    /// What was applied of the desired properties.
    pub twin: Twin,
    /// The hub that last accepted the device; none if none ever has.
    pub place: Option<Place>,
    /// The versions of its behaviour.
    pub versions: Versions,
    /// What became of them.
    pub history: History,
}

/// A hub that has accepted the device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// What DPS named it for; none if a connection string did.
    pub enrolment: Option<Enrolment>,
    /// The hub, and the device's name there.
    pub assignment: Assignment,
}

/// What an earlier process has left of a device.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The component's record.
    pub record: Option<String>,
    /// Its timers.
    pub timers: Vec<KeptTimer>,
    /// What was applied of the desired properties.
    pub twin: Twin,
    /// The hub that last accepted the device.
    pub place: Option<Place>,
    /// The versions of its behaviour.
    pub versions: Versions,
    /// What became of them.
    pub history: History,
    /// How many messages have given way so far.
    pub evicted: u64,
    /// What was to be sent, by id.
    pub outgoing: Vec<(u64, Outgoing)>,
    /// What was set aside, by id.
    pub aside: Vec<(u64, SetAside)>,
    /// How much was ever set aside.
    pub aside_tally: Tally,
}

/// Which parts of it a batch changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Changed {
    record: bool,
    timers: bool,
    twin: bool,
    place: bool,
    versions: bool,
    history: bool,
}

impl Changed {
    pub(super) const ALL: Self = Self {
        record: true,
        timers: true,
        twin: true,
        place: true,
        versions: true,
        history: true,
    };
}

impl Saved {
    /// What this batch changes, if it is applied.
    pub(super) fn changed_by(&self, batch: &Batch) -> Changed {
        Changed {
            record: batch.record.is_some() && batch.record != self.record,
            timers: !batch.timers.is_empty(),
            twin: batch.twin.is_some(),
            place: batch.place.is_some(),
            versions: batch.versions.is_some(),
            history: !batch.steps.is_empty(),
        }
    }

    /// The rows of these parts.
    pub(super) fn rows(&self, changed: Changed, clock: &dyn Clock) -> Vec<Row<'_>> {
        let record = self.record.as_deref().filter(|_| changed.record);
        let timers = changed.timers.then(|| self.timers.kept(clock));
        let twin = changed.twin.then_some(&self.twin);
        let place = self.place.as_ref().filter(|_| changed.place);
        let versions = changed.versions.then_some(&self.versions);
        let history = changed.history.then_some(&self.history);
        let parts = [
            record.map(Row::Record),
            timers.map(Row::Timers),
            twin.map(Row::Twin),
            place.map(Row::Place),
            versions.map(Row::Versions),
            history.map(Row::History),
        ];
        parts.into_iter().flatten().collect()
    }

    /// What was kept, on this process's clock.
    pub(super) fn restored(kept: &mut Kept, clock: &dyn Clock) -> Self {
        let timers = std::mem::take(&mut kept.timers);
        Self {
            record: kept.record.take(),
            timers: Timers::restored(timers, clock),
            twin: std::mem::take(&mut kept.twin),
            place: kept.place.take(),
            versions: std::mem::take(&mut kept.versions),
            history: std::mem::take(&mut kept.history),
        }
    }
}
