//! How fast the devices of one process connect.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Gives the devices of a process turns at connecting, so many a second for each server, so that many of them that lose a
/// hub together do not use up what it grants.
///
/// Source: "IoT Hub quotas and throttling", device connections: 100 a second for a unit S1.
#[derive(Debug)]
pub struct Pace {
    between: Duration,
    /// The next turn that is free at each server; what has passed is free at once.
    next: Mutex<BTreeMap<String, Duration>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(Self::PER_SECOND)
    }
}

impl Pace {
    /// Connections a second, by default.
    pub const PER_SECOND: u32 = 100;

    /// So many connections a second.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self {
            between: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::default(),
        }
    }

    /// Takes the next free turn at this server, now or later. All who share a pace share a clock.
    pub fn turn(&self, server: &str, now: Duration) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.retain(|_, free| *free > now);
        let turn = next.get(server).copied().unwrap_or(now);
        next.insert(server.to_owned(), turn + self.between);
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_turns_than_the_pace_allows_and_servers_have_their_own() {
        let pace = Pace::default();
        let now = Duration::from_secs(1000);
        let turns: Vec<_> = (0..1000).map(|_| pace.turn("hub", now)).collect();
        assert_eq!(turns[0], now);
        for (first, last) in turns.iter().zip(&turns[100..]) {
            assert!(*last - *first >= Duration::from_secs(1));
        }
        assert_eq!(pace.turn("another", now), now);
        let later = now + Duration::from_secs(60);
        assert_eq!(pace.turn("hub", later), later);
    }
}
