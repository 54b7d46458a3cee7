//! One kind of thing to send, in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Entries by id, which is their order of acceptance. Each is in one of three states: untouched, with the server on this
/// connection, or sent on an earlier one, so that it may have arrived.
#[derive(Debug)]
pub(super) struct Queue<T> {
    entries: BTreeMap<u64, Entry<T>>,
    bytes: usize,
    /// With the server.
    flying: BTreeSet<u64>,
    /// Sent on an earlier connection.
    again: BTreeSet<u64>,
    /// One of those that is not to be sent now.
    withheld: Option<u64>,
    /// No untouched entry before this one is left.
    untouched: u64,
    /// Untouched entries from here on came on this connection; those before are its backlog.
    fresh: u64,
    /// No untouched entry between `fresh` and this one is left.
    fresh_untouched: u64,
}

#[derive(Debug)]
pub(super) struct Entry<T> {
    /// The number of the batch it came with.
    pub(super) batch: u64,
    pub(super) size: usize,
    /// The device's monotonic time from which on it is too old.
    pub(super) until: Duration,
    pub(super) item: T,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            bytes: 0,
            flying: BTreeSet::new(),
            again: BTreeSet::new(),
            withheld: None,
            untouched: 0,
            fresh: 0,
            fresh_untouched: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, id: u64) -> Option<&T> {
        self.entries.get(&id).map(|entry| &entry.item)
    }

    /// When the oldest entry is too old.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.entries.first_key_value().map(|(_, entry)| entry.until)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.keys().copied()
    }

    /// How many are with the server.
    pub(super) fn flying(&self) -> usize {
        self.flying.len()
    }

    /// The oldest that is with the server.
    pub(super) fn oldest_flying(&self) -> Option<u64> {
        self.flying.first().copied()
    }

    /// This one, which may have arrived, is not to be sent until another or none is withheld; it holds up no other.
    pub(super) fn withhold(&mut self, id: Option<u64>) {
        self.withheld = id;
    }

    /// The first that is to be sent again.
    fn first_again(&self) -> Option<u64> {
        let mut ids = self.again.iter().copied();
        ids.find(|id| Some(*id) != self.withheld)
    }

    pub(super) fn insert(&mut self, id: u64, entry: Entry<T>) {
        self.bytes += entry.size;
        self.entries.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<T> {
        self.flying.remove(&id);
        self.again.remove(&id);
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.size;
        Some(entry.item)
    }

    /// Takes the oldest of these for sent by an earlier process.
    pub(super) fn may_have_arrived(&mut self, count: usize) {
        self.again = self.entries.keys().take(count).copied().collect();
    }

    /// It is with the server. Returns whether it was of the backlog.
    pub(super) fn sent(&mut self, id: u64) -> bool {
        self.flying.insert(id);
        if self.again.remove(&id) {
            return false;
        }
        let of_backlog = id < self.fresh;
        match of_backlog {
            true => self.untouched = id + 1,
            false => self.fresh_untouched = id + 1,
        }
        of_backlog
    }

    /// The connection is gone: what was with the server is to be sent again.
    pub(super) fn rewind(&mut self) {
        self.again.append(&mut self.flying);
    }

    /// A connection begins: what is untouched is its backlog, if it is more than so many.
    pub(super) fn begin(&mut self, next_id: u64, more_than: usize) {
        let untouched = self.entries.len() - self.again.len() - self.flying.len();
        let first = self.first_untouched(self.untouched, u64::MAX);
        self.untouched = first.unwrap_or(next_id);
        self.fresh = match untouched > more_than {
            true => next_id,
            false => self.untouched,
        };
        self.fresh_untouched = self.fresh;
    }

    fn first_untouched(&self, from: u64, to: u64) -> Option<u64> {
        let mut ids = self.entries.range(from..to).map(|(id, _)| *id);
        ids.find(|id| !self.again.contains(id) && !self.flying.contains(id))
    }

    /// What is sent again, or came on this connection; in this order.
    pub(super) fn next(&self, accepted: u64) -> Option<(u64, &T)> {
        let id = match self.first_again() {
            Some(id) => id,
            None => self.first_untouched(self.fresh_untouched, u64::MAX)?,
        };
        self.accepted(id, accepted)
    }

    /// The oldest of the backlog, once nothing is to be sent again.
    pub(super) fn next_of_backlog(&self, accepted: u64) -> Option<(u64, &T)> {
        if self.first_again().is_some() {
            return None;
        }
        let id = self.first_untouched(self.untouched, self.fresh)?;
        self.accepted(id, accepted)
    }

    fn accepted(&self, id: u64, accepted: u64) -> Option<(u64, &T)> {
        let entry = self.entries.get(&id)?;
        (entry.batch <= accepted).then_some((id, &entry.item))
    }

    /// The oldest untouched entry, and when it is too old. What may have arrived is none to give up: it would be counted as missing.
    pub(super) fn oldest_untouched(&self) -> Option<(u64, Duration)> {
        let id = self.first_untouched(self.untouched, u64::MAX)?;
        self.entries.get(&id).map(|entry| (id, entry.until))
    }

    /// Takes out everything that is untouched.
    pub(super) fn take_untouched(&mut self) -> Vec<(u64, Entry<T>)> {
        let (touched, untouched) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|(id, _)| self.again.contains(id) || self.flying.contains(id));
        self.entries = touched;
        let untouched: BTreeMap<_, _> = untouched;
        self.bytes -= untouched.values().map(|entry| entry.size).sum::<usize>();
        untouched.into_iter().collect()
    }
}
