//! A queue of items to send, in order.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::versions::ProbationMarks;

/// A queue of items by id, which is their order of acceptance. Each is in one of three states: unsent, in flight on this
/// connection, or sent on an earlier one, so that it may have arrived.
#[derive(Debug)]
pub(super) struct Queue<T> {
    entries: BTreeMap<u64, QueueEntry<T>>,
    bytes: usize,
    /// Sent on this connection.
    in_flight: BTreeSet<u64>,
    /// Sent on an earlier connection, to be sent again.
    resend: BTreeSet<u64>,
    /// An entry of `resend` that is not to be sent now.
    withheld: Option<u64>,
    /// All entries before this id were sent.
    first_unsent: u64,
    /// Unsent entries before this id are the backlog of the connection; later ones were added on it.
    backlog_end: u64,
    /// All entries from `backlog_end` to this id were sent.
    first_unsent_after_backlog: u64,
}

#[derive(Debug)]
pub(super) struct QueueEntry<T> {
    /// The number of its batch.
    pub(super) batch: u64,
    pub(super) size: usize,
    /// The running time at which it was queued.
    pub(super) queued: Duration,
    pub(super) item: T,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            bytes: 0,
            in_flight: BTreeSet::new(),
            resend: BTreeSet::new(),
            withheld: None,
            first_unsent: 0,
            backlog_end: 0,
            first_unsent_after_backlog: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn get(&self, id: u64) -> Option<&T> {
        self.entry(id).map(|entry| &entry.item)
    }

    pub(super) fn entry(&self, id: u64) -> Option<&QueueEntry<T>> {
        self.entries.get(&id)
    }

    /// Returns all entries, to change what has no influence on their size.
    pub(super) fn entries_mut(&mut self) -> impl Iterator<Item = &mut QueueEntry<T>> {
        self.entries.values_mut()
    }

    /// Returns the running time at which the oldest entry was queued.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.entries
            .first_key_value()
            .map(|(_, entry)| entry.queued)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = u64> + '_ {
        self.entries.keys().copied()
    }

    /// Returns the number of entries in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Returns the oldest entry in flight.
    pub(super) fn oldest_in_flight(&self) -> Option<u64> {
        self.in_flight.first().copied()
    }

    /// Withholds one entry of those to be sent again, until another or none is withheld. It does not hold up others.
    pub(super) fn withhold(&mut self, id: Option<u64>) {
        self.withheld = id;
    }

    /// Returns the first entry to be sent again.
    fn first_to_resend(&self) -> Option<u64> {
        let mut ids = self.resend.iter().copied();
        ids.find(|id| Some(*id) != self.withheld)
    }

    pub(super) fn insert(&mut self, id: u64, entry: QueueEntry<T>) {
        self.bytes += entry.size;
        self.entries.insert(id, entry);
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<T> {
        self.in_flight.remove(&id);
        self.resend.remove(&id);
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.size;
        Some(entry.item)
    }

    /// Treats the oldest `count` entries as sent by an earlier process.
    pub(super) fn mark_possibly_delivered(&mut self, count: usize) {
        self.resend = self.entries.keys().take(count).copied().collect();
    }

    /// Notes that an entry was sent. Returns whether it was in the backlog.
    pub(super) fn sent(&mut self, id: u64) -> bool {
        self.in_flight.insert(id);
        if self.resend.remove(&id) {
            return false;
        }
        let of_backlog = id < self.backlog_end;
        match of_backlog {
            true => self.first_unsent = id + 1,
            false => self.first_unsent_after_backlog = id + 1,
        }
        of_backlog
    }

    /// Notes the end of the connection: entries in flight are sent again.
    pub(super) fn rewind(&mut self) {
        self.resend.append(&mut self.in_flight);
    }

    /// Notes a new connection: unsent entries become its backlog if they are more than `more_than`.
    pub(super) fn connection_started(&mut self, next_id: u64, more_than: usize) {
        let unsent = self.entries.len() - self.resend.len() - self.in_flight.len();
        let first = self.find_unsent(self.first_unsent, u64::MAX);
        self.first_unsent = first.unwrap_or(next_id);
        self.backlog_end = match unsent > more_than {
            true => next_id,
            false => self.first_unsent,
        };
        self.first_unsent_after_backlog = self.backlog_end;
    }

    fn find_unsent(&self, from: u64, to: u64) -> Option<u64> {
        let mut ids = self.entries.range(from..to).map(|(id, _)| *id);
        ids.find(|id| !self.resend.contains(id) && !self.in_flight.contains(id))
    }

    /// Returns the next entry to send again, or else the next one added on this connection.
    pub(super) fn next(&self, accepted: u64) -> Option<(u64, &T)> {
        let id = match self.first_to_resend() {
            Some(id) => id,
            None => self.find_unsent(self.first_unsent_after_backlog, u64::MAX)?,
        };
        self.accepted(id, accepted)
    }

    /// Returns the oldest entry of the backlog, once nothing is to be sent again.
    pub(super) fn next_of_backlog(&self, accepted: u64) -> Option<(u64, &T)> {
        if self.first_to_resend().is_some() {
            return None;
        }
        let id = self.find_unsent(self.first_unsent, self.backlog_end)?;
        self.accepted(id, accepted)
    }

    fn accepted(&self, id: u64, accepted: u64) -> Option<(u64, &T)> {
        let entry = self.entries.get(&id)?;
        (entry.batch <= accepted).then_some((id, &entry.item))
    }

    /// Returns the oldest unsent entry, on probation of the candidate's, and the running time at which it was queued. An entry that may
    /// have arrived must not be evicted: it would be counted as missing.
    pub(super) fn oldest_unsent(&self, marks: Option<&ProbationMarks>) -> Option<(u64, Duration)> {
        let mut from = self.first_unsent;
        if let Some(marks) = marks {
            from = from.max(marks.first_outgoing);
        }
        let id = loop {
            let id = self.find_unsent(from, u64::MAX)?;
            match marks {
                Some(marks) if !marks.is_candidates(id) => from = id + 1,
                _ => break id,
            }
        };
        self.entries.get(&id).map(|entry| (id, entry.queued))
    }

    /// Returns the entries from this id that are unsent or to be sent again.
    pub(super) fn not_in_flight(&self, from: u64) -> impl Iterator<Item = u64> + '_ {
        let ids = self.entries.range(from..).map(|(id, _)| *id);
        ids.filter(|id| !self.in_flight.contains(id))
    }

    /// Removes all unsent entries.
    pub(super) fn take_unsent(&mut self) -> Vec<(u64, QueueEntry<T>)> {
        let (sent, unsent) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|(id, _)| self.resend.contains(id) || self.in_flight.contains(id));
        self.entries = sent;
        let unsent: BTreeMap<_, _> = unsent;
        self.bytes -= unsent.values().map(|entry| entry.size).sum::<usize>();
        unsent.into_iter().collect()
    }
}
