//! What a roll-back comes to, in a running device and at a start alike.

use super::{Entry, Source, Step};
use crate::{
    clock::Clock,
    device::timers::Timers,
    store::{
        Saved,
        batch::{Batch, TimerChange},
    },
};

/// Withdraws the version on probation: the batch that restores record and timers of the version before and lets all
/// desired properties be applied again, and the step, which is not in the batch yet. None if no version is on probation.
pub(crate) fn roll_back(
    saved: &Saved,
    clock: &dyn Clock,
    source: Source,
    reason: &str,
) -> Option<(Batch, Entry)> {
    let mut versions = saved.versions.clone();
    let withdrawn = versions.running.clone().map(|running| running.about);
    let fallback = versions.roll_back(reason)?;
    let mut entry = Entry::new(clock.now(), Step::RolledBack, source).because(reason);
    entry.version = withdrawn;
    entry.instead = Some(fallback.version.about);
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
