//! The state of a device in memory, and as it is persisted.

use serde::{Deserialize, Serialize};

use super::{
    batch::Batch,
    dead_letter::{DeadLetter, DeadLetterCounts},
    kept_messages::KeptMessage,
    outbox::PersistedOutbox,
    row::Row,
};
use crate::{
    clock::Clock,
    contract::timers::{PersistedTimer, Timers},
    hub::twin::Twin,
    provision::dps::{Assignment, Enrollment},
    versions::{History, Versions},
};

/// The state of a device, as of its last batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeviceState {
    /// The last record of the component; `None` if none ever ran.
    pub record: Option<String>,
    /// The timers armed.
    pub timers: Timers,
    /// The applied desired properties.
    pub twin: Twin,
    /// The hub that last accepted the device; `None` if none ever has.
    pub hub_binding: Option<HubBinding>,
    /// The versions of its behaviour.
    pub versions: Versions,
    /// The swap history.
    pub history: History,
}

/// The stored assignment of a device to the hub that has accepted it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubBinding {
    /// The enrollment DPS assigned the hub for; `None` for a connection string.
    #[serde(alias = "enrolment")]
    pub enrollment: Option<Enrollment>,
    /// The hub, and the device ID there.
    pub assignment: Assignment,
}

/// The state of a device as an earlier process has persisted it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersistedState {
    /// The component's record.
    pub record: Option<String>,
    /// Its timers.
    pub timers: Vec<PersistedTimer>,
    /// The applied desired properties.
    pub twin: Twin,
    /// The hub that last accepted the device.
    pub hub_binding: Option<HubBinding>,
    /// The versions of its behaviour.
    pub versions: Versions,
    /// The swap history.
    pub history: History,
    /// The outbox.
    pub outbox: PersistedOutbox,
    /// The dead letters, by id.
    pub dead_letters: Vec<(u64, DeadLetter)>,
    /// The number of dead letters since the device first ran.
    pub dead_letter_counts: DeadLetterCounts,
    /// The kept cloud-to-device messages, by id.
    pub messages: Vec<(u64, KeptMessage)>,
}

/// The parts of a [`DeviceState`] that a batch changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChangedParts {
    pub(super) record: bool,
    pub(super) timers: bool,
    pub(super) twin: bool,
    pub(super) hub_binding: bool,
    pub(super) versions: bool,
    pub(super) history: bool,
}

impl ChangedParts {
    pub(super) const NONE: Self = Self {
        record: false,
        timers: false,
        twin: false,
        hub_binding: false,
        versions: false,
        history: false,
    };

    pub(super) const ALL: Self = Self {
        record: true,
        timers: true,
        twin: true,
        hub_binding: true,
        versions: true,
        history: true,
    };
}

impl DeviceState {
    /// Returns the parts this batch changes when it is applied, without the timers.
    pub(super) fn changed_by(&self, batch: &Batch) -> ChangedParts {
        ChangedParts {
            record: batch.record.is_some() && batch.record != self.record,
            timers: false,
            twin: batch.twin.is_some(),
            hub_binding: batch.hub_binding.is_some(),
            versions: batch.versions.is_some(),
            history: !batch.steps.is_empty(),
        }
    }

    /// Returns the rows of these parts.
    pub(super) fn rows(&self, changed: ChangedParts, clock: &dyn Clock) -> Vec<Row<'_>> {
        let record = self.record.as_deref().filter(|_| changed.record);
        let timers = changed.timers.then(|| self.timers.to_persisted(clock));
        let twin = changed.twin.then_some(&self.twin);
        let hub_binding = self.hub_binding.as_ref().filter(|_| changed.hub_binding);
        let versions = changed.versions.then_some(&self.versions);
        let history = changed.history.then_some(&self.history);
        let parts = [
            record.map(Row::Record),
            timers.map(Row::Timers),
            twin.map(Row::Twin),
            hub_binding.map(Row::HubBinding),
            versions.map(Row::Versions),
            history.map(Row::History),
        ];
        parts.into_iter().flatten().collect()
    }

    /// Restores persisted state, with timers on this process's clock.
    pub(super) fn restored(kept: &mut PersistedState, clock: &dyn Clock) -> Self {
        let timers = std::mem::take(&mut kept.timers);
        Self {
            record: kept.record.take(),
            timers: Timers::from_persisted(timers, clock),
            twin: std::mem::take(&mut kept.twin),
            hub_binding: kept.hub_binding.take(),
            versions: std::mem::take(&mut kept.versions),
            history: std::mem::take(&mut kept.history),
        }
    }
}
