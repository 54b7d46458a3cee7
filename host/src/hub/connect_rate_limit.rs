//! The rate limit on connects of the devices of one process.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Limits the connects per second to each server, so that many devices that lose a hub together stay within its quota.
///
/// Source: "IoT Hub quotas and throttling", device connections: 100 a second for a unit S1.
#[derive(Debug)]
pub struct ConnectRateLimit {
    interval: Duration,
    /// The next free slot at each server; a server without an entry has one at once.
    next: Mutex<BTreeMap<String, Duration>>,
}

impl Default for ConnectRateLimit {
    fn default() -> Self {
        Self::new(Self::PER_SECOND)
    }
}

impl ConnectRateLimit {
    /// The default limit, in connects per second.
    pub const PER_SECOND: u32 = 100;

    /// Creates a limit of this many connects per second.
    #[must_use]
    pub fn new(per_second: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / per_second.max(1),
            next: Mutex::default(),
        }
    }

    /// Reserves the next free slot at this server and returns its time, now or later. All callers share one clock.
    pub fn reserve(&self, server: &str, now: Duration) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.retain(|_, free| *free > now);
        let slot = next.get(server).copied().unwrap_or(now);
        next.insert(server.to_owned(), slot + self.interval);
        slot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_has_more_slots_than_the_limit_and_servers_have_their_own() {
        let limit = ConnectRateLimit::default();
        let now = Duration::from_secs(1000);
        let slots: Vec<_> = (0..1000).map(|_| limit.reserve("hub", now)).collect();
        assert_eq!(slots[0], now);
        for (first, last) in slots.iter().zip(&slots[100..]) {
            assert!(*last - *first >= Duration::from_secs(1));
        }
        assert_eq!(limit.reserve("another", now), now);
        let later = now + Duration::from_secs(60);
        assert_eq!(limit.reserve("hub", later), later);
    }
}
