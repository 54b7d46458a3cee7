//! Log lines about an attempt that takes long, so that a device that waits for its first connection says so.

use std::time::Duration;

use super::outage::LOG_TARGET;

/// The duration of an attempt after which it is worth a line.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// The party that has not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// An assignment by DPS.
    Assignment,
    /// The hub.
    Hub,
}

/// The schedule of the lines: from the first attempt until a connection, at growing intervals.
#[derive(Debug, Default)]
pub(super) struct WaitNotice {
    /// Start of the first attempt since the last connection.
    since: Option<Duration>,
    /// Start of the current attempt; `None` between attempts.
    attempt: Option<(Duration, Awaited)>,
    /// Time waited before the next line.
    next_after: Duration,
}

impl WaitNotice {
    /// Starts an attempt.
    pub(super) fn attempt_started(&mut self, awaited: Awaited, now: Duration) {
        if self.since.is_none() {
            self.since = Some(now);
            self.next_after = SLOW_AFTER;
        }
        self.attempt = Some((now, awaited));
    }

    /// Ends the attempt; the waiting too if the device is connected.
    pub(super) fn attempt_ended(&mut self, is_connected: bool) {
        self.attempt = None;
        if is_connected {
            self.since = None;
        }
    }

    /// Returns the time of the next line.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let (attempt, _) = self.attempt?;
        Some((self.since? + self.next_after).max(attempt + SLOW_AFTER))
    }

    /// Logs a line if it is due.
    pub(super) fn on_deadline(&mut self, device: &str, server: &str, now: Duration) {
        if let Some(line) = self.due(now) {
            tracing::info!(target: LOG_TARGET, device, server, "{line}");
        }
    }

    /// Returns the line that is due at this time.
    fn due(&mut self, now: Duration) -> Option<String> {
        let (_, awaited) = self
            .attempt
            .filter(|_| self.deadline().is_some_and(|at| at <= now))?;
        let waited = now.saturating_sub(self.since?);
        while self.next_after <= waited {
            self.next_after *= 2;
        }
        let seconds = waited.as_secs();
        Some(match awaited {
            Awaited::Assignment => {
                format!("waiting for DPS to assign a hub, for {seconds} s so far")
            }
            Awaited::Hub => format!("waiting for the hub to answer, for {seconds} s so far"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn an_attempt_that_takes_long_is_told_ever_more_rarely() {
        let mut notice = WaitNotice::default();
        notice.attempt_started(Awaited::Assignment, seconds(10));
        let mut told = Vec::new();
        while let Some(at) = notice.deadline().filter(|at| *at < seconds(610)) {
            assert!(
                notice.due(at).is_some(),
                "a deadline is a line, so that no loop spins"
            );
            told.push(at.as_secs() - 10);
        }
        assert_eq!(told, [2, 4, 8, 16, 32, 64, 128, 256, 512]);
    }

    #[test]
    fn short_attempts_are_not_told_and_a_later_one_not_from_the_start() {
        let mut notice = WaitNotice::default();
        for start in 0..20 {
            notice.attempt_started(Awaited::Hub, seconds(10 * start));
            assert_eq!(notice.due(seconds(10 * start + 1)), None);
            notice.attempt_ended(false);
            assert_eq!(notice.deadline(), None);
        }
        notice.attempt_started(Awaited::Hub, seconds(200));
        assert_eq!(notice.deadline(), Some(seconds(202)));
        assert!(notice.due(seconds(202)).unwrap().contains("202 s"));
        assert_eq!(notice.deadline(), Some(seconds(256)));
        notice.attempt_ended(true);
        notice.attempt_started(Awaited::Hub, seconds(300));
        assert_eq!(notice.deadline(), Some(seconds(302)));
    }
}
