//! An outbox beside a simple model of one, on a hub and a disk that fail at any moment.

mod simulation;

use proptest::{collection::vec, prelude::*};
use serde_json::json;

use self::simulation::{Expected, OutboxSimulation, merge, message, retention};
use super::*;

/// More than a window, as every bound is, and soon full.
const COUNT: usize = 40;
const AGE: Duration = Duration::from_secs(100);

#[derive(Clone, Debug)]
enum Op {
    /// One batch with these reports and so many messages.
    Commit(Vec<Map<String, Value>>, usize),
    /// The backend accepts a batch.
    Accept,
    Connect,
    /// So many things leave.
    Send(usize),
    /// So many of them arrive.
    Arrive(usize),
    /// So many of those are acknowledged.
    Acknowledge(usize),
    /// The oldest message in flight is dead-lettered.
    TakeOut,
    Disconnect {
        by_server: bool,
    },
    Pass(Duration),
    /// The process ends, and a new one begins.
    Restart,
}

fn report() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        4 => (0..9).prop_map(Value::from),
        1 => Just(Value::Null),
        2 => ("[xy]", 0..9).prop_map(|(name, value)| json!({ name: value })),
    ];
    prop::collection::btree_map("[a-c]", value, 1..3).prop_map(|it| it.into_iter().collect())
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (vec(report(), 0..3), 0..4_usize).prop_map(|(reports, count)| Op::Commit(reports, count)),
        1 => (vec(report(), 0..40), 0..30_usize).prop_map(|(reports, count)| Op::Commit(reports, count)),
        4 => Just(Op::Accept),
        3 => Just(Op::Connect),
        4 => (0..40_usize).prop_map(Op::Send),
        4 => (0..40_usize).prop_map(Op::Arrive),
        4 => (0..40_usize).prop_map(Op::Acknowledge),
        1 => Just(Op::TakeOut),
        2 => any::<bool>().prop_map(|by_server| Op::Disconnect { by_server }),
        1 => (0..60_u64).prop_map(|seconds| Op::Pass(Duration::from_secs(seconds))),
        1 => Just(Op::Restart),
    ]
}

proptest! {
    #[test]
    fn whatever_fails_and_when_it_holds_sends_and_gives_up_what_it_should(ops in vec(op(), 0..120)) {
        let mut world = OutboxSimulation::new();
        for op in ops {
            world.apply(op);
        }
        world.finish();
        // A message leaves the outbox acknowledged, evicted or dead-lettered.
        let Expected { evicted, dead_lettered, reports, .. } = &world.expected;
        prop_assert!(evicted.is_disjoint(dead_lettered));
        let mut twin = Map::new();
        for report in reports {
            merge(&mut twin, report);
        }
        prop_assert_eq!(&world.twin, &twin, "the effect of all reports in order");
    }

    #[test]
    fn an_outbox_that_refuses_never_gives_anything_up_and_keeps_its_bound(
        batches in vec((0..60_usize, 0..60_usize), 1..30),
    ) {
        let mut outbox = Outbox::new(retention(WhenFull::Reject));
        outbox.connection_started();
        let quota = outbox.quota().unwrap();
        let mut number = 0;
        for (batch, (wanted, sent)) in (1..).zip(batches) {
            outbox.update_quota();
            let held = outbox.len();
            let taken = (0..wanted).filter(|_| quota.reserve(message(0).size())).count();
            prop_assert_eq!(taken, wanted.min(COUNT - held));
            for _ in 0..taken {
                outbox.push(batch, Outgoing::Telemetry(message(number)), Duration::ZERO);
                number += 1;
            }
            outbox.evict(Duration::ZERO);
            outbox.mark_persisted(batch);
            outbox.accepted(batch);
            for _ in 0..sent {
                let Some(Next::Telemetry(id, _)) = outbox.next(batch, true, Duration::ZERO) else {
                    break;
                };
                outbox.sent(id, Duration::ZERO);
                outbox.acknowledge(id);
            }
            prop_assert_eq!(outbox.evictions().total, 0);
        }
    }
}
