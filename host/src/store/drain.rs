//! The drain rate: how fast a backlog is sent.

use std::time::Duration;

/// The burst that may be sent ahead of time, so that waking up late does not slow the drain.
const MAX_BURST: Duration = Duration::from_millis(100);

/// Limits the messages of a backlog sent per second.
#[derive(Debug)]
pub(super) struct Drain {
    interval: Duration,
    next: Duration,
}

impl Drain {
    /// Creates a limit of `rate` messages per second; `None` for no limit.
    pub(super) fn new(rate: Option<u32>) -> Self {
        Self {
            interval: rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.max(1)),
            next: Duration::ZERO,
        }
    }

    /// Returns the time at which the next message may be sent.
    pub(super) fn next(&self) -> Duration {
        self.next
    }

    /// Notes that a message was sent.
    pub(super) fn record_sent(&mut self, now: Duration) {
        self.next = self.next.max(now.saturating_sub(MAX_BURST)) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many leave within this time, woken every so often.
    fn passed(rate: Option<u32>, within: Duration, woken: Duration, most: usize) -> usize {
        let mut drain = Drain::new(rate);
        let (mut now, mut passed) = (Duration::from_secs(1000), 0);
        let end = now + within;
        while now < end && passed < most {
            while drain.next() <= now && passed < most {
                drain.record_sent(now);
                passed += 1;
            }
            now += woken;
        }
        passed
    }

    #[test]
    fn as_many_leave_as_the_rate_allows_however_rarely_it_is_woken() {
        for woken in [1, 7, 50] {
            let passed = passed(
                Some(100),
                Duration::from_secs(10),
                Duration::from_millis(woken),
                usize::MAX,
            );
            assert!((990..=1020).contains(&passed), "{passed}");
        }
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let instant = Duration::from_millis(1);
        assert_eq!(passed(None, instant, instant, 10_000), 10_000);
    }
}
