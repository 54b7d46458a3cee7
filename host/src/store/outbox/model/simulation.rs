//! A simulation of an outbox, and the model of what it should hold, send and evict.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{super::super::row::Row, *};

/// The expected state, as of a batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    held: BTreeMap<u64, Held>,
    pub(super) evicted: BTreeSet<u64>,
    pub(super) dead_lettered: BTreeSet<u64>,
    pub(super) reports: Vec<Map<String, Value>>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    number: u64,
    batch: u64,
    /// The running time at which it was queued.
    queued: Duration,
}

/// A batch on its way to the disk, and what is to be after it.
struct PendingBatch {
    batch: u64,
    rows: Vec<(u64, Option<(Outgoing, Duration)>)>,
    evicted: u64,
    expected: Expected,
}

pub(super) struct OutboxSimulation {
    outbox: Outbox,
    pub(super) expected: Expected,
    now: Duration,
    /// The time for which processes have run, as far as the store knows.
    running: Duration,
    last: u64,
    accepted: u64,
    /// Batches that are not accepted.
    pending: VecDeque<PendingBatch>,
    disk: BTreeMap<u64, (Outgoing, Duration)>,
    disk_evicted: u64,
    kept: Expected,
    numbers: u64,
    connected: bool,
    /// From this id on messages came on this connection.
    fresh: u64,
    /// Messages that may have arrived.
    touched: BTreeSet<u64>,
    /// With the hub, in order; those that have arrived first.
    in_flight: VecDeque<u64>,
    come: usize,
    report: Option<(u64, Map<String, Value>)>,
    /// Messages that have arrived since the process started: the limit holds for each loss by itself.
    arrived: BTreeSet<u64>,
    pub(super) twin: Map<String, Value>,
}

pub(super) fn retention(when_full: WhenFull) -> Retention {
    Retention {
        count: COUNT,
        bytes: usize::MAX,
        age: AGE,
        drain_rate: None,
        when_full,
    }
}

pub(super) fn message(number: u64) -> TelemetryMessage {
    TelemetryMessage {
        id: number.to_string(),
        created: Timestamp::UNIX_EPOCH,
        component: None,
        content_type: String::new(),
        content_encoding: String::new(),
        properties: vec![],
        body: vec![].into(),
    }
}

/// Merges a reported PATCH as the hub does.
pub(super) fn merge(into: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match (into.get_mut(name), value) {
            (_, Value::Null) => drop(into.remove(name)),
            (Some(Value::Object(into)), Value::Object(patch)) => merge(into, patch),
            (_, Value::Object(patch)) => {
                let mut object = Map::new();
                merge(&mut object, patch);
                into.insert(name.clone(), object.into());
            }
            (_, value) => drop(into.insert(name.clone(), value.clone())),
        }
    }
}

impl OutboxSimulation {
    pub(super) fn new() -> Self {
        Self {
            outbox: Outbox::new(retention(WhenFull::DropOldest)),
            expected: Expected::default(),
            now: Duration::ZERO,
            running: Duration::ZERO,
            last: 0,
            accepted: 0,
            pending: VecDeque::new(),
            disk: BTreeMap::new(),
            disk_evicted: 0,
            kept: Expected::default(),
            numbers: 0,
            connected: false,
            fresh: 0,
            touched: BTreeSet::new(),
            in_flight: VecDeque::new(),
            come: 0,
            report: None,
            arrived: BTreeSet::new(),
            twin: Map::new(),
        }
    }

    pub(super) fn apply(&mut self, op: Op) {
        match op {
            Op::Commit(reports, count) => self.commit(reports, count),
            Op::Accept => self.accept(),
            Op::Connect if !self.connected => self.connect(),
            Op::Connect => {}
            Op::Send(count) => (0..count).for_each(|_| self.send()),
            Op::Arrive(count) => self.arrive(count),
            Op::Acknowledge(count) => (0..count).for_each(|_| self.acknowledge()),
            Op::TakeOut => {
                if let Some(id) = self.in_flight.front().copied() {
                    self.take(id);
                }
            }
            Op::Disconnect { by_server } => self.disconnect(by_server),
            Op::Pass(time) => {
                self.now += time;
                self.running += time;
            }
            Op::Restart => self.restart(),
        }
        self.check();
    }

    fn commit(&mut self, reports: Vec<Map<String, Value>>, count: usize) {
        self.last += 1;
        for report in reports {
            self.expected.reports.push(report.clone());
            self.outbox
                .push(self.last, Outgoing::Report(report), self.now);
        }
        for _ in 0..count {
            let held = Held {
                number: self.numbers,
                batch: self.last,
                queued: self.running,
            };
            self.expected.held.insert(self.outbox.next_id(), held);
            let message = Outgoing::Telemetry(message(self.numbers));
            self.outbox.push(self.last, message, self.now);
            self.numbers += 1;
        }
        self.outbox.evict(self.now);
        self.expected.evict(&self.touched, self.running);
        assert!(self.expected.held.len() <= COUNT);
        self.persist();
    }

    fn persist(&mut self) {
        let mut rows = Vec::new();
        self.outbox.changed_rows(&mut rows);
        let rows = rows.iter().filter_map(|row| match row {
            Row::Telemetry(id, queued, it) => {
                Some((*id, Some((Outgoing::Telemetry((*it).clone()), *queued))))
            }
            Row::Report(id, it) => {
                Some((*id, Some((Outgoing::Report((*it).clone()), Duration::ZERO))))
            }
            Row::OutgoingRemoved(id) => Some((*id, None)),
            _ => None,
        });
        self.pending.push_back(PendingBatch {
            batch: self.last,
            rows: rows.collect(),
            evicted: self.outbox.evictions().total,
            expected: self.expected.clone(),
        });
        self.outbox.mark_persisted(self.last);
    }

    fn accept(&mut self) {
        let Some(written) = self.pending.pop_front() else {
            return;
        };
        for (id, row) in written.rows {
            match row {
                Some(outgoing) => self.disk.insert(id, outgoing),
                None => self.disk.remove(&id),
            };
        }
        self.disk_evicted = written.evicted;
        (self.kept, self.accepted) = (written.expected, written.batch);
        self.outbox.accepted(written.batch);
    }

    fn connect(&mut self) {
        self.connected = true;
        self.outbox.connection_started();
        self.outbox.twin_received();
        let untouched = self
            .expected
            .held
            .keys()
            .filter(|id| !self.touched.contains(id));
        self.fresh = match untouched.count() > WINDOW {
            true => self.outbox.next_id(),
            false => 0,
        };
    }

    /// Returns the next message: resent ones first, then new ones, then the backlog; each in order.
    fn expected_next(&self) -> Option<u64> {
        let withheld = self.outbox.poison_detector.withheld();
        let held = self.expected.held.keys().copied();
        let waiting = held.filter(|id| !self.in_flight.contains(id) && Some(*id) != withheld);
        let (again, untouched): (Vec<_>, Vec<_>) =
            waiting.partition(|id| self.touched.contains(id));
        let (new, old): (Vec<_>, Vec<_>) = untouched.into_iter().partition(|id| *id >= self.fresh);
        let accepted = |id: &u64| self.expected.held[id].batch <= self.accepted;
        let again = again.first().copied();
        let new = new.first().copied().filter(accepted);
        again.or(new).or(old.first().copied())
    }

    fn send(&mut self) {
        let free = self.report.is_none();
        let next = match self.outbox.next(self.accepted, free, self.now) {
            Some(_) if !self.connected => return,
            Some(Next::Telemetry(id, _)) => {
                assert_eq!(Some(id), self.expected_next());
                assert!(self.expected.held[&id].batch <= self.accepted);
                self.touched.insert(id);
                self.in_flight.push_back(id);
                id
            }
            Some(Next::Report(id, report)) => {
                self.report = Some((id, report.clone()));
                id
            }
            None => return,
        };
        self.outbox.sent(next, self.now);
    }

    fn arrive(&mut self, count: usize) {
        let come = (self.come + count).min(self.in_flight.len());
        for id in self.in_flight.range(self.come..come) {
            self.arrived.insert(self.expected.held[id].number);
        }
        self.come = come;
        if let Some((_, report)) = &self.report {
            merge(&mut self.twin, report);
        }
    }

    fn acknowledge(&mut self) {
        if let Some((id, report)) = self.report.take() {
            merge(&mut self.twin, &report);
            self.outbox.acknowledge(id);
        }
        if self.come == 0 {
            return;
        }
        self.come -= 1;
        if let Some(id) = self.in_flight.pop_front() {
            self.outbox.acknowledge(id);
            self.touched.remove(&id);
            self.expected.held.remove(&id);
        }
        if let Some(poison) = self.outbox.poison() {
            self.take(poison);
        }
        if self.outbox.has_unpersisted_acknowledgments() {
            self.commit(vec![], 0);
        }
    }

    fn take(&mut self, id: u64) {
        let taken = self.outbox.take(id).unwrap();
        let held = self.expected.held.remove(&id).unwrap();
        assert_eq!(taken, Outgoing::Telemetry(message(held.number)));
        self.expected.dead_lettered.insert(held.number);
        self.touched.remove(&id);
        let at = self.in_flight.iter().position(|it| *it == id);
        self.come -= usize::from(at.is_some_and(|at| at < self.come));
        self.in_flight.retain(|it| *it != id);
        self.commit(vec![], 0);
    }

    fn disconnect(&mut self, by_server: bool) {
        if !std::mem::take(&mut self.connected) {
            return;
        }
        self.outbox.rewind(by_server);
        self.in_flight.clear();
        self.come = 0;
        self.report = None;
    }

    fn restart(&mut self) {
        self.disconnect(false);
        self.pending.clear();
        self.expected = self.kept.clone();
        let disk = self.disk.iter();
        let kept = PersistedOutbox {
            outgoing: disk.clone().map(|(id, it)| (*id, it.0.clone())).collect(),
            queued: disk.map(|(id, it)| (*id, it.1)).collect(),
            evicted: self.disk_evicted,
        };
        let retention = retention(WhenFull::DropOldest);
        self.outbox = Outbox::restored(kept, retention, self.now);
        (self.last, self.accepted) = (0, 0);
        let held = &mut self.expected.held;
        let newest = held.values().map(|held| held.queued).max();
        self.running = newest.unwrap_or_default();
        held.values_mut().for_each(|held| held.batch = 0);
        self.touched = self.expected.held.keys().take(WINDOW).copied().collect();
        self.arrived.clear();
    }

    fn check(&self) {
        let ids: Vec<_> = self.outbox.telemetry.ids().collect();
        let held: Vec<_> = self.expected.held.keys().copied().collect();
        assert_eq!(ids, held, "what it holds");
        assert_eq!(
            self.outbox.evictions().total as usize,
            self.expected.evicted.len()
        );
        let evicted = &self.expected.evicted;
        assert!(evicted.is_disjoint(&self.arrived), "it may have arrived");
        let again = |number: &u64| self.arrived.contains(number);
        let numbers = self.expected.held.values().map(|held| held.number);
        let after_a_lost_connection = numbers.filter(again).count();
        let numbers = self.kept.held.values().map(|held| held.number);
        let after_a_kill = numbers.filter(again).count();
        assert!(
            after_a_lost_connection <= WINDOW,
            "{after_a_lost_connection}"
        );
        assert!(after_a_kill <= WINDOW, "{after_a_kill}");
    }

    /// Everything that is left arrives.
    pub(super) fn finish(&mut self) {
        self.disconnect(false);
        self.commit(vec![], 0);
        self.connect();
        for _ in 0..1000 {
            while !self.pending.is_empty() {
                self.accept();
            }
            (0..WINDOW).for_each(|_| self.send());
            self.arrive(WINDOW);
            (0..WINDOW).for_each(|_| self.acknowledge());
            self.commit(vec![], 0);
            self.check();
            if self.outbox.is_empty() {
                return;
            }
        }
        panic!("something never leaves");
    }
}

impl Expected {
    /// Evicts the oldest messages that cannot have arrived.
    fn evict(&mut self, touched: &BTreeSet<u64>, running: Duration) {
        loop {
            let oldest = self.held.iter().find(|(id, _)| !touched.contains(id));
            let Some((id, held)) = oldest.map(|(id, held)| (*id, *held)) else {
                return;
            };
            if self.held.len() <= COUNT && held.queued + AGE >= running {
                return;
            }
            self.held.remove(&id);
            self.evicted.insert(held.number);
        }
    }
}
