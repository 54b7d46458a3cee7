//! The batch and the history entry of a rollback, in a running device and at a start alike.

use super::{HistoryEntry, SwapSource, SwapStep, Versions};
use crate::{
    clock::Clock,
    device::timers::Timers,
    store::{
        DeviceState,
        batch::{Batch, TimerChange},
    },
};

/// Builds the batch and history entry that roll back the version on probation: the previous version's record and timers are
/// restored, and all desired properties are applied again. `None` if no version is on probation. The entry is not in the
/// batch yet.
pub(crate) fn roll_back_to_fallback(
    state: &DeviceState,
    clock: &dyn Clock,
    source: SwapSource,
    reason: &str,
) -> Option<(Batch, HistoryEntry)> {
    let mut versions = state.versions.clone();
    let fallback = versions.roll_back_to_fallback(reason)?;
    let entry = entry(state, clock, source, reason, &versions);
    let timers = Timers::from_persisted(fallback.timers, clock);
    let batch = Batch {
        record: fallback.record,
        timers: vec![TimerChange::All(timers)],
        twin: Some(state.twin.unapplied()),
        versions: Some(versions),
        ..Batch::default()
    };
    Some((batch, entry))
}

/// Builds the batch and history entry that roll back an accepted version: the previous version takes the current state.
/// `None` if there is no previous version. The entry is not in the batch yet.
pub(crate) fn roll_back_to_previous(
    state: &DeviceState,
    clock: &dyn Clock,
    source: SwapSource,
    reason: &str,
) -> Option<(Batch, HistoryEntry)> {
    let mut versions = state.versions.clone();
    versions.roll_back_to_previous(reason)?;
    let entry = entry(state, clock, source, reason, &versions);
    let batch = Batch {
        versions: Some(versions),
        ..Batch::default()
    };
    Some((batch, entry))
}

fn entry(
    state: &DeviceState,
    clock: &dyn Clock,
    source: SwapSource,
    reason: &str,
    after: &Versions,
) -> HistoryEntry {
    let running = |versions: &Versions| versions.running.as_ref().map(|it| it.info.clone());
    let mut entry =
        HistoryEntry::new(clock.now(), SwapStep::RolledBack, source).with_reason(reason);
    entry.version = running(&state.versions);
    entry.rolled_back_to = running(after);
    entry
}
