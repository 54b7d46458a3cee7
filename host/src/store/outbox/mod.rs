//! The outbox: items that a device has accepted and the hub has not acknowledged yet.

mod eviction;
#[cfg(test)]
mod model;
mod persistence;
mod reports;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Map, Value};

use self::eviction::RunningTime;
pub use self::{eviction::Evictions, persistence::PersistedOutbox};
use super::{
    drain::Drain,
    queue::{Queue, QueueEntry},
    retention::{Retention, WhenFull},
};
use crate::{
    clock::{Clock, is_set},
    contract::OutboxQuota,
    hub::{
        message::TelemetryMessage,
        poison::{PoisonDetector, PoisonEvent},
        session::{Next, SendQueue, WINDOW},
        twin::report_size,
    },
    status::OutboxStatus,
    versions::ProbationMarks,
};

/// An item to send.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outgoing {
    /// A telemetry message.
    Telemetry(TelemetryMessage),
    /// A reported PATCH, ready to send.
    Report(Map<String, Value>),
}

/// The messages and reports to send to the hub. Both are sent in order; a report that must wait does not hold up
/// telemetry, and a backlog does not hold up new messages.
#[derive(Debug)]
pub struct Outbox {
    retention: Retention,
    /// `None` if the outbox never rejects messages.
    quota: Option<Arc<OutboxQuota>>,
    next_id: u64,
    telemetry: Queue<TelemetryMessage>,
    reports: Queue<Map<String, Value>>,
    drain: Drain,
    poison_detector: PoisonDetector,
    running: RunningTime,
    evictions: Evictions,
    /// The number of messages and reports the hub has acknowledged since the process started.
    acknowledged_total: u64,
    /// Entries added or removed since the last [`mark_persisted`](Self::mark_persisted).
    changed: BTreeSet<u64>,
    evictions_changed: bool,
    /// Messages acknowledged since the last [`mark_persisted`](Self::mark_persisted).
    acknowledged: usize,
    /// Acknowledged messages whose removal is handed to the backend and not accepted, by batch.
    unaccepted: VecDeque<(u64, usize)>,
    /// The start of the current probation.
    marks: Option<ProbationMarks>,
}

impl Outbox {
    /// Creates an empty outbox.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self {
            drain: Drain::new(retention.drain_rate),
            quota: (retention.when_full == WhenFull::Reject).then(Arc::default),
            retention,
            next_id: 0,
            telemetry: Queue::new(),
            reports: Queue::new(),
            poison_detector: PoisonDetector::default(),
            running: RunningTime::default(),
            evictions: Evictions::default(),
            acknowledged_total: 0,
            changed: BTreeSet::new(),
            evictions_changed: false,
            acknowledged: 0,
            unaccepted: VecDeque::new(),
            marks: None,
        }
    }

    /// Adds an item of a batch. Many unsent reports are merged.
    pub fn push(&mut self, batch: u64, outgoing: Outgoing, now: Duration) {
        let id = self.next_id;
        self.next_id += 1;
        self.insert(id, batch, outgoing, self.running.at(now));
        self.changed.insert(id);
        self.merge_reports();
    }

    fn insert(&mut self, id: u64, batch: u64, outgoing: Outgoing, queued: Duration) {
        match outgoing {
            Outgoing::Telemetry(item) => {
                let size = item.size();
                let entry = QueueEntry {
                    batch,
                    size,
                    queued,
                    item,
                };
                self.telemetry.insert(id, entry);
            }
            Outgoing::Report(item) => {
                let size = report_size(&item);
                let entry = QueueEntry {
                    batch,
                    size,
                    queued,
                    item,
                };
                self.reports.insert(id, entry);
            }
        }
    }

    /// Sets the start of the probation; `None` if no version is on probation. Ids of new entries are greater than those of the
    /// marks, even if the outbox was restored empty.
    pub(super) fn set_marks(&mut self, marks: Option<ProbationMarks>) {
        if let Some(first) = marks.as_ref().map(|marks| marks.first_outgoing)
            && first != u64::MAX
        {
            let retried = marks.iter().flat_map(|marks| &marks.retried).max();
            let last = retried.map_or(first, |retried| first.max(retried + 1));
            self.next_id = self.next_id.max(last);
        }
        self.marks = marks;
    }

    /// Returns the candidate's messages and reports that are not in flight.
    pub(super) fn candidate_unsent(&self, marks: &ProbationMarks) -> Vec<u64> {
        let telemetry = self.telemetry.not_in_flight(marks.first_outgoing);
        let reports = self.reports.not_in_flight(marks.first_outgoing);
        let all = telemetry.chain(reports);
        all.filter(|id| marks.is_candidates(*id)).collect()
    }

    /// Removes the candidate's messages and reports that are not in flight.
    pub(super) fn drop_candidate_unsent(&mut self, marks: &ProbationMarks) {
        for id in self.candidate_unsent(marks) {
            self.poison_detector.removed(id);
            self.changed.insert(id);
            self.telemetry.remove(id);
            self.reports.remove(id);
        }
        self.telemetry.withhold(self.poison_detector.withheld());
    }

    /// Dates the messages that were made before the time of day was set (`$.ctime`) by their age.
    pub fn date_messages(&mut self, clock: &dyn Clock) {
        let (now, running) = (clock.now(), self.running.at(clock.monotonic()));
        if !is_set(now) {
            return;
        }
        for entry in self.telemetry.entries_mut() {
            if !is_set(entry.item.created) {
                let age = running.saturating_sub(entry.queued);
                entry.item.created = now.saturating_sub(age).unwrap_or(now);
            }
        }
    }

    /// Notes a new connection: all unsent items become its backlog.
    pub fn connection_started(&mut self) {
        self.telemetry.connection_started(self.next_id, WINDOW);
        self.reports.connection_started(self.next_id, usize::MAX);
    }

    /// Returns the time at which the drain rate permits the next message; `None` if nothing waits for it.
    #[must_use]
    pub fn deadline(&self, accepted: u64) -> Option<Duration> {
        let waits = self.window_open() && self.telemetry.next_of_backlog(accepted).is_some();
        waits.then(|| self.drain.next())
    }

    fn window_open(&self) -> bool {
        if self.poison_detector.one_at_a_time() && self.telemetry.in_flight() > 0 {
            return false;
        }
        let unaccepted: usize = self.unaccepted.iter().map(|(_, count)| count).sum();
        self.telemetry.in_flight() + self.acknowledged + unaccepted < WINDOW
    }

    /// Notes that the hub has returned the twin on this connection, as a working one does.
    pub fn twin_received(&mut self) {
        self.poison_detector.twin_received();
    }

    /// Notes the end of the connection, closed by the server or otherwise: unacknowledged items are sent again. Returns
    /// the consequence for a message that may be poison.
    pub fn rewind(&mut self, by_server: bool) -> Option<PoisonEvent> {
        let head = self.telemetry.oldest_in_flight();
        let event = self.poison_detector.connection_ended(by_server, head);
        self.telemetry.withhold(self.poison_detector.withheld());
        self.telemetry.rewind();
        self.reports.rewind();
        event
    }

    /// Returns the poison message, on which the hub closes each connection, if there is one.
    #[must_use]
    pub fn poison(&self) -> Option<u64> {
        self.poison_detector.poison()
    }

    /// Removes an item that is not to be sent any more.
    pub(super) fn take(&mut self, id: u64) -> Option<Outgoing> {
        self.poison_detector.removed(id);
        self.telemetry.withhold(self.poison_detector.withheld());
        self.changed.insert(id);
        if let Some(message) = self.telemetry.remove(id) {
            self.acknowledged += 1;
            return Some(Outgoing::Telemetry(message));
        }
        self.reports.remove(id).map(Outgoing::Report)
    }

    /// Returns the id of the next item.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Returns the first message with this id or a later one.
    #[must_use]
    pub fn first_message_from(&self, id: u64) -> Option<u64> {
        self.telemetry.ids().find(|message| *message >= id)
    }

    /// Returns whether the message with this id is unsent or in flight.
    #[must_use]
    pub fn contains_message(&self, id: u64) -> bool {
        self.telemetry.get(id).is_some()
    }

    /// Returns the number of messages and reports.
    #[must_use]
    pub fn len(&self) -> usize {
        self.telemetry.len() + self.reports.len()
    }

    /// Returns whether the outbox is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the quota of calls into the component, if the outbox rejects messages when it is full.
    #[must_use]
    pub fn quota(&self) -> Option<Arc<OutboxQuota>> {
        self.quota.clone()
    }

    /// Returns the status of the outbox.
    #[must_use]
    pub fn status(&self, now: Duration) -> OutboxStatus {
        let running = self.running.at(now);
        let age = |queued| running.saturating_sub(queued).as_secs_f64();
        let oldest_age_seconds = self.telemetry.oldest().map(age);
        OutboxStatus {
            messages: self.telemetry.len(),
            reports: self.reports.len(),
            bytes: self.telemetry.bytes(),
            oldest_age_seconds,
            acknowledged: self.acknowledged_total,
            evicted: self.evictions.total,
            ..OutboxStatus::default()
        }
    }
}

impl SendQueue for Outbox {
    /// Returns items added on this connection before the backlog, which is limited to the drain rate.
    fn next(&self, accepted: u64, reports: bool, now: Duration) -> Option<Next<'_>> {
        let message = self.telemetry.next(accepted).or_else(|| {
            let is_due = self.drain.next() <= now;
            self.telemetry.next_of_backlog(accepted).filter(|_| is_due)
        });
        let message = message.filter(|_| self.window_open());
        let report = self.reports.next(accepted).filter(|_| reports);
        match (message, report) {
            (Some((id, _)), Some((earlier, report))) if earlier < id => {
                Some(Next::Report(earlier, report))
            }
            (Some((id, message)), _) => Some(Next::Telemetry(id, message)),
            (None, Some((id, report))) => Some(Next::Report(id, report)),
            (None, None) => None,
        }
    }

    fn sent(&mut self, id: u64, now: Duration) {
        if self.telemetry.get(id).is_none() {
            self.reports.sent(id);
            return;
        }
        if self.telemetry.sent(id) {
            self.drain.record_sent(now);
        }
    }

    fn rewind_reports(&mut self) {
        self.reports.rewind();
    }

    fn acknowledge(&mut self, id: u64) {
        self.acknowledged_total += 1;
        // A report that arrives says nothing about messages.
        if self.telemetry.get(id).is_some() {
            self.poison_detector.acknowledged(id);
        }
        self.take(id);
    }
}
