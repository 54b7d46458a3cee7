//! The pace at which a backlog leaves.

use std::time::Duration;

/// What may leave at once although its time is only coming, so that waking up late does not slow the pace.
const AHEAD: Duration = Duration::from_millis(100);

/// Lets so many a second pass.
#[derive(Debug)]
pub(super) struct Drain {
    pause: Duration,
    next: Duration,
}

impl Drain {
    /// This many a second; without a number, all at once.
    pub(super) fn new(rate: Option<u32>) -> Self {
        Self {
            pause: rate.map_or(Duration::ZERO, |rate| Duration::from_secs(1) / rate.max(1)),
            next: Duration::ZERO,
        }
    }

    /// When the next one may leave.
    pub(super) fn next(&self) -> Duration {
        self.next
    }

    /// One has left.
    pub(super) fn passed(&mut self, now: Duration) {
        self.next = self.next.max(now.saturating_sub(AHEAD)) + self.pause;
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
                drain.passed(now);
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
