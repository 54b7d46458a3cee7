//! Cloud-to-device messages that the hub has deleted, because they were acknowledged, and the device may need again: those
//! a version on probation has handled are undone with it, and handed to the version that continues.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{dead_letter::CloudMessage, row::Row};

/// The number of messages above which a version on probation gets no further ones: far more than the 50 that IoT Hub
/// queues for a device.
const MAX_MESSAGES: usize = 256;
/// The size in bytes above which a version on probation gets no further ones: sixteen of the largest IoT Hub takes.
const MAX_BYTES: usize = 1 << 20;

/// An acknowledged message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptMessage {
    /// True if the version on probation has handled it, false if it is still to be handled.
    pub handled: bool,
    /// The message.
    pub message: CloudMessage,
}

/// The kept messages of a device, in order of receipt.
#[derive(Debug, Default)]
pub struct KeptMessages {
    entries: BTreeMap<u64, KeptMessage>,
    bytes: usize,
    next_id: u64,
    /// Entries added, changed or removed since the last [`mark_persisted`](Self::mark_persisted).
    changed: BTreeSet<u64>,
}

impl KeptMessages {
    /// Restores the messages an earlier process has persisted.
    pub(super) fn restored(kept: Vec<(u64, KeptMessage)>) -> Self {
        Self {
            bytes: kept.iter().map(|(_, it)| it.message.size()).sum(),
            next_id: kept.last().map_or(0, |(id, _)| id + 1),
            entries: kept.into_iter().collect(),
            changed: BTreeSet::new(),
        }
    }

    /// Returns all messages by id.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &KeptMessage)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// Returns the message with this id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&CloudMessage> {
        self.entries.get(&id).map(|entry| &entry.message)
    }

    /// Returns true if no further message should be taken from the hub. A version whose probation needs further `events` gets
    /// four times as many messages: they may be all the events it has.
    #[must_use]
    pub fn is_full(&self, needs_events: bool) -> bool {
        let times = if needs_events { 4 } else { 1 };
        self.entries.len() >= MAX_MESSAGES * times || self.bytes >= MAX_BYTES * times
    }

    pub(super) fn add(&mut self, entry: KeptMessage) {
        self.bytes += entry.message.size();
        self.entries.insert(self.next_id, entry);
        self.changed.insert(self.next_id);
        self.next_id += 1;
    }

    pub(super) fn take(&mut self, id: u64) -> Option<CloudMessage> {
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.message.size();
        self.changed.insert(id);
        Some(entry.message)
    }

    pub(super) fn set_handled(&mut self, id: u64, handled: bool) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.handled = handled;
            self.changed.insert(id);
        }
    }

    /// Returns the ids of the messages the version on probation has handled.
    pub(super) fn handled(&self) -> Vec<u64> {
        let handled = self.entries.iter().filter(|(_, entry)| entry.handled);
        handled.map(|(id, _)| *id).collect()
    }

    /// Adds a row for each entry changed since the last [`mark_persisted`](Self::mark_persisted).
    pub(super) fn changed_rows<'a>(&'a self, rows: &mut Vec<Row<'a>>) {
        rows.extend(self.changed.iter().map(|id| match self.entries.get(id) {
            Some(entry) => Row::KeptMessage(*id, entry),
            None => Row::KeptMessageRemoved(*id),
        }));
    }

    /// Notes that all changes went to the backend.
    pub(super) fn mark_persisted(&mut self) {
        self.changed.clear();
    }

    /// Marks all entries as changed, so that they are persisted again.
    pub(super) fn mark_all_changed(&mut self) {
        self.changed.extend(self.entries.keys());
    }
}
