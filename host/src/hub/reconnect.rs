//! Reconnecting: the causes of failures, and the backoff before the next attempt.

use std::time::Duration;

use crate::cause::Cause;

/// The bound of the first delay: after a short fault a device is back within two seconds.
const BASE_DELAY: Duration = Duration::from_secs(1);
/// The bound of all delays: a device that was long offline is back within two minutes of its hub.
const MAX_DELAY: Duration = Duration::from_secs(120);
/// The duration after which a connection counts as stable and resets the backoff.
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// The number of failures that count at most once a connection has worked, however briefly: the hub is there, and a
/// flapping link is retried within 16 s.
const MAX_FLAPPING_FAILURES: u32 = 4;
/// The least bound of a delay after the server has throttled the device.
const MIN_THROTTLED_DELAY: Duration = Duration::from_secs(10);
/// The delay after a failure that only an operator can fix.
const REFUSED_DELAY: Duration = Duration::from_secs(300);
/// The bounds of a delay while a duplicate client uses the same id: each of the two works for minutes.
const TAKEN_OVER_DELAYS: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// The number of healthy connections in a row, closed by the hub, after which a duplicate client is assumed.
const TAKEN_OVER_AFTER: u32 = 3;
/// The duration of a connection that rules out a duplicate client: two clients with one id wait less.
const TAKEN_OVER_RESET: Duration = Duration::from_secs(600);

/// Exponential backoff with full jitter, so that devices that lost a hub together do not come back together.
///
/// Source: "Exponential Backoff And Jitter" of the AWS Architecture Blog, and "Retry patterns" of the Azure IoT
/// documentation, which asks for randomness because a hub takes a limited number of connections per second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Returns the delay before the next attempt, after a connection that `worked` for this long, or not at all: it
    /// worked if the hub had returned the twin. `random` is uniform in `0.0..1.0`.
    pub fn next_delay(&mut self, cause: Cause, worked: Option<Duration>, random: f64) -> Duration {
        self.failures = match worked {
            Some(lasted) if lasted >= STABLE_AFTER => 0,
            Some(_) => self.failures.min(MAX_FLAPPING_FAILURES),
            None => self.failures,
        };
        let factor = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let bound = BASE_DELAY.saturating_mul(factor).min(MAX_DELAY);
        let random = random.clamp(0.0, 1.0);
        match cause {
            Cause::Refused | Cause::Certificate => REFUSED_DELAY,
            Cause::TakenOver => {
                TAKEN_OVER_DELAYS.0 + (TAKEN_OVER_DELAYS.1 - TAKEN_OVER_DELAYS.0).mul_f64(random)
            }
            Cause::Throttled => bound.max(MIN_THROTTLED_DELAY).mul_f64(random),
            _ => bound.mul_f64(random),
        }
    }
}

/// Detects a duplicate client with the same id. A hub accepts one of them and closes the other's connection without a
/// reason (400027 of IoT Hub); two that reconnect at once take the session from each other forever.
///
/// Source: "Troubleshooting IoT Hub error codes", 400027 ConnectionForcefullyClosedOnNewConnection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DuplicateClientDetector {
    closed: u32,
}

impl DuplicateClientDetector {
    /// Returns the cause of a connection's end after `lasted`. A connection was `healthy` if the hub had returned the
    /// twin and acknowledged the device's messages, so that the device did not cause the end.
    pub fn classify(&mut self, cause: Cause, lasted: Duration, healthy: bool) -> Cause {
        if cause != Cause::Closed || !healthy || lasted >= TAKEN_OVER_RESET {
            self.closed = 0;
            return cause;
        }
        self.closed = self.closed.saturating_add(1);
        match self.closed >= TAKEN_OVER_AFTER {
            true => Cause::TakenOver,
            false => cause,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FAILED: Option<Duration> = None;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn delays_double_up_to_two_minutes() {
        let mut backoff = Backoff::default();
        let bounds: Vec<_> = (0..10)
            .map(|_| backoff.next_delay(Cause::Tcp, FAILED, 1.0).as_secs())
            .collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    }

    #[test]
    fn the_whole_delay_is_random() {
        let mut backoff = Backoff { failures: 3 };
        assert_eq!(
            backoff.clone().next_delay(Cause::Tcp, FAILED, 0.0),
            Duration::ZERO
        );
        assert_eq!(backoff.next_delay(Cause::Tcp, FAILED, 0.25), seconds(2));
    }

    #[test]
    fn only_a_connection_that_stood_for_a_minute_starts_anew() {
        let mut backoff = Backoff { failures: 5 };
        let mut lost = |stood| backoff.next_delay(Cause::Reset, Some(seconds(stood)), 1.0);
        assert_eq!(lost(59), seconds(16));
        assert_eq!(lost(60), seconds(1));
        assert_eq!(backoff.next_delay(Cause::Tcp, FAILED, 1.0), seconds(2));
    }

    #[test]
    fn a_flapping_link_is_retried_within_sixteen_seconds() {
        let mut backoff = Backoff { failures: 9 };
        for _ in 0..10 {
            let delay = backoff.next_delay(Cause::Reset, Some(seconds(3)), 1.0);
            assert_eq!(delay, seconds(16));
        }
        assert_eq!(backoff.next_delay(Cause::Tcp, FAILED, 1.0), seconds(32));
    }

    #[test]
    fn the_delay_after_throttling_is_longer() {
        let mut backoff = Backoff::default();
        assert_eq!(
            backoff.next_delay(Cause::Throttled, FAILED, 1.0),
            seconds(10)
        );
        assert_eq!(backoff.next_delay(Cause::Tcp, FAILED, 1.0), seconds(2));
    }

    #[test]
    fn a_failure_only_an_operator_can_fix_is_retried_every_five_minutes() {
        for cause in [Cause::Refused, Cause::Certificate] {
            let mut backoff = Backoff::default();
            assert_eq!(backoff.next_delay(cause, FAILED, 0.0), seconds(300));
            assert_eq!(backoff.next_delay(cause, FAILED, 1.0), seconds(300));
        }
    }

    #[test]
    fn a_third_healthy_connection_that_is_closed_is_taken_over() {
        let mut duplicate_client = DuplicateClientDetector::default();
        let mut end = |cause, stood, well| duplicate_client.classify(cause, seconds(stood), well);
        assert_eq!(end(Cause::Closed, 1, true), Cause::Closed);
        assert_eq!(end(Cause::Closed, 100, true), Cause::Closed);
        assert_eq!(end(Cause::Closed, 1, true), Cause::TakenOver);
        assert_eq!(end(Cause::Closed, 250, true), Cause::TakenOver);
        assert_eq!(end(Cause::Closed, 600, true), Cause::Closed);
        assert_eq!(end(Cause::Closed, 1, true), Cause::Closed);
    }

    #[test]
    fn a_connection_closed_for_another_reason_is_not_taken_over() {
        let mut duplicate_client = DuplicateClientDetector::default();
        for _ in 0..10 {
            for (cause, well) in [
                (Cause::Closed, true),
                (Cause::Closed, true),
                (Cause::Reset, true),
                (Cause::Closed, true),
                (Cause::Closed, true),
                (Cause::Closed, false),
            ] {
                assert_eq!(duplicate_client.classify(cause, seconds(1), well), cause);
            }
        }
    }

    #[test]
    fn causes_have_the_same_name_everywhere() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }

    proptest! {
        #[test]
        fn no_delay_is_longer_than_its_cause_allows(failures: u32, random: f64, stood: u64, cause in 0..14_usize) {
            let cause = Cause::ALL[cause];
            let delay = Backoff { failures }.next_delay(cause, Some(seconds(stood)), random);
            let longest = match cause {
                Cause::Refused | Cause::Certificate | Cause::TakenOver => seconds(300),
                _ => MAX_DELAY,
            };
            prop_assert!(delay <= longest);
        }
    }
}
