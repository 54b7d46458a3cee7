//! Each step of the rule, and what holds whatever a link and a hub do.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*};

use super::*;

/// A connection that gave the twin and was closed by the server with this head.
fn closed(poison_detector: &mut PoisonDetector, head: u64) -> Option<PoisonEvent> {
    poison_detector.twin_received();
    poison_detector.connection_ended(true, Some(head))
}

/// A detector that skips message 1.
fn skipping() -> PoisonDetector {
    let mut poison_detector = PoisonDetector::default();
    for event in [
        None,
        None,
        Some(PoisonEvent::Isolated(1)),
        Some(PoisonEvent::Skipped(1)),
    ] {
        assert_eq!(closed(&mut poison_detector, 1), event);
    }
    poison_detector
}

/// Returns whether no message is suspected: it takes four connections again.
fn is_clear(mut poison_detector: PoisonDetector) -> bool {
    let usual = !poison_detector.one_at_a_time() && poison_detector.withheld().is_none();
    let events = [1; 4].map(|head| closed(&mut poison_detector, head));
    usual
        && events
            == [
                None,
                None,
                Some(PoisonEvent::Isolated(1)),
                Some(PoisonEvent::Skipped(1)),
            ]
}

#[test]
fn a_message_closed_on_three_times_and_alone_is_poison_once_the_next_one_is_acknowledged() {
    let mut poison_detector = skipping();
    assert!(poison_detector.one_at_a_time());
    assert_eq!(
        (poison_detector.withheld(), poison_detector.poison()),
        (Some(1), None)
    );
    poison_detector.acknowledged(2);
    assert!(!poison_detector.one_at_a_time());
    assert_eq!(
        (poison_detector.withheld(), poison_detector.poison()),
        (Some(1), Some(1))
    );
    poison_detector.removed(1);
    assert!(is_clear(poison_detector));
}

#[test]
fn however_the_connection_of_the_next_one_ends_before_its_acknowledgment_it_was_the_link() {
    for (by_server, head) in [
        (true, Some(2)),
        (false, Some(2)),
        (true, None),
        (false, None),
    ] {
        let mut poison_detector = skipping();
        poison_detector.twin_received();
        assert_eq!(
            poison_detector.connection_ended(by_server, head),
            Some(PoisonEvent::Cleared(1))
        );
        assert!(is_clear(poison_detector));
    }
}

#[test]
fn a_connection_that_did_not_give_the_twin_says_nothing_at_any_stage() {
    for before in 0..=4 {
        let mut poison_detector = PoisonDetector::default();
        for _ in 0..before {
            closed(&mut poison_detector, 1);
        }
        let stage = poison_detector.stage;
        for (by_server, head) in [
            (true, Some(1)),
            (true, Some(2)),
            (false, Some(1)),
            (true, None),
        ] {
            assert_eq!(poison_detector.connection_ended(by_server, head), None);
            assert_eq!(poison_detector.stage, stage);
        }
    }
}

#[test]
fn time_outs_and_connections_without_a_message_do_not_count() {
    for before in 0..=3 {
        let mut poison_detector = PoisonDetector::default();
        for _ in 0..before {
            closed(&mut poison_detector, 1);
        }
        let stage = poison_detector.stage;
        for (by_server, head) in [(false, Some(1)), (false, None), (true, None)] {
            poison_detector.twin_received();
            assert_eq!(poison_detector.connection_ended(by_server, head), None);
            assert_eq!(poison_detector.stage, stage);
        }
    }
}

#[test]
fn another_head_begins_anew() {
    let mut poison_detector = PoisonDetector::default();
    for head in [1, 1, 2, 2, 1, 1] {
        assert_eq!(closed(&mut poison_detector, head), None);
    }
    assert_eq!(
        closed(&mut poison_detector, 1),
        Some(PoisonEvent::Isolated(1))
    );
}

#[test]
fn an_acknowledgment_of_the_suspect_clears_it() {
    for before in 1..=3 {
        let mut poison_detector = PoisonDetector::default();
        for _ in 0..before {
            closed(&mut poison_detector, 1);
        }
        poison_detector.acknowledged(1);
        assert!(is_clear(poison_detector), "after {before}");
    }
}

#[test]
fn a_message_that_leaves_the_outbox_otherwise_is_suspected_no_more() {
    for before in 1..=4 {
        let mut poison_detector = PoisonDetector::default();
        for _ in 0..before {
            closed(&mut poison_detector, 1);
        }
        poison_detector.removed(2);
        assert!(!is_clear_now(&poison_detector), "after {before}");
        poison_detector.removed(1);
        assert!(is_clear(poison_detector), "after {before}");
    }
}

fn is_clear_now(poison_detector: &PoisonDetector) -> bool {
    poison_detector.stage == Stage::Clear
}

#[test]
fn only_an_orderly_end_is_the_servers() {
    assert!(is_by_server(&LinkError::Closed) && is_by_server(&LinkError::Reset));
    assert!(!is_by_server(&LinkError::Protocol("time-out".to_owned())));
}

/// The behaviour of a link: what it lets through before it breaks by itself.
#[derive(Clone, Debug)]
struct LinkBehavior {
    gives_the_twin: bool,
    acknowledgments: usize,
    ends_like_closed: bool,
}

fn link() -> impl Strategy<Value = LinkBehavior> {
    (any::<bool>(), 0..4_usize, any::<bool>()).prop_map(
        |(gives_the_twin, acknowledgments, ends_like_closed)| LinkBehavior {
            gives_the_twin,
            acknowledgments,
            ends_like_closed,
        },
    )
}

/// Messages in order, a hub that closes on some of them, and what became of each.
#[derive(Default)]
struct HubSimulation {
    poison_detector: PoisonDetector,
    waiting: BTreeSet<u64>,
    poison: BTreeSet<u64>,
    acknowledged: Vec<u64>,
    dead_lettered: Vec<u64>,
    /// The number of connections closed with this head.
    closed: BTreeMap<u64, u32>,
}

impl HubSimulation {
    const WINDOW: usize = 3;

    fn next(&self, flying: &[u64]) -> Option<u64> {
        let most = if self.poison_detector.one_at_a_time() {
            1
        } else {
            Self::WINDOW
        };
        let mut waiting = self.waiting.iter().copied();
        waiting
            .find(|id| !flying.contains(id) && Some(*id) != self.poison_detector.withheld())
            .filter(|_| flying.len() < most)
    }

    /// One connection, from its beginning to its end; false if nothing is left to be sent on it.
    fn connection(&mut self, link: &LinkBehavior) -> bool {
        if link.gives_the_twin {
            self.poison_detector.twin_received();
        }
        let (mut flying, mut left) = (vec![], link.acknowledgments);
        loop {
            while let Some(id) = self.next(&flying) {
                flying.push(id);
            }
            let Some(head) = flying.first().copied() else {
                self.poison_detector.connection_ended(false, None);
                return false;
            };
            let is_poison = self.poison.contains(&head);
            if is_poison || left == 0 {
                let by_server = is_poison || link.ends_like_closed;
                *self.closed.entry(head).or_default() += u32::from(by_server);
                self.poison_detector.connection_ended(by_server, Some(head));
                return true;
            }
            left -= 1;
            flying.remove(0);
            self.acknowledge(head);
        }
    }

    fn acknowledge(&mut self, id: u64) {
        self.waiting.remove(&id);
        self.acknowledged.push(id);
        self.poison_detector.acknowledged(id);
        if let Some(poison) = self.poison_detector.poison() {
            assert!(poison < id, "the next one was acknowledged");
            assert!(
                self.closed[&poison] > ISOLATE_AFTER,
                "it was closed on often enough"
            );
            self.waiting.remove(&poison);
            self.dead_lettered.push(poison);
            self.poison_detector.removed(poison);
        }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_reordered_and_only_an_acknowledgment_after_it_sets_a_message_aside(
        poison in vec(prop::bool::weighted(0.2), 1..12),
        links in vec(link(), 0..80),
    ) {
        let count = poison.len() as u64;
        let mut world = HubSimulation { waiting: (0..count).collect(), ..HubSimulation::default() };
        world.poison = (0..count).filter(|id| poison[*id as usize]).collect();
        for link in &links {
            world.connection(link);
            // A dead-lettered message is followed by the acknowledgment that confirmed it: `acknowledge` asserts it.
            let mut all: Vec<_> = world.waiting.iter().copied().collect();
            all.extend(&world.acknowledged);
            all.extend(&world.dead_lettered);
            all.sort_unstable();
            prop_assert_eq!(all, (0..count).collect::<Vec<_>>());
            prop_assert!(world.acknowledged.is_sorted());
        }
    }

    #[test]
    fn a_sound_link_delivers_everything_around_single_poisonous_messages(
        poison in vec(any::<bool>(), 1..8),
        links in vec(link(), 0..20),
    ) {
        // Every second message is good, the last one too.
        let count = 2 * poison.len() as u64 + 1;
        let mut world = HubSimulation { waiting: (0..count).collect(), ..HubSimulation::default() };
        world.poison = (0..count).filter(|id| id % 2 == 1 && poison[*id as usize / 2]).collect();
        for link in &links {
            world.connection(link);
        }
        let sound = LinkBehavior { gives_the_twin: true, acknowledgments: usize::MAX, ends_like_closed: false };
        // Five for each poisonous message, and for one that the links before had brought half way to no end.
        let most = 5 * (world.poison.len() + 1);
        let connections = (0..most).take_while(|_| world.connection(&sound)).count();
        prop_assert!(connections < most);
        prop_assert!(world.waiting.is_empty(), "{:?}", world.waiting);
        prop_assert!(world.poison.iter().all(|id| world.dead_lettered.contains(id)));
    }
}
