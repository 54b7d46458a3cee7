//! Reports that wait long are merged.

use serde_json::{Map, Value};

use super::{super::queue::Entry, Outbox};
use crate::hub::twin::merge_report;

/// With more unsent reports than these they are merged, so that a device that was long away does not tell its twin the
/// whole past.
pub(super) const MANY_REPORTS: usize = 32;
/// What the hub takes as one change of reported properties, in bytes.
pub(super) const LARGEST_REPORT: usize = 32 << 10;
/// Reports together, in bytes. A twin holds 32 KB, so what is beyond is of a component that reports without end.
pub(super) const ALL_REPORTS: usize = 1 << 20;

impl Outbox {
    /// Merges unsent reports if there are many, as far as that leaves their effect as it is and the hub takes the result.
    pub(super) fn merge_many_reports(&mut self) {
        if self.reports.len() <= MANY_REPORTS {
            return;
        }
        let unsent = self.reports.take_untouched();
        self.changed.extend(unsent.iter().map(|(id, _)| *id));
        let mut kept: Option<(u64, Entry<Map<String, Value>>)> = None;
        for (id, mut newer) in unsent {
            if let Some((first, mut pending)) = kept.take() {
                let fits = pending.size + newer.size <= LARGEST_REPORT;
                let merged = match fits {
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

/// Its size in bytes, as sent.
pub(in crate::store) fn report_size(report: &Map<String, Value>) -> usize {
    serde_json::to_vec(report).map_or(0, |text| text.len())
}
