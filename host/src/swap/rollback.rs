//! The batch and the history entry of a rollback, in a running device and at a start alike.

use crate::{
    clock::Clock,
    contract::timers::Timers,
    store::{
        DeviceState, DeviceStore, ProbationEnd,
        batch::{Batch, TimerChange},
    },
    versions::{HistoryEntry, SwapSource, SwapStep, Versions},
};

/// Builds the batch and history entry that roll back the version on probation: the previous version's record and timers are
/// restored, all desired properties are applied again, and what the candidate had queued for the cloud or taken from it is
/// undone. `None` if no version is on probation. The entry is not in the batch yet.
pub(crate) fn roll_back_to_fallback(
    store: &DeviceStore,
    clock: &dyn Clock,
    source: SwapSource,
    reason: &str,
) -> Option<(Batch, HistoryEntry)> {
    let state = store.state();
    let mut versions = state.versions.clone();
    let fallback = versions.roll_back_to_fallback(reason)?;
    let mut entry = entry(state, clock, source, reason, &versions);
    let undone = store.candidate_items();
    entry.dropped_messages = Some(undone.dropped);
    entry.redelivered_messages = Some(undone.redelivered);
    let timers = Timers::from_persisted(fallback.state.timers, clock);
    let batch = Batch {
        record: fallback.state.record,
        probation_end: Some(ProbationEnd::RolledBack),
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
