//! The SAS token of a connection, and the time of its renewal.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Time a connection has to become idle before its token is renewed regardless.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Range of the fraction of its lifetime after which a token is renewed; random, so that devices that connected together do
/// not renew together.
const RENEW_AT: (f64, f64) = (0.75, 0.85);
/// Fraction of its lifetime after which a token is renewed even if the connection is not idle.
const RENEW_LATEST_AT: f64 = 0.95;

/// The lifetime of a token. MQTT 3.1.1 has no way to renew a token but a new connection.
///
/// Both clocks count: monotonic time, because the wall clock may be set back; the wall clock, because it may be set forward,
/// and the token then expires earlier.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// Expiry written in the token.
    expiry: Timestamp,
    /// Time of the renewal, and its latest time, in the device's monotonic time.
    renew_at: Duration,
    renew_latest_at: Duration,
    /// Remaining lifetime by the wall clock at which the token is renewed too.
    margin: SignedDuration,
    /// Time at which the renewal became due.
    due_since: Option<Duration>,
}

/// The renewal of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// Not due.
    NotDue,
    /// Due once the connection is idle.
    WhenIdle,
    /// Due at once.
    Now,
}

impl Token {
    /// Returns a token minted now with this lifetime. `random` is evenly spread over `0.0..1.0`.
    pub(super) fn minted(ttl: Duration, today: Timestamp, now: Duration, random: f64) -> Self {
        let (from, to) = RENEW_AT;
        let part = from + (to - from) * random.clamp(0.0, 1.0);
        Self {
            expiry: today.saturating_add(ttl).unwrap_or(Timestamp::MAX),
            renew_at: now + ttl.mul_f64(part),
            renew_latest_at: now + ttl.mul_f64(RENEW_LATEST_AT),
            margin: SignedDuration::try_from(ttl.mul_f64(1.0 - part)).unwrap_or_default(),
            due_since: None,
        }
    }

    /// Returns the expiry written in the token.
    pub(super) fn expiry(&self) -> Timestamp {
        self.expiry
    }

    /// Returns the time at which [`renewal`](Self::renewal) changes, if the wall clock is not set.
    pub(super) fn deadline(&self) -> Duration {
        match self.due_since {
            None => self.renew_at,
            Some(since) => (since + IDLE_TIMEOUT).min(self.renew_latest_at),
        }
    }

    /// Returns the renewal that is due.
    pub(super) fn renewal(&mut self, today: Timestamp, now: Duration) -> Renewal {
        if !self.is_due(today, now) {
            self.due_since = None;
            return Renewal::NotDue;
        }
        let since = *self.due_since.get_or_insert(now);
        let is_over = self.renew_latest_at <= now || self.remaining(today) <= SignedDuration::ZERO;
        match is_over || since + IDLE_TIMEOUT <= now {
            true => Renewal::Now,
            false => Renewal::WhenIdle,
        }
    }

    /// Returns true if the renewal is due.
    pub(super) fn is_due(&self, today: Timestamp, now: Duration) -> bool {
        self.renew_at <= now || self.remaining(today) <= self.margin
    }

    /// Returns the remaining lifetime by the wall clock; negative once expired.
    pub(super) fn remaining(&self, today: Timestamp) -> SignedDuration {
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

    /// Returns the renewal so long after minting, with the wall clock set forward by so much.
    fn after(token: &mut Token, passed: Duration, set_forward: SignedDuration) -> Renewal {
        token.renewal(today() + passed + set_forward, minutes(500) + passed)
    }

    fn minted() -> Token {
        Token::minted(HOUR, today(), minutes(500), 0.5)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_token_is_renewed_before_it_ends_even_if_something_is_on_its_way() {
        let (mut token, still) = (minted(), SignedDuration::ZERO);
        assert_eq!(
            after(&mut token, minutes(48) - SECOND, still),
            Renewal::NotDue
        );
        assert_eq!(after(&mut token, minutes(48), still), Renewal::WhenIdle);
        assert_eq!(token.deadline(), minutes(548) + IDLE_TIMEOUT);
        let late = minutes(48) + IDLE_TIMEOUT;
        assert_eq!(after(&mut token, late - SECOND, still), Renewal::WhenIdle);
        assert_eq!(after(&mut token, late, still), Renewal::Now);
    }

    #[test]
    fn a_clock_that_is_set_forward_makes_it_due_and_one_set_back_keeps_its_time() {
        let forward = SignedDuration::from_mins(55);
        let mut token = minted();
        assert_eq!(after(&mut token, minutes(1), forward), Renewal::WhenIdle);
        assert_eq!(
            after(&mut token, minutes(1) + IDLE_TIMEOUT, forward),
            Renewal::Now
        );
        assert_eq!(after(&mut minted(), minutes(1), forward * 2), Renewal::Now);
        let mut token = minted();
        assert_eq!(after(&mut token, minutes(47), -forward), Renewal::NotDue);
        assert_eq!(after(&mut token, minutes(48), -forward), Renewal::WhenIdle);
    }

    #[test]
    fn a_clock_that_is_set_right_again_takes_back_what_it_made_due() {
        let mut token = minted();
        let forward = SignedDuration::from_mins(55);
        assert_eq!(after(&mut token, minutes(1), forward), Renewal::WhenIdle);
        assert_eq!(
            after(&mut token, minutes(1), SignedDuration::ZERO),
            Renewal::NotDue
        );
        assert_eq!(token.deadline(), minutes(548));
    }

    proptest! {
        #[test]
        fn every_token_is_renewed_within_its_life(life in 1..1_000_000_u64, random: f64) {
            let life = Duration::from_secs(life);
            let mut token = Token::minted(life, today(), HOUR, random);
            prop_assert!(token.deadline() >= HOUR + life / 2);
            prop_assert_eq!(token.renewal(today() + life / 2, HOUR + life / 2), Renewal::NotDue);
            prop_assert_eq!(token.renewal(today() + life, HOUR + life), Renewal::Now);
        }
    }
}
