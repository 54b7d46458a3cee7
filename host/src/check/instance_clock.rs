//! The clock that the instances of a dry run read.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::clock::{Clock, VirtualClock};

/// A view of the virtual clock in which each reading takes a microsecond. A component that waits for a moment, or divides
/// by the time of a call, would otherwise fail on a clock that stands still, and on a device it does not.
pub(super) struct InstanceClock {
    clock: Arc<VirtualClock>,
    readings: AtomicU64,
}

impl InstanceClock {
    pub(super) fn new(clock: Arc<VirtualClock>) -> Arc<Self> {
        Arc::new(Self {
            clock,
            readings: AtomicU64::new(0),
        })
    }

    /// Returns the time all readings have taken, with this one.
    fn reading(&self) -> Duration {
        Duration::from_micros(self.readings.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Clock for InstanceClock {
    fn now(&self) -> Timestamp {
        let now = self.clock.now();
        now.saturating_add(self.reading()).unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic() + self.reading()
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(deadline)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_readings_are_the_same_and_none_is_zero() {
        let clock = VirtualClock::new(Timestamp::UNIX_EPOCH, Duration::MAX);
        let clock = InstanceClock::new(clock);
        let readings: Vec<_> = (0..3).map(|_| clock.monotonic()).collect();
        assert_eq!(readings, [1, 2, 3].map(Duration::from_micros));
        assert_eq!(clock.now().as_microsecond(), 4);
    }
}
