//! How long to wait before the next connect.

use std::time::Duration;

/// Bound of the first pause: after a short fault a device is back within two seconds.
const FIRST: Duration = Duration::from_secs(1);
/// Bound of all pauses: a device that was long away is back within two minutes of its hub.
const LONGEST: Duration = Duration::from_secs(120);
/// A connection that has stood for so long was a good one.
const STABLE: Duration = Duration::from_secs(60);

/// Exponential backoff with full jitter, so that devices that lost a hub together do not come back together.
///
/// Source: "Exponential Backoff And Jitter" of the AWS Architecture Blog, and "Retry patterns" of the Azure IoT
/// documentation, which asks for randomness because a hub takes a limited number of connections per second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after a connection that `stood` for this long, zero if it was not made. `random` is evenly spread over
    /// `0.0..1.0`.
    pub fn pause(&mut self, stood: Duration, random: f64) -> Duration {
        if stood >= STABLE {
            self.failures = 0;
        }
        let factor = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let bound = FIRST.saturating_mul(factor).min(LONGEST);
        bound.mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: Duration = Duration::ZERO;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn pauses_double_up_to_two_minutes() {
        let mut backoff = Backoff::default();
        let bounds: Vec<_> = (0..10)
            .map(|_| backoff.pause(FAILED, 1.0).as_secs())
            .collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    }

    #[test]
    fn the_whole_pause_is_random() {
        let mut backoff = Backoff { failures: 3 };
        assert_eq!(backoff.clone().pause(FAILED, 0.0), Duration::ZERO);
        assert_eq!(backoff.pause(FAILED, 0.25), seconds(2));
    }

    #[test]
    fn only_a_connection_that_stood_for_a_minute_starts_anew() {
        let mut backoff = Backoff { failures: 5 };
        assert_eq!(backoff.pause(seconds(59), 1.0), seconds(32));
        assert_eq!(backoff.pause(seconds(60), 1.0), seconds(1));
        assert_eq!(backoff.pause(FAILED, 1.0), seconds(2));
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_two_minutes(failures: u32, random: f64, stood: u64) {
            let pause = Backoff { failures }.pause(seconds(stood), random);
            prop_assert!(pause <= LONGEST);
        }
    }
}
