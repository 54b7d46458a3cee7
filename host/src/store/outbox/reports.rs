//! Merging of unsent reports.

use serde_json::{Map, Value};

use super::{super::queue::QueueEntry, Outbox};
use crate::hub::twin::{merge_report, report_size};

/// The number of unsent reports above which they are merged, so that a device that was long offline does not send its
/// whole history to the twin.
pub(super) const MAX_UNMERGED_REPORTS: usize = 32;
/// The size limit of one reported PATCH at the hub, in bytes.
pub(super) const MAX_REPORT_SIZE: usize = 32 << 10;
/// The size limit of all reports together, in bytes. A twin holds 32 KB, so more comes from a component that reports without end.
pub(super) const MAX_REPORTS_SIZE: usize = 1 << 20;

impl Outbox {
    /// Merges unsent reports if there are many, as far as that leaves their effect as it is and the hub takes the result.
    pub(super) fn merge_reports(&mut self) {
        if self.reports.len() <= MAX_UNMERGED_REPORTS {
            return;
        }
        let unsent = self.reports.take_unsent();
        self.changed.extend(unsent.iter().map(|(id, _)| *id));
        let mut kept: Option<(u64, QueueEntry<Map<String, Value>>)> = None;
        for (id, mut newer) in unsent {
            if let Some((first, mut pending)) = kept.take() {
                // A rollback drops the candidate's reports and no others.
                let of_one = match &self.marks {
                    Some(marks) => marks.is_candidates(first) == marks.is_candidates(id),
                    None => true,
                };
                let fits = pending.size + newer.size <= MAX_REPORT_SIZE;
                let merged = match of_one && fits {
                    true => merge_report(&mut pending.item, newer.item),
                    false => Err(newer.item),
                };
                match merged {
                    Ok(()) => {
                        newer.size = report_size(&pending.item);
                        newer.item = pending.item;
                    }
                    Err(item) => {
                        newer.item = item;
                        self.reports.insert(first, pending);
                    }
                }
            }
            kept = Some((id, newer));
        }
        if let Some((id, entry)) = kept {
            self.reports.insert(id, entry);
        }
    }
}
