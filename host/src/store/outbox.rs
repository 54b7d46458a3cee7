//! What a device has accepted and the hub has not acknowledged yet.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    drain::Drain,
    queue::{Entry, Queue},
    retention::{Retention, Room, WhenFull},
    row::Row,
};
use crate::{
    clock::{Clock, is_set},
    hub::{message::Message, twin::merge_report},
    status::Outbox as Status,
};

/// Messages with the hub at a time, counting those it has acknowledged whose end is not kept yet: so many may come twice
/// after a lost connection or process.
pub const WINDOW: usize = 32;
/// With more unsent reports than these they are merged, so that a device that was long away does not tell its twin the
/// whole past.
const MANY_REPORTS: usize = 32;
/// What the hub takes as one change of reported properties, in bytes.
const LARGEST_REPORT: usize = 32 << 10;
/// Reports together, in bytes. A twin holds 32 KB, so what is beyond is of a component that reports without end.
const ALL_REPORTS: usize = 1 << 20;

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
        if self.reports.len() > MANY_REPORTS {
            self.merge_reports();
        }
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
                let size = size_of_report(&item);
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

    /// The connection is gone: what was not acknowledged is to be sent again.
    pub fn rewind(&mut self) {
        self.telemetry.rewind();
        self.reports.rewind();
    }

    /// The report in hand was not taken: it is to be sent again.
    pub fn rewind_reports(&mut self) {
        self.reports.rewind();
    }

    /// The server has it, or it is given up.
    pub fn remove(&mut self, id: u64) {
        self.acknowledged_total += 1;
        if self.telemetry.remove(id) {
            self.acknowledged += 1;
        } else {
            self.reports.remove(id);
        }
        self.changed.insert(id);
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

    /// Merges unsent reports, as far as that leaves their effect as it is and the hub takes the result.
    fn merge_reports(&mut self) {
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
                        newer.size = size_of_report(&pending.item);
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

fn size_of_report(report: &Map<String, Value>) -> usize {
    serde_json::to_vec(report).map_or(0, |text| text.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(body: &str) -> Outgoing {
        Outgoing::Telemetry(Message {
            id: body.to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            component: None,
            content_type: String::new(),
            content_encoding: String::new(),
            properties: vec![],
            body: body.to_owned().into(),
        })
    }

    fn report(report: Value) -> Outgoing {
        Outgoing::Report(report.as_object().unwrap().clone())
    }

    const NOW: Duration = Duration::from_secs(1000);

    /// An outbox of a device that is connected.
    fn outbox(count: usize, bytes: usize) -> Outbox {
        let mut outbox = Outbox::new(Retention {
            count,
            bytes,
            ..Retention::default()
        });
        outbox.begin();
        outbox
    }

    fn unbounded() -> Outbox {
        outbox(usize::MAX, usize::MAX)
    }

    fn send_next(outbox: &mut Outbox, now: Duration) -> Option<(u64, String)> {
        let (id, shown) = match outbox.next(u64::MAX, true, now)? {
            Next::Telemetry(id, message) => (id, message.id.clone()),
            Next::Report(id, report) => (id, Value::Object(report.clone()).to_string()),
        };
        outbox.sent(id, now);
        Some((id, shown))
    }

    /// Sends what may be sent now; ids of messages and values of reports, in order.
    fn sent(outbox: &mut Outbox) -> Vec<String> {
        std::iter::from_fn(|| send_next(outbox, NOW))
            .map(|(_, shown)| shown)
            .collect()
    }

    #[test]
    fn things_leave_in_the_order_they_were_accepted_and_again_after_a_lost_connection() {
        let mut outbox = unbounded();
        outbox.push(1, report(json!({"max": 1})), NOW);
        outbox.push(1, message("a"), NOW);
        outbox.push(2, message("b"), NOW);
        assert_eq!(sent(&mut outbox), ["{\"max\":1}", "a", "b"]);
        assert_eq!(outbox.next(u64::MAX, true, NOW), None);
        outbox.remove(1);
        outbox.rewind();
        outbox.begin();
        assert_eq!(sent(&mut outbox), ["{\"max\":1}", "b"]);
    }

    #[test]
    fn nothing_leaves_before_its_batch_is_accepted() {
        let mut outbox = unbounded();
        outbox.push(7, message("a"), NOW);
        assert_eq!(outbox.next(6, true, NOW), None);
        assert!(outbox.next(7, true, NOW).is_some());
    }

    #[test]
    fn a_report_that_must_wait_holds_up_no_telemetry() {
        let mut outbox = unbounded();
        outbox.push(1, report(json!({"max": 1})), NOW);
        outbox.push(1, message("a"), NOW);
        let next = outbox.next(1, false, NOW);
        assert!(matches!(next, Some(Next::Telemetry(..))));
    }

    #[test]
    fn at_most_a_window_of_messages_may_come_twice_whenever_it_ends() {
        let mut outbox = unbounded();
        for n in 0..100 {
            outbox.push(1, message(&n.to_string()), NOW);
        }
        assert_eq!(sent(&mut outbox).len(), WINDOW);
        for id in 0..10 {
            outbox.remove(id);
        }
        // Acknowledged, but not kept: after a kill they would be sent again.
        assert_eq!(sent(&mut outbox).len(), 0);
        outbox.handed_over(2);
        assert_eq!(sent(&mut outbox).len(), 0);
        outbox.accepted(2);
        assert_eq!(sent(&mut outbox).len(), 10);
    }

    #[test]
    fn new_messages_go_before_a_backlog_which_keeps_its_pace_and_its_order() {
        let mut outbox = unbounded();
        for n in 0..100 {
            outbox.push(1, message(&format!("old {n}")), NOW);
        }
        outbox.rewind();
        outbox.begin();
        let (mut old, mut new, mut now) = (vec![], vec![], NOW);
        for n in 0..50 {
            outbox.push(1, message(&format!("new {n}")), NOW);
            let mut first = true;
            while let Some((id, shown)) = send_next(&mut outbox, now) {
                assert_eq!(shown.starts_with("new"), first, "{shown} at {n}");
                first = false;
                match shown.starts_with("new") {
                    true => new.push(shown),
                    false => old.push(shown),
                }
                outbox.remove(id);
                outbox.handed_over(2);
                outbox.accepted(2);
            }
            now += Duration::from_millis(10);
            assert!(outbox.deadline(u64::MAX).is_none_or(|at| at <= now));
        }
        let numbered =
            |word, count| -> Vec<_> { (0..count).map(|n| format!("{word} {n}")).collect() };
        assert_eq!(new, numbered("new", 50));
        // 100 a second for half a second, and what the pace is ahead at its beginning.
        assert!((50..=61).contains(&old.len()), "{}", old.len());
        assert_eq!(old, numbered("old", old.len()));
    }

    #[test]
    fn a_full_outbox_gives_up_its_oldest_telemetry_that_cannot_have_arrived_and_counts_it() {
        let mut outbox = outbox(2, 1 << 20);
        outbox.push(1, message("on its way"), NOW);
        outbox.sent(0, NOW);
        let evicted: Vec<_> = ["b", "c", "d"]
            .map(|body| {
                outbox.push(1, message(body), NOW);
                outbox.evict(NOW);
                outbox.evicted()
            })
            .into();
        assert_eq!(evicted, [0, 1, 2]);
        outbox.rewind();
        outbox.push(1, message("e"), NOW);
        outbox.evict(NOW);
        outbox.begin();
        assert_eq!(sent(&mut outbox), ["on its way", "e"]);
        assert_eq!(outbox.evicted(), 3);
    }

    #[test]
    fn the_bound_in_bytes_counts_bodies_and_properties() {
        let size = match message("12345678") {
            Outgoing::Telemetry(message) => message.size(),
            Outgoing::Report(_) => 0,
        };
        let mut outbox = outbox(100, 3 * size);
        for _ in 0..10 {
            outbox.push(1, message("12345678"), NOW);
        }
        outbox.evict(NOW);
        assert_eq!((outbox.len(), outbox.evicted()), (3, 7));
    }

    #[test]
    fn what_is_too_old_gives_way() {
        let mut outbox = unbounded();
        outbox.push(1, message("a"), NOW);
        let age = Retention::default().age;
        outbox.evict(NOW + age);
        assert_eq!(outbox.len(), 1);
        outbox.evict(NOW + age + Duration::from_secs(1));
        assert_eq!((outbox.len(), outbox.evicted()), (0, 1));
    }

    #[test]
    fn many_reports_are_merged_and_none_is_lost() {
        let mut outbox = unbounded();
        for n in 0..1000 {
            outbox.push(1, report(json!({"max": n, format!("p{}", n % 3): n})), NOW);
        }
        assert!(outbox.len() <= MANY_REPORTS);
        let mut seen = Map::new();
        for text in sent(&mut outbox) {
            seen.extend(serde_json::from_str::<Map<String, Value>>(&text).unwrap());
        }
        assert_eq!(
            Value::Object(seen),
            json!({"max": 999, "p0": 999, "p1": 997, "p2": 998})
        );
    }

    #[test]
    fn reports_without_end_stay_bounded_and_each_one_fits_the_hub() {
        let mut outbox = unbounded();
        for n in 0..500 {
            outbox.push(1, report(json!({format!("p{n}"): "x".repeat(10_000)})), NOW);
            outbox.evict(NOW);
        }
        let sizes: Vec<_> = sent(&mut outbox).iter().map(String::len).collect();
        assert!(
            sizes.iter().all(|size| *size <= LARGEST_REPORT),
            "{sizes:?}"
        );
        assert!(sizes.iter().sum::<usize>() <= ALL_REPORTS);
    }
}
