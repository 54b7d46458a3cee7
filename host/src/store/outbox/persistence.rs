//! The outbox on disk: its rows, and its restoration from them.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{retention::Retention, row::Row},
    Evictions, Outbox, Outgoing,
    eviction::RunningTime,
};
use crate::hub::session::WINDOW;

/// An outbox as an earlier process has persisted it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PersistedOutbox {
    /// The items, by id.
    pub outgoing: Vec<(u64, Outgoing)>,
    /// The running time at which each message was queued; none for messages of an older host, which are as old as hosts have
    /// run since.
    pub queued: BTreeMap<u64, Duration>,
    /// The number of messages evicted.
    pub evicted: u64,
}

impl Outbox {
    /// Restores a persisted outbox at this monotonic time. The oldest messages may have arrived already.
    #[must_use]
    pub fn restored(kept: PersistedOutbox, retention: Retention, now: Duration) -> Self {
        let queued = kept.queued.values().copied();
        let mut outbox = Self {
            running: RunningTime::continued(queued, now),
            evictions: Evictions {
                total: kept.evicted,
                expired: 0,
            },
            ..Self::new(retention)
        };
        for (id, outgoing) in kept.outgoing {
            let queued = kept.queued.get(&id).copied().unwrap_or_default();
            outbox.insert(id, 0, outgoing, queued);
            outbox.next_id = outbox.next_id.max(id + 1);
        }
        outbox.telemetry.mark_possibly_delivered(WINDOW);
        outbox
    }

    /// Adds a row for each entry added or removed since the last [`mark_persisted`](Self::mark_persisted).
    pub(in crate::store) fn changed_rows<'a>(&'a self, rows: &mut Vec<Row<'a>>) {
        rows.extend(self.changed.iter().map(|id| {
            let message = self.telemetry.entry(*id);
            let message = message.map(|it| Row::Telemetry(*id, it.queued, &it.item));
            let report = || self.reports.get(*id).map(|it| Row::Report(*id, it));
            message.or_else(report).unwrap_or(Row::OutgoingRemoved(*id))
        }));
        if self.evictions_changed {
            rows.push(Row::Evicted(self.evictions.total));
        }
    }

    /// Notes that all changes went to the backend with this batch.
    pub(in crate::store) fn mark_persisted(&mut self, batch: u64) {
        self.changed.clear();
        self.evictions_changed = false;
        if self.acknowledged > 0 {
            self.unaccepted.push_back((batch, self.acknowledged));
            self.acknowledged = 0;
        }
    }

    /// Marks all entries as changed, so that they are persisted again.
    pub(in crate::store) fn mark_all_changed(&mut self) {
        self.changed.extend(self.telemetry.ids());
        self.changed.extend(self.reports.ids());
        self.evictions_changed = true;
    }

    /// Returns whether so many acknowledgments are unpersisted that they need a batch of their own.
    pub(in crate::store) fn has_unpersisted_acknowledgments(&self) -> bool {
        self.acknowledged >= WINDOW / 2
    }

    /// Notes that batches up to this one are accepted.
    pub(in crate::store) fn accepted(&mut self, accepted: u64) {
        while self
            .unaccepted
            .front()
            .is_some_and(|(batch, _)| *batch <= accepted)
        {
            self.unaccepted.pop_front();
        }
    }
}
