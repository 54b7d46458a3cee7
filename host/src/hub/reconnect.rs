//! What keeps a device from its hub, and how long it waits before the next try.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mqtt::{ConnectError, LinkError};

/// Bound of the first pause: after a short fault a device is back within two seconds.
const FIRST: Duration = Duration::from_secs(1);
/// Bound of all pauses: a device that was long away is back within two minutes of its hub.
const LONGEST: Duration = Duration::from_secs(120);
/// A connection that has stood for so long was a good one.
const STABLE: Duration = Duration::from_secs(60);
/// As many failures count at most once a connection has worked, however briefly: the hub is there, and a link that flaps is
/// worth coming back to within 16 s.
const FLAPPING: u32 = 4;
/// The least bound of a pause after a server has said that it has too much to do.
const BUSY: Duration = Duration::from_secs(10);
/// Time between tries of what only a person can mend.
const REFUSED: Duration = Duration::from_secs(300);
/// Bounds of a pause while another client uses the same id: each of the two works for minutes.
const RIVAL: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(300));

/// Connections in a row that the hub ended although all was well, after which another client is suspected.
const RIVAL_AFTER: u32 = 3;
/// A connection that has stood for so long has no rival: two clients that take the id from each other wait less.
const RIVAL_GONE: Duration = Duration::from_secs(600);

/// Why a device has no connection: the class of a failure, by which its reaction is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The server's name has no address.
    Name,
    /// No TCP connection.
    Tcp,
    /// The handshake of TLS or MQTT broke.
    Handshake,
    /// The server's certificate must not be accepted.
    Certificate,
    /// The server does not take this device: CONNACK 1, 2, 4 or 5, or a refusal of DPS.
    Refused,
    /// The server has too much to do: CONNACK 3, or a 429 of DPS.
    Busy,
    /// DPS failed, or answered something that is not understood.
    Provisioning,
    /// Time ran out.
    TimedOut,
    /// The server ended the connection.
    Closed,
    /// The server ended the connection when the token's time was over.
    Expired,
    /// The server ended connections that were in order, one after the other.
    TakenOver,
    /// The connection was reset.
    Reset,
    /// The server fell silent.
    Silent,
    /// The server broke the protocol, or refused a topic.
    Protocol,
}

impl Cause {
    /// All of them, for those who count.
    pub const ALL: [Self; 14] = [
        Self::Name,
        Self::Tcp,
        Self::Handshake,
        Self::Certificate,
        Self::Refused,
        Self::Busy,
        Self::Provisioning,
        Self::TimedOut,
        Self::Closed,
        Self::Expired,
        Self::TakenOver,
        Self::Reset,
        Self::Silent,
        Self::Protocol,
    ];

    /// Its name in logs, status and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Tcp => "tcp",
            Self::Handshake => "handshake",
            Self::Certificate => "certificate",
            Self::Refused => "refused",
            Self::Busy => "busy",
            Self::Provisioning => "provisioning",
            Self::TimedOut => "timed-out",
            Self::Closed => "closed",
            Self::Expired => "expired",
            Self::TakenOver => "taken-over",
            Self::Reset => "reset",
            Self::Silent => "silent",
            Self::Protocol => "protocol",
        }
    }
}

impl From<&ConnectError> for Cause {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Refused(3) => Self::Busy,
            ConnectError::Refused(_) => Self::Refused,
            ConnectError::Tls(_) => Self::Certificate,
            ConnectError::Name(_) => Self::Name,
            ConnectError::Unreachable(_) => Self::Tcp,
            ConnectError::Handshake(_) => Self::Handshake,
            ConnectError::TimedOut(_) => Self::TimedOut,
        }
    }
}

impl From<&LinkError> for Cause {
    fn from(error: &LinkError) -> Self {
        match error {
            LinkError::Closed => Self::Closed,
            LinkError::Reset => Self::Reset,
            LinkError::Silent(_) => Self::Silent,
            LinkError::Failed(_) => Self::Protocol,
        }
    }
}

/// Exponential backoff with full jitter, so that devices that lost a hub together do not come back together.
///
/// Source: "Exponential Backoff And Jitter" of the AWS Architecture Blog, and "Retry patterns" of the Azure IoT
/// documentation, which asks for randomness because a hub takes a limited number of connections per second.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The pause after a connection that `worked` for this long, if it did: if the hub had answered the device. `random` is
    /// evenly spread over `0.0..1.0`.
    pub fn pause(&mut self, cause: Cause, worked: Option<Duration>, random: f64) -> Duration {
        self.failures = match worked {
            Some(stood) if stood >= STABLE => 0,
            Some(_) => self.failures.min(FLAPPING),
            None => self.failures,
        };
        let factor = 2_u32.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        let bound = FIRST.saturating_mul(factor).min(LONGEST);
        let random = random.clamp(0.0, 1.0);
        match cause {
            Cause::Refused | Cause::Certificate => REFUSED,
            Cause::TakenOver => RIVAL.0 + (RIVAL.1 - RIVAL.0).mul_f64(random),
            Cause::Busy => bound.max(BUSY).mul_f64(random),
            _ => bound.mul_f64(random),
        }
    }
}

/// Finds out whether another client uses the same id. A hub lets one of them in and ends the other's connection (400027 of
/// IoT Hub), and says no more than that; two that come back at once take it from each other for ever.
///
/// Source: "Troubleshooting IoT Hub error codes", 400027 ConnectionForcefullyClosedOnNewConnection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rivalry {
    ended: u32,
}

impl Rivalry {
    /// What a connection's end means that `stood` so long; `well` if the hub had answered the device, and had acknowledged
    /// its messages, so that nothing the device did can be the reason.
    pub fn judge(&mut self, cause: Cause, stood: Duration, well: bool) -> Cause {
        if cause != Cause::Closed || !well || stood >= RIVAL_GONE {
            self.ended = 0;
            return cause;
        }
        self.ended = self.ended.saturating_add(1);
        match self.ended >= RIVAL_AFTER {
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
    fn pauses_double_up_to_two_minutes() {
        let mut backoff = Backoff::default();
        let bounds: Vec<_> = (0..10)
            .map(|_| backoff.pause(Cause::Tcp, FAILED, 1.0).as_secs())
            .collect();
        assert_eq!(bounds, [1, 2, 4, 8, 16, 32, 64, 120, 120, 120]);
    }

    #[test]
    fn the_whole_pause_is_random() {
        let mut backoff = Backoff { failures: 3 };
        assert_eq!(
            backoff.clone().pause(Cause::Tcp, FAILED, 0.0),
            Duration::ZERO
        );
        assert_eq!(backoff.pause(Cause::Tcp, FAILED, 0.25), seconds(2));
    }

    #[test]
    fn only_a_connection_that_stood_for_a_minute_starts_anew() {
        let mut backoff = Backoff { failures: 5 };
        let mut lost = |stood| backoff.pause(Cause::Reset, Some(seconds(stood)), 1.0);
        assert_eq!(lost(59), seconds(16));
        assert_eq!(lost(60), seconds(1));
        assert_eq!(backoff.pause(Cause::Tcp, FAILED, 1.0), seconds(2));
    }

    #[test]
    fn a_link_that_flaps_is_come_back_to_within_sixteen_seconds() {
        let mut backoff = Backoff { failures: 9 };
        for _ in 0..10 {
            let pause = backoff.pause(Cause::Reset, Some(seconds(3)), 1.0);
            assert_eq!(pause, seconds(16));
        }
        assert_eq!(backoff.pause(Cause::Tcp, FAILED, 1.0), seconds(32));
    }

    #[test]
    fn a_server_that_has_too_much_to_do_is_left_alone_for_longer() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.pause(Cause::Busy, FAILED, 1.0), seconds(10));
        assert_eq!(backoff.pause(Cause::Tcp, FAILED, 1.0), seconds(2));
    }

    #[test]
    fn what_only_a_person_can_mend_is_tried_every_five_minutes() {
        for cause in [Cause::Refused, Cause::Certificate] {
            let mut backoff = Backoff::default();
            assert_eq!(backoff.pause(cause, FAILED, 0.0), seconds(300));
            assert_eq!(backoff.pause(cause, FAILED, 1.0), seconds(300));
        }
    }

    #[test]
    fn a_third_connection_that_ends_without_a_reason_has_a_rival() {
        let mut rivalry = Rivalry::default();
        let mut end = |cause, stood, well| rivalry.judge(cause, seconds(stood), well);
        assert_eq!(end(Cause::Closed, 1, true), Cause::Closed);
        assert_eq!(end(Cause::Closed, 100, true), Cause::Closed);
        assert_eq!(end(Cause::Closed, 1, true), Cause::TakenOver);
        assert_eq!(end(Cause::Closed, 250, true), Cause::TakenOver);
        assert_eq!(end(Cause::Closed, 600, true), Cause::Closed);
        assert_eq!(end(Cause::Closed, 1, true), Cause::Closed);
    }

    #[test]
    fn what_has_another_reason_is_no_rival() {
        let mut rivalry = Rivalry::default();
        for _ in 0..10 {
            for (cause, well) in [
                (Cause::Closed, true),
                (Cause::Closed, true),
                (Cause::Reset, true),
                (Cause::Closed, true),
                (Cause::Closed, true),
                (Cause::Closed, false),
            ] {
                assert_eq!(rivalry.judge(cause, seconds(1), well), cause);
            }
        }
    }

    #[test]
    fn causes_are_called_alike_everywhere() {
        for cause in Cause::ALL {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }

    proptest! {
        #[test]
        fn no_pause_is_longer_than_its_cause_allows(failures: u32, random: f64, stood: u64, cause in 0..14_usize) {
            let cause = Cause::ALL[cause];
            let pause = Backoff { failures }.pause(cause, Some(seconds(stood)), random);
            let longest = match cause {
                Cause::Refused | Cause::Certificate | Cause::TakenOver => seconds(300),
                _ => LONGEST,
            };
            prop_assert!(pause <= longest);
        }
    }
}
