//! The rows that wait to be written, the newest of each.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use super::{Contents, row::OUTGOING};

/// A row's device, kind and id.
pub type RowKey = (Arc<str>, u8, u64);
/// Rows to write; `None` removes a row.
pub type Rows = BTreeMap<RowKey, Option<Vec<u8>>>;

/// Rows to write together.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) rows: Rows,
    /// The newest batch in it of each device.
    pub(super) numbers: HashMap<Arc<str>, u64>,
    /// True if the store was closed already: it is the last one.
    pub(super) is_last: bool,
}

impl Group {
    /// Counts the messages and reports in it.
    pub(super) fn outgoing(&self) -> usize {
        let is_outgoing = |((_, kind, _), text): &(&RowKey, &Option<Vec<u8>>)| {
            *kind == OUTGOING && text.is_some()
        };
        self.rows.iter().filter(is_outgoing).count()
    }
}

/// The rows that wait. A later batch replaces the rows of an earlier one.
#[derive(Debug, Default)]
pub(super) struct PendingRows {
    rows: Rows,
    /// Rows of `rows` that are not on disk: if one is removed, nothing is written at all.
    unwritten: BTreeSet<RowKey>,
    /// The newest batch of each device that waits.
    numbers: HashMap<Arc<str>, u64>,
    /// The number of batches that have come since the last group.
    batches: usize,
}

impl PendingRows {
    /// Returns true if a batch waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.numbers.is_empty()
    }

    /// Returns the number of batches that have come since the last group.
    pub(super) fn batches(&self) -> usize {
        self.batches
    }

    /// Returns the newest batch of each device that waits.
    pub(super) fn numbers(&self) -> &HashMap<Arc<str>, u64> {
        &self.numbers
    }

    /// Adds a batch of a device.
    pub(super) fn add_batch(&mut self, device: &Arc<str>, number: u64) {
        self.numbers.insert(device.clone(), number);
        self.batches += 1;
    }

    /// Adds a row, `is_new` if it was never written.
    pub(super) fn add(&mut self, key: RowKey, text: Option<Vec<u8>>, is_new: bool) {
        if is_new {
            self.unwritten.insert(key.clone());
        }
        if text.is_none() && self.unwritten.remove(&key) {
            self.rows.remove(&key);
        } else {
            self.rows.insert(key, text);
        }
    }

    /// Takes everything.
    pub(super) fn take(&mut self) -> Group {
        self.batches = 0;
        self.unwritten.clear();
        Group {
            rows: std::mem::take(&mut self.rows),
            numbers: std::mem::take(&mut self.numbers),
            is_last: false,
        }
    }

    /// Puts a group back that could not be written, under what came since.
    pub(super) fn put_back(&mut self, group: Group) {
        for (key, text) in group.rows {
            self.rows.entry(key).or_insert(text);
        }
        for (device, number) in group.numbers {
            self.numbers.entry(device).or_insert(number);
        }
    }

    /// Forgets removals of rows that are not on disk. A failed write leaves open whether it was written; without this, each
    /// row evicted after one would stay here as its removal for as long as the disk fails.
    pub(super) fn reconcile(&mut self, on_disk: &Contents) {
        let on_disk: BTreeSet<RowKey> = on_disk
            .iter()
            .flat_map(|(device, kept)| {
                kept.numbered_rows()
                    .map(|(kind, id)| (device.clone(), kind, id))
            })
            .collect();
        let rows = &mut self.rows;
        rows.retain(|key, text| text.is_some() || on_disk.contains(key));
        let numbered = |key: &&RowKey| key.1 >= OUTGOING && !on_disk.contains(*key);
        self.unwritten = rows.keys().filter(numbered).cloned().collect();
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::PersistedState;

    fn key(id: u64) -> RowKey {
        ("d".into(), OUTGOING, id)
    }

    #[test]
    fn what_was_evicted_while_the_disk_failed_leaves_no_trace_and_what_is_on_disk_is_removed() {
        let mut pending = PendingRows::default();
        for id in 0..3 {
            pending.add(key(id), Some(vec![]), true);
        }
        // The write failed, and only the first row is on disk for all that.
        let group = pending.take();
        pending.put_back(group);
        pending.add(key(0), None, false);
        pending.add(key(1), None, false);
        let report = serde_json::from_str(r#"{"report":{}}"#).unwrap();
        let mut kept = PersistedState::default();
        kept.outbox.outgoing.push((0, report));
        pending.reconcile(&[("d".into(), kept)].into());
        assert_eq!(
            pending.rows,
            [(key(0), None), (key(2), Some(vec![]))].into()
        );
        pending.add(key(2), None, false);
        assert_eq!(pending.rows, [(key(0), None)].into());
    }
}
