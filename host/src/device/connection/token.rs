//! The token a connection stands by, and when it is to be renewed.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long a connection whose token is to be renewed may take to finish what is on its way.
const FINISH_WITHIN: Duration = Duration::from_secs(30);
/// The parts of a token's life, from and to, at which it is renewed; at random between them, so that devices that connected
/// together do not renew together.
const RENEWED_AT: (f64, f64) = (0.75, 0.85);
/// The part of a token's life after which a connection ends for it, whatever is on its way.
const ENDS_AT: f64 = 0.95;

/// The life of one token. MQTT 3.1.1 has no way to renew a token but a new connection.
///
/// Both clocks count: the monotonic one, because the time of day may be set back; the time of day, because it may be set
/// forward, and then a token that was minted before ends earlier than it seemed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// The time of day at which it ends, as it says itself.
    expiry: Timestamp,
    /// When it is to be renewed, in the device's monotonic time.
    renew_at: Duration,
    end_at: Duration,
    /// With so little left by the time of day it is to be renewed too.
    margin: SignedDuration,
}

impl Token {
    /// A token minted now for so long. `random` is evenly spread over `0.0..1.0`.
    pub(super) fn minted(life: Duration, today: Timestamp, now: Duration, random: f64) -> Self {
        let (from, to) = RENEWED_AT;
        let part = from + (to - from) * random.clamp(0.0, 1.0);
        let renew_at = now + life.mul_f64(part);
        Self {
            expiry: today.saturating_add(life).unwrap_or(Timestamp::MAX),
            renew_at,
            end_at: (renew_at + FINISH_WITHIN).min(now + life.mul_f64(ENDS_AT)),
            margin: SignedDuration::try_from(life.mul_f64(1.0 - part)).unwrap_or_default(),
        }
    }

    /// When it ends, by its own word.
    pub(super) fn expiry(&self) -> Timestamp {
        self.expiry
    }

    /// When it is to be renewed if nobody sets the time of day; a deadline.
    pub(super) fn deadline(&self, now: Duration) -> Duration {
        match self.renew_at > now {
            true => self.renew_at,
            false => self.end_at,
        }
    }

    /// Whether it is time to finish what is on its way and to renew it.
    pub(super) fn is_due(&self, today: Timestamp, now: Duration) -> bool {
        self.renew_at <= now || self.left(today) <= self.margin
    }

    /// Whether it is to be renewed at once, whatever is on its way.
    pub(super) fn is_overdue(&self, today: Timestamp, now: Duration) -> bool {
        self.end_at <= now || self.left(today) <= self.margin / 4
    }

    /// What is left of it; below zero once it has ended.
    pub(super) fn left(&self, today: Timestamp) -> SignedDuration {
        self.expiry.duration_since(today)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn today() -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap()
    }

    fn minutes(count: u64) -> Duration {
        Duration::from_secs(60 * count)
    }

    /// Whether it is due and overdue so long after it was minted, with the time of day set forward by so much meanwhile.
    fn after(passed: Duration, set_forward: SignedDuration) -> (bool, bool) {
        let token = Token::minted(HOUR, today(), minutes(500), 0.5);
        let (now, today) = (minutes(500) + passed, today() + passed + set_forward);
        (token.is_due(today, now), token.is_overdue(today, now))
    }

    #[test]
    fn a_token_is_renewed_before_it_ends_even_if_something_is_on_its_way() {
        let still = SignedDuration::ZERO;
        assert_eq!(after(minutes(47), still), (false, false));
        assert_eq!(after(minutes(48), still), (true, false));
        assert_eq!(after(minutes(49), still), (true, true));
    }

    #[test]
    fn a_clock_that_is_set_forward_makes_it_due_and_one_set_back_keeps_its_time() {
        let forward = SignedDuration::from_mins(55);
        assert_eq!(after(minutes(1), forward), (true, false));
        assert_eq!(after(minutes(1), forward * 2), (true, true));
        assert_eq!(after(minutes(47), -forward), (false, false));
        assert_eq!(after(minutes(49), -forward), (true, true));
    }

    proptest! {
        #[test]
        fn every_token_is_renewed_within_its_life(life in 1..1_000_000_u64, random: f64) {
            let life = Duration::from_secs(life);
            let token = Token::minted(life, today(), HOUR, random);
            prop_assert!(token.deadline(HOUR) >= HOUR + life / 2);
            prop_assert!(token.is_overdue(today() + life, HOUR + life));
            prop_assert!(!token.is_due(today() + life / 2, HOUR + life / 2));
        }
    }
}
