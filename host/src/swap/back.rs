//! What it comes to that a version is withdrawn, in a running device and at a start alike: the batch, and the step, which is
//! not in the batch yet.

use super::{Entry, Source, Step, Versions};
use crate::{
    clock::Clock,
    device::timers::Timers,
    store::{
        Saved,
        batch::{Batch, TimerChange},
    },
};

/// Withdraws the version on probation: record and timers of the version before are restored, and all desired properties
/// applied again. None if no version is on probation.
pub(crate) fn roll_back(
    saved: &Saved,
    clock: &dyn Clock,
    source: Source,
    reason: &str,
) -> Option<(Batch, Entry)> {
    let mut versions = saved.versions.clone();
    let fallback = versions.roll_back(reason)?;
    let entry = entry(saved, clock, source, reason, &versions);
    let timers = Timers::restored(fallback.timers, clock);
    let batch = Batch {
        record: fallback.record,
        timers: vec![TimerChange::All(timers)],
        twin: Some(saved.twin.unapplied()),
        versions: Some(versions),
        ..Batch::default()
    };
    Some((batch, entry))
}

/// Withdraws an accepted version: the one before it takes over the state there is. None if there is none.
pub(crate) fn fall_back(
    saved: &Saved,
    clock: &dyn Clock,
    source: Source,
    reason: &str,
) -> Option<(Batch, Entry)> {
    let mut versions = saved.versions.clone();
    versions.fall_back(reason)?;
    let entry = entry(saved, clock, source, reason, &versions);
    let batch = Batch {
        versions: Some(versions),
        ..Batch::default()
    };
    Some((batch, entry))
}

fn entry(
    saved: &Saved,
    clock: &dyn Clock,
    source: Source,
    reason: &str,
    after: &Versions,
) -> Entry {
    let about = |versions: &Versions| versions.running.as_ref().map(|it| it.about.clone());
    let mut entry = Entry::new(clock.now(), Step::RolledBack, source).because(reason);
    entry.version = about(&saved.versions);
    entry.instead = about(after);
    entry
}
