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
    /// When it is to be renewed, and when at the latest, in the device's monotonic time.
    renew_at: Duration,
    end_at: Duration,
    /// With so little left by the time of day it is to be renewed too.
    margin: SignedDuration,
    /// Since when it has been due.
    due_since: Option<Duration>,
}

/// What is to be done about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing.
    NotYet,
    /// What is on its way is to be finished, and the token renewed.
    Finish,
    /// It is to be renewed, whatever is on its way.
    Now,
}

impl Token {
    /// A token minted now for so long. `random` is evenly spread over `0.0..1.0`.
    pub(super) fn minted(life: Duration, today: Timestamp, now: Duration, random: f64) -> Self {
        let (from, to) = RENEWED_AT;
        let part = from + (to - from) * random.clamp(0.0, 1.0);
        Self {
            expiry: today.saturating_add(life).unwrap_or(Timestamp::MAX),
            renew_at: now + life.mul_f64(part),
            end_at: now + life.mul_f64(ENDS_AT),
            margin: SignedDuration::try_from(life.mul_f64(1.0 - part)).unwrap_or_default(),
            due_since: None,
        }
    }

    /// When it ends, by its own word.
    pub(super) fn expiry(&self) -> Timestamp {
        self.expiry
    }

    /// When [`due`](Self::due) says something else, if nobody sets the time of day.
    pub(super) fn deadline(&self) -> Duration {
        match self.due_since {
            None => self.renew_at,
            Some(since) => (since + FINISH_WITHIN).min(self.end_at),
        }
    }

    /// What is to be done about it.
    pub(super) fn due(&mut self, today: Timestamp, now: Duration) -> Due {
        if !self.is_due(today, now) {
            self.due_since = None;
            return Due::NotYet;
        }
        let since = *self.due_since.get_or_insert(now);
        let is_over = self.end_at <= now || self.left(today) <= SignedDuration::ZERO;
        match is_over || since + FINISH_WITHIN <= now {
            true => Due::Now,
            false => Due::Finish,
        }
    }

    /// Whether it is time to renew it.
    pub(super) fn is_due(&self, today: Timestamp, now: Duration) -> bool {
        self.renew_at <= now || self.left(today) <= self.margin
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

    /// What is to be done so long after it was minted, with the time of day set forward by so much.
    fn after(token: &mut Token, passed: Duration, set_forward: SignedDuration) -> Due {
        token.due(today() + passed + set_forward, minutes(500) + passed)
    }

    fn minted() -> Token {
        Token::minted(HOUR, today(), minutes(500), 0.5)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_token_is_renewed_before_it_ends_even_if_something_is_on_its_way() {
        let (mut token, still) = (minted(), SignedDuration::ZERO);
        assert_eq!(after(&mut token, minutes(48) - SECOND, still), Due::NotYet);
        assert_eq!(after(&mut token, minutes(48), still), Due::Finish);
        assert_eq!(token.deadline(), minutes(548) + FINISH_WITHIN);
        let late = minutes(48) + FINISH_WITHIN;
        assert_eq!(after(&mut token, late - SECOND, still), Due::Finish);
        assert_eq!(after(&mut token, late, still), Due::Now);
    }

    #[test]
    fn a_clock_that_is_set_forward_makes_it_due_and_one_set_back_keeps_its_time() {
        let forward = SignedDuration::from_mins(55);
        let mut token = minted();
        assert_eq!(after(&mut token, minutes(1), forward), Due::Finish);
        assert_eq!(
            after(&mut token, minutes(1) + FINISH_WITHIN, forward),
            Due::Now
        );
        assert_eq!(after(&mut minted(), minutes(1), forward * 2), Due::Now);
        let mut token = minted();
        assert_eq!(after(&mut token, minutes(47), -forward), Due::NotYet);
        assert_eq!(after(&mut token, minutes(48), -forward), Due::Finish);
    }

    #[test]
    fn a_clock_that_is_set_right_again_takes_back_what_it_made_due() {
        let mut token = minted();
        let forward = SignedDuration::from_mins(55);
        assert_eq!(after(&mut token, minutes(1), forward), Due::Finish);
        assert_eq!(
            after(&mut token, minutes(1), SignedDuration::ZERO),
            Due::NotYet
        );
        assert_eq!(token.deadline(), minutes(548));
    }

    proptest! {
        #[test]
        fn every_token_is_renewed_within_its_life(life in 1..1_000_000_u64, random: f64) {
            let life = Duration::from_secs(life);
            let mut token = Token::minted(life, today(), HOUR, random);
            prop_assert!(token.deadline() >= HOUR + life / 2);
            prop_assert_eq!(token.due(today() + life / 2, HOUR + life / 2), Due::NotYet);
            prop_assert_eq!(token.due(today() + life, HOUR + life), Due::Now);
        }
    }
}
