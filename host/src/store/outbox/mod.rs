//! What a device has accepted and the hub has not acknowledged yet.

#[cfg(test)]
mod model;
mod reports;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use self::reports::ALL_REPORTS;
pub(super) use self::reports::report_size;
use super::{
    drain::Drain,
    queue::{Entry, Queue},
    retention::{Retention, Room, WhenFull},
    row::Row,
};
use crate::{
    clock::{Clock, is_set},
    hub::{
        message::Message,
        poison::{Suspicion, Turn},
    },
    status::Outbox as Status,
};

/// Messages with the hub at a time, counting those it has acknowledged whose end is not kept yet: so many may come twice
/// after a lost connection or process.
pub const WINDOW: usize = 32;

/// One thing to send, in the order in which it was accepted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outgoing {
    /// A telemetry message.
    Telemetry(Message),
    /// A reported PATCH, ready to send.
    Report(Map<String, Value>),
}

/// Messages and reports on their way to the hub. Both leave in order; a report that must wait holds up no telemetry, and
/// a backlog no message that is new.
#[derive(Debug)]
pub struct Outbox {
    retention: Retention,
    /// None if it never refuses.
    room: Option<Arc<Room>>,
    next_id: u64,
    telemetry: Queue<Message>,
    reports: Queue<Map<String, Value>>,
    drain: Drain,
    suspicion: Suspicion,
    evicted: u64,
    /// How many messages and reports the server has acknowledged, since the process began.
    acknowledged_total: u64,
    /// Entries that are new or gone since the last hand-over, and whether messages gave way.
    changed: BTreeSet<u64>,
    evicted_changed: bool,
    /// Messages acknowledged since the last hand-over, and those of earlier ones that are not accepted.
    acknowledged: usize,
    handed_over: VecDeque<(u64, usize)>,
}

/// What leaves next.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// A message, with its id in the outbox.
    Telemetry(u64, &'a Message),
    /// A report, with its id in the outbox.
    Report(u64, &'a Map<String, Value>),
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(retention: Retention) -> Self {
        Self {
            drain: Drain::new(retention.drain_rate),
            room: (retention.when_full == WhenFull::Reject).then(Arc::default),
            retention,
            next_id: 0,
            telemetry: Queue::new(),
            reports: Queue::new(),
            suspicion: Suspicion::default(),
            evicted: 0,
            acknowledged_total: 0,
            changed: BTreeSet::new(),
            evicted_changed: false,
            acknowledged: 0,
            handed_over: VecDeque::new(),
        }
    }

    /// An outbox as an earlier process has left it. The oldest messages may have arrived.
    #[must_use]
    pub fn restored(
        kept: Vec<(u64, Outgoing)>,
        evicted: u64,
        retention: Retention,
        clock: &dyn Clock,
    ) -> Self {
        let mut outbox = Self {
            evicted,
            ..Self::new(retention)
        };
        for (id, outgoing) in kept {
            let age = age(&outgoing, clock.now());
            let left = outbox.retention.age.saturating_sub(age);
            outbox.insert(id, 0, outgoing, clock.monotonic() + left);
            outbox.next_id = outbox.next_id.max(id + 1);
        }
        outbox.telemetry.may_have_arrived(WINDOW);
        outbox
    }

    /// Takes what came with a batch. Many unsent reports are merged.
    pub fn push(&mut self, batch: u64, outgoing: Outgoing, now: Duration) {
        let id = self.next_id;
        self.next_id += 1;
        let until = now.saturating_add(self.retention.age);
        self.insert(id, batch, outgoing, until);
        self.changed.insert(id);
        self.merge_many_reports();
    }

    fn insert(&mut self, id: u64, batch: u64, outgoing: Outgoing, until: Duration) {
        match outgoing {
            Outgoing::Telemetry(item) => {
                let size = item.size();
                let entry = Entry {
                    batch,
                    size,
                    until,
                    item,
                };
                self.telemetry.insert(id, entry);
            }
            Outgoing::Report(item) => {
                let size = report_size(&item);
                let entry = Entry {
                    batch,
                    size,
                    until,
                    item,
                };
                self.reports.insert(id, entry);
            }
        }
    }

    /// A connection begins: what waits is its backlog.
    pub fn begin(&mut self) {
        self.telemetry.begin(self.next_id, WINDOW);
        self.reports.begin(self.next_id, usize::MAX);
    }

    /// What leaves next among the batches up to `accepted`; reports only if `reports` is set. What came on this connection
    /// goes before its backlog, which has a pace of its own.
    #[must_use]
    pub fn next(&self, accepted: u64, reports: bool, now: Duration) -> Option<Next<'_>> {
        let message = self.telemetry.next(accepted).or_else(|| {
            let paced = self.drain.next() <= now;
            self.telemetry.next_of_backlog(accepted).filter(|_| paced)
        });
        let message = message.filter(|_| self.has_room());
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

    /// When the pace of the backlog lets something leave; none if it is not the pace that keeps it.
    #[must_use]
    pub fn deadline(&self, accepted: u64) -> Option<Duration> {
        let waits = self.has_room() && self.telemetry.next_of_backlog(accepted).is_some();
        waits.then(|| self.drain.next())
    }

    fn has_room(&self) -> bool {
        if self.suspicion.one_at_a_time() && self.telemetry.flying() > 0 {
            return false;
        }
        let unsettled: usize = self.handed_over.iter().map(|(_, count)| count).sum();
        self.telemetry.flying() + self.acknowledged + unsettled < WINDOW
    }

    /// The message or report of this id is with the server.
    pub fn sent(&mut self, id: u64, now: Duration) {
        if self.telemetry.get(id).is_none() {
            self.reports.sent(id);
            return;
        }
        if self.telemetry.sent(id) {
            self.drain.passed(now);
        }
    }

    /// The hub has given the twin on this connection, which is what a sound one does.
    pub fn answered(&mut self) {
        self.suspicion.answered();
    }

    /// The connection is gone, by the server's doing or otherwise: what was not acknowledged is to be sent again. Returns
    /// what that changes for a message the server may have closed it on.
    pub fn rewind(&mut self, by_server: bool) -> Option<Turn> {
        let head = self.telemetry.oldest_flying();
        let turn = self.suspicion.ended(by_server, head);
        self.telemetry.withhold(self.suspicion.withheld());
        self.telemetry.rewind();
        self.reports.rewind();
        turn
    }

    /// The message on which the server closes each connection, if there is one: to be taken out.
    #[must_use]
    pub fn poison(&self) -> Option<u64> {
        self.suspicion.poison()
    }

    /// The report in hand was not taken: it is to be sent again.
    pub fn rewind_reports(&mut self) {
        self.reports.rewind();
    }

    /// The server has it.
    pub fn remove(&mut self, id: u64) {
        self.acknowledged_total += 1;
        // A report that arrives says nothing about messages.
        if self.telemetry.get(id).is_some() {
            self.suspicion.acknowledged(id);
        }
        self.take_out(id);
    }

    /// Takes out what is not to be sent any more.
    pub(super) fn take_out(&mut self, id: u64) -> Option<Outgoing> {
        self.suspicion.taken_out(id);
        self.telemetry.withhold(self.suspicion.withheld());
        self.changed.insert(id);
        if let Some(message) = self.telemetry.remove(id) {
            self.acknowledged += 1;
            return Some(Outgoing::Telemetry(message));
        }
        self.reports.remove(id).map(Outgoing::Report)
    }

    /// The id the next thing to be sent will have.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// The first message with this id or a later one.
    #[must_use]
    pub fn message_from(&self, id: u64) -> Option<u64> {
        self.telemetry.ids().find(|message| *message >= id)
    }

    /// Whether the message of this id is still to be sent or on its way.
    #[must_use]
    pub fn holds(&self, id: u64) -> bool {
        self.telemetry.get(id).is_some()
    }

    /// How many messages and reports it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.telemetry.len() + self.reports.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a component's calls draw on, if the outbox refuses what is too much.
    #[must_use]
    pub fn room(&self) -> Option<Arc<Room>> {
        self.room.clone()
    }

    /// Measures the room there is for the next call.
    pub fn measure_room(&self) {
        if let Some(room) = &self.room {
            room.measure(
                self.retention.count.saturating_sub(self.telemetry.len()),
                self.retention.bytes.saturating_sub(self.telemetry.bytes()),
            );
        }
    }

    /// How things stand with it.
    #[must_use]
    pub fn status(&self, now: Duration) -> Status {
        let oldest = self.telemetry.oldest().map(|until| {
            let left = until.saturating_sub(now);
            self.retention.age.saturating_sub(left).as_secs_f64()
        });
        Status {
            messages: self.telemetry.len(),
            reports: self.reports.len(),
            bytes: self.telemetry.bytes(),
            oldest,
            acknowledged: self.acknowledged_total,
            evicted: self.evicted,
            ..Status::default()
        }
    }

    /// How many messages have given way so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Adds a row for each entry that is new or gone, which counts as handed over then.
    pub(super) fn changed_rows<'a>(&'a self, rows: &mut Vec<Row<'a>>) {
        rows.extend(self.changed.iter().map(|id| {
            let message = self.telemetry.get(*id).map(|it| Row::Telemetry(*id, it));
            let report = || self.reports.get(*id).map(|it| Row::Report(*id, it));
            message.or_else(report).unwrap_or(Row::Gone(*id))
        }));
        if self.evicted_changed {
            rows.push(Row::Evicted(self.evicted));
        }
    }

    /// What has changed went to the backend with this batch.
    pub(super) fn handed_over(&mut self, batch: u64) {
        self.changed.clear();
        self.evicted_changed = false;
        if self.acknowledged > 0 {
            self.handed_over.push_back((batch, self.acknowledged));
            self.acknowledged = 0;
        }
    }

    /// Everything is to be handed over again.
    pub(super) fn all_changed(&mut self) {
        self.changed.extend(self.telemetry.ids());
        self.changed.extend(self.reports.ids());
        self.evicted_changed = true;
    }

    /// Whether so many acknowledgments are not handed over that it is time, even without a batch.
    pub(super) fn owes_acknowledgments(&self) -> bool {
        self.acknowledged >= WINDOW / 2
    }

    /// Batches up to this one are accepted.
    pub(super) fn accepted(&mut self, accepted: u64) {
        while self
            .handed_over
            .front()
            .is_some_and(|(batch, _)| *batch <= accepted)
        {
            self.handed_over.pop_front();
        }
    }

    /// Over the bounds the oldest telemetry that cannot have arrived gives way. Reports give way only where together they
    /// are far more than a twin holds.
    pub fn evict(&mut self, now: Duration) {
        while self.reports.bytes() > ALL_REPORTS
            && let Some((id, _)) = self.reports.oldest_untouched()
        {
            tracing::error!("more was reported than a twin holds; the oldest report is given up");
            self.reports.remove(id);
            self.changed.insert(id);
        }
        while let Some((id, until)) = self.telemetry.oldest_untouched()
            && (self.telemetry.len() > self.retention.count
                || self.telemetry.bytes() > self.retention.bytes
                || until < now)
        {
            self.telemetry.remove(id);
            self.changed.insert(id);
            self.evicted += 1;
            self.evicted_changed = true;
        }
    }
}

/// How old it is, as far as the time of day can tell: a device without a battery for its clock begins in the past, and
/// what it measured before it knew the time is not old for that.
fn age(outgoing: &Outgoing, now: Timestamp) -> Duration {
    match outgoing {
        Outgoing::Telemetry(message) if is_set(message.created) => {
            Duration::try_from(now.duration_since(message.created)).unwrap_or_default()
        }
        _ => Duration::ZERO,
    }
}
