//! Eviction: messages that are too old or too many give way.

use std::time::Duration;

use super::{Outbox, reports::MAX_REPORTS_SIZE};

/// The time for which hosts of a device have run, by which its messages age.
///
/// The time of day says nothing of age: a device without a battery for its clock starts with the time of its last shutdown
/// or of its image, and the time steps when the network comes. A message of a minute ago would be nine days old, in the
/// next process or in this one. So age counts what monotonic clocks have counted: each message is stored with the running
/// time at which it was queued, and a process continues from the newest running time in the store. The time for which no
/// host ran does not count, because nothing measures it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RunningTime {
    before: Duration,
    /// The monotonic time at which this process began.
    started: Duration,
}

impl RunningTime {
    /// Continues from the running times of the stored messages.
    pub(super) fn continued(stored: impl Iterator<Item = Duration>, now: Duration) -> Self {
        Self {
            before: stored.max().unwrap_or_default(),
            started: now,
        }
    }

    /// Returns the running time at this monotonic time.
    pub(super) fn at(self, now: Duration) -> Duration {
        self.before + now.saturating_sub(self.started)
    }
}

/// The number of evicted messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evictions {
    /// Since the device first ran, for whatever reason.
    pub total: u64,
    /// Of these, the ones that were too old; since the process started.
    pub expired: u64,
}

impl Outbox {
    /// Evicts the oldest unsent telemetry beyond the retention, on probation the candidate's: it may not displace what was
    /// queued before it. Reports are evicted only where together they are far more than a twin holds.
    pub fn evict(&mut self, now: Duration) {
        let running = self.running.at(now);
        while let Some((id, queued)) = self.telemetry.oldest_unsent(None)
            && queued.saturating_add(self.retention.age) < running
        {
            self.evictions.expired += 1;
            self.evict_message(id);
        }
        while self.reports.bytes() > MAX_REPORTS_SIZE
            && let Some((id, _)) = self.reports.oldest_unsent(self.marks.as_ref())
        {
            tracing::error!("report evicted: more was reported than a twin holds");
            self.reports.remove(id);
            self.changed.insert(id);
        }
        while self.is_over_full()
            && let Some((id, _)) = self.telemetry.oldest_unsent(self.marks.as_ref())
        {
            self.evict_message(id);
        }
    }

    fn is_over_full(&self) -> bool {
        let (count, bytes) = (self.telemetry.len(), self.telemetry.bytes());
        count > self.retention.count || bytes > self.retention.bytes
    }

    fn evict_message(&mut self, id: u64) {
        self.telemetry.remove(id);
        self.changed.insert(id);
        self.evictions.total += 1;
        self.evictions_changed = true;
    }

    /// Returns the number of messages evicted so far.
    #[must_use]
    pub fn evictions(&self) -> Evictions {
        self.evictions
    }

    /// Sets the quota for the next call, if the outbox rejects messages when it is full.
    pub fn update_quota(&self) {
        if let Some(quota) = &self.quota {
            quota.set(
                self.retention.count.saturating_sub(self.telemetry.len()),
                self.retention.bytes.saturating_sub(self.telemetry.bytes()),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeMap,
        sync::{Arc, Mutex},
    };

    use futures::future::BoxFuture;
    use jiff::Timestamp;
    use proptest::{collection::vec, prelude::*};
    use tokio::sync::watch;

    use super::*;
    use crate::{
        clock::Clock,
        hub::message::TelemetryMessage,
        store::{
            Backend, DeviceStore, PersistedState, Progress, Retention,
            batch::Batch,
            outbox::Outgoing,
            row::{Row, seal},
        },
    };

    /// A clock whose time of day steps.
    #[derive(Clone, Copy)]
    struct Stepping {
        wall: i64,
        monotonic: u64,
    }

    impl Clock for Stepping {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.wall).unwrap()
        }

        fn monotonic(&self) -> Duration {
            Duration::from_secs(self.monotonic)
        }

        fn sleep_until(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    /// The texts of rows by kind and id.
    type Texts = BTreeMap<(u8, u64), Vec<u8>>;

    /// A disk that holds each row of one device.
    #[derive(Clone, Default)]
    struct Rows(Arc<Mutex<Texts>>);

    impl Backend for Rows {
        fn persist(&mut self, _: u64, rows: &[Row<'_>]) {
            let mut held = self.0.lock().unwrap();
            for row in rows {
                match row.text() {
                    Some(text) => held.insert(row.kind_and_id(), text),
                    None => held.remove(&row.kind_and_id()),
                };
            }
        }

        fn progress(&self) -> watch::Receiver<Progress> {
            watch::Sender::default().subscribe()
        }
    }

    impl Rows {
        fn restored(&self, retention: &Retention, clock: &dyn Clock) -> DeviceStore {
            let mut kept = PersistedState::default();
            for ((kind, id), text) in &*self.0.lock().unwrap() {
                let key = ("d", *kind, *id);
                kept.take(key, &seal(key, text)).unwrap();
            }
            DeviceStore::new(Box::new(self.clone()), kept, retention.clone(), clock)
        }
    }

    const AGE: u64 = 100;
    /// As many messages as may have arrived after a restart, and are not evicted.
    const WINDOW: usize = super::super::WINDOW;

    fn queue(store: &mut DeviceStore, number: usize, clock: &dyn Clock) {
        let message = TelemetryMessage {
            id: number.to_string(),
            created: clock.now(),
            component: None,
            content_type: String::new(),
            content_encoding: String::new(),
            properties: vec![],
            body: vec![].into(),
        };
        let batch = Batch {
            outgoing: vec![Outgoing::Telemetry(message)],
            ..Batch::default()
        };
        store.commit(batch, clock);
    }

    fn retention() -> Retention {
        Retention {
            age: Duration::from_secs(AGE),
            ..Retention::default()
        }
    }

    #[derive(Clone, Debug)]
    enum Op {
        Queue,
        Run(u64),
        /// The time of day is set, forward or back.
        Step(i64),
        /// The host is off, and the next one begins with another time of day.
        Restart(i64),
    }

    fn op() -> impl Strategy<Value = Op> {
        const DECADE: i64 = 315_360_000;
        prop_oneof![
            4 => Just(Op::Queue),
            4 => (0..60_u64).prop_map(Op::Run),
            1 => (-DECADE..DECADE).prop_map(Op::Step),
            1 => (-DECADE..DECADE).prop_map(Op::Restart),
        ]
    }

    proptest! {
        #[test]
        fn no_clock_makes_a_message_old_for_which_hosts_have_not_run_that_long(ops in vec(op(), 0..100)) {
            let (rows, retention) = (Rows::default(), retention());
            let mut clock = Stepping { wall: 1_800_000_000, monotonic: 5 };
            let mut store = rows.restored(&retention, &clock);
            // As many as are taken for sent after a restart, and stay.
            (0..WINDOW).for_each(|number| queue(&mut store, number, &clock));
            let (mut ran, mut queued_at) = (0, vec![]);
            let mut queue_one = |store: &mut DeviceStore, clock: &Stepping, ran: u64| {
                queued_at.push(ran);
                queue(store, WINDOW + queued_at.len(), clock);
            };
            let mut restarted = false;
            for op in ops {
                match op {
                    Op::Queue => queue_one(&mut store, &clock, ran),
                    Op::Run(seconds) => {
                        ran += seconds;
                        clock.monotonic += seconds;
                        clock.wall += i64::try_from(seconds).unwrap();
                    }
                    Op::Step(seconds) => clock.wall = 1_800_000_000 + seconds,
                    Op::Restart(seconds) => {
                        restarted = true;
                        clock = Stepping { wall: 1_800_000_000 + seconds, monotonic: 7 };
                        store = rows.restored(&retention, &clock);
                    }
                }
                store.commit(Batch::default(), &clock);
            }
            let evicted = usize::try_from(store.outbox().evictions().total).unwrap();
            let all = [vec![0; WINDOW], queued_at.clone()].concat();
            let old = all.iter().filter(|at| *at + AGE < ran).count();
            prop_assert!(evicted <= old, "{evicted} evicted, {old} are old");
            if !restarted {
                prop_assert_eq!(evicted, old);
            }
        }
    }

    #[test]
    fn messages_made_before_the_clock_was_set_leave_with_the_time_at_which_they_were_made() {
        let (rows, retention) = (Rows::default(), retention());
        let mut clock = Stepping {
            wall: 60,
            monotonic: 5,
        };
        let mut store = rows.restored(&retention, &clock);
        queue(&mut store, 0, &clock);
        clock.monotonic += 4;
        clock.wall += 4;
        store.outbox().date_messages(&clock);
        let created =
            |store: &mut DeviceStore, id| store.outbox().telemetry.get(id).unwrap().created;
        assert_eq!(created(&mut store, 0).as_second(), 60);
        clock.wall = 1_800_000_000;
        queue(&mut store, 1, &clock);
        clock.monotonic += 6;
        clock.wall += 6;
        store.outbox().date_messages(&clock);
        assert_eq!(created(&mut store, 0).as_second(), 1_800_000_000 - 4);
        assert_eq!(created(&mut store, 1).as_second(), 1_800_000_000);
    }

    #[test]
    fn a_message_ages_on_in_the_next_process() {
        let (rows, retention) = (Rows::default(), retention());
        let mut clock = Stepping {
            wall: 1_800_000_000,
            monotonic: 5,
        };
        let mut store = rows.restored(&retention, &clock);
        for number in 0..=WINDOW {
            queue(&mut store, number, &clock);
        }
        clock.monotonic += 60;
        queue(&mut store, WINDOW + 1, &clock);
        clock = Stepping {
            wall: 1_700_000_000,
            monotonic: 7,
        };
        let mut store = rows.restored(&retention, &clock);
        clock.monotonic += AGE - 60;
        store.commit(Batch::default(), &clock);
        assert_eq!(store.outbox().evictions(), Evictions::default());
        clock.monotonic += 1;
        store.commit(Batch::default(), &clock);
        let evicted = Evictions {
            total: 1,
            expired: 1,
        };
        assert_eq!(store.outbox().evictions(), evicted);
    }
}
