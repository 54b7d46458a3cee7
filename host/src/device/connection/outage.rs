//! The outages of a device's connection, and their log lines: at the start, at each new cause, at growing intervals, and at
//! the end.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use crate::{
    cause::Cause,
    status::{CauseCounts, LastError},
    units::format_duration,
};

/// Target of the log lines, so that the default log shows the end of an outage with its start.
pub(super) const LOG_TARGET: &str = "connection";
/// Outages reported within [`REPORT_WINDOW`]. Further ones are only counted, or a flapping connection would fill the log.
const MAX_REPORTED: usize = 6;
/// The window of [`MAX_REPORTED`].
const REPORT_WINDOW: Duration = Duration::from_secs(600);

/// The outages of one device.
#[derive(Debug, Default)]
pub(super) struct Outages {
    current: Option<Outage>,
    /// Start times of the outages reported within the window.
    reported: VecDeque<Duration>,
    /// Outages suppressed since the last report.
    suppressed: u64,
    /// Connections accepted by the hub.
    pub(super) connects: u64,
    /// Lost connections by cause.
    pub(super) disconnects: CauseCounts,
    /// Failed attempts by cause.
    pub(super) connect_failures: CauseCounts,
    /// The last failure.
    pub(super) last: Option<LastError>,
}

#[derive(Debug)]
struct Outage {
    since: Duration,
    is_reported: bool,
    /// Failures so far; the first may be the loss of a connection.
    failures: u32,
    causes: Vec<Cause>,
}

/// A lost connection or a failed attempt.
#[derive(Debug)]
pub(super) struct ConnectFailure<'a> {
    pub(super) server: &'a str,
    pub(super) cause: Cause,
    pub(super) message: &'a str,
    /// True for a lost connection, false for a failed attempt.
    pub(super) was_connected: bool,
    /// Delay of the next attempt.
    pub(super) delay: Duration,
}

impl Outages {
    /// Counts a failure, and logs it if it is news.
    pub(super) fn failed(
        &mut self,
        device: &str,
        failure: &ConnectFailure<'_>,
        now: Duration,
        today: Timestamp,
    ) {
        self.count(failure, today);
        let ConnectFailure {
            server,
            cause,
            message,
            ..
        } = *failure;
        let next_attempt_in_ms = u64::try_from(failure.delay.as_millis()).unwrap_or(u64::MAX);
        let outage = match &mut self.current {
            Some(outage) => outage,
            None => {
                let is_reported = may_report(&mut self.reported, now);
                self.suppressed += u64::from(!is_reported);
                self.current.insert(Outage::new(now, is_reported))
            }
        };
        let is_news = outage.add(cause);
        let (cause, failures) = (cause.name(), outage.failures);
        match (outage.is_reported && is_news, failures) {
            (true, 1) => {
                let suppressed = std::mem::take(&mut self.suppressed);
                let suppressed_outages = (suppressed > 0).then_some(suppressed);
                tracing::warn!(
                    target: LOG_TARGET, device, server, cause, next_attempt_in_ms, suppressed_outages,
                    "not connected: {message}"
                );
            }
            (true, _) => tracing::warn!(
                target: LOG_TARGET, device, server, cause, failures, next_attempt_in_ms,
                "still not connected: {message}"
            ),
            (false, _) => tracing::debug!(
                device,
                server,
                cause,
                failures,
                next_attempt_in_ms,
                "not connected: {message}"
            ),
        }
    }

    /// Counts a failure that is logged elsewhere.
    pub(super) fn count(&mut self, failure: &ConnectFailure<'_>, today: Timestamp) {
        let counts = match failure.was_connected {
            true => &mut self.disconnects,
            false => &mut self.connect_failures,
        };
        *counts.entry(failure.cause).or_default() += 1;
        self.last = Some(LastError {
            time: today,
            cause: failure.cause,
            message: failure.message.to_owned(),
        });
    }

    /// Ends the current outage.
    pub(super) fn connected(&mut self, device: &str, hub: &str, now: Duration) {
        self.connects += 1;
        match self.current.take() {
            Some(outage) if outage.is_reported => {
                let lasted = now.saturating_sub(outage.since).as_secs_f64().ceil();
                let lasted = format_duration(Duration::from_secs_f64(lasted));
                tracing::info!(target: LOG_TARGET, device, hub, "connected after {lasted}");
            }
            _ => tracing::info!(device, hub, "connected"),
        }
    }
}

impl Outage {
    fn new(since: Duration, is_reported: bool) -> Self {
        Self {
            since,
            is_reported,
            failures: 0,
            causes: Vec::new(),
        }
    }

    /// Adds a failure. Returns true if it is news: the first with its cause, or twice as many failures as at the last news.
    fn add(&mut self, cause: Cause) -> bool {
        self.failures = self.failures.saturating_add(1);
        let is_new = !self.causes.contains(&cause);
        if is_new {
            self.causes.push(cause);
        }
        is_new || self.failures.is_power_of_two()
    }
}

fn may_report(reported: &mut VecDeque<Duration>, now: Duration) -> bool {
    while reported
        .front()
        .is_some_and(|at| *at + REPORT_WINDOW <= now)
    {
        reported.pop_front();
    }
    let may = reported.len() < MAX_REPORTED;
    if may {
        reported.push_back(now);
    }
    may
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn an_outage_is_told_ever_more_rarely_but_each_new_cause_once() {
        let mut outage = Outage::new(seconds(0), true);
        let news: Vec<_> = (1..=20)
            .filter(|number| {
                outage.add(match number {
                    7 | 9 => Cause::Dns,
                    _ => Cause::Tcp,
                })
            })
            .collect();
        assert_eq!(news, [1, 2, 4, 7, 8, 16]);
    }

    #[test]
    fn a_link_that_flaps_is_told_a_few_times_in_ten_minutes_and_counted_always() {
        let mut outages = Outages::default();
        for number in 0..360 {
            let now = seconds(10 * number);
            let failure = ConnectFailure {
                server: "hub",
                cause: Cause::Reset,
                message: "",
                was_connected: true,
                delay: Duration::ZERO,
            };
            outages.failed("device", &failure, now, Timestamp::UNIX_EPOCH);
            outages.connected("device", "hub", now + seconds(1));
        }
        assert_eq!(outages.disconnects[&Cause::Reset], 360);
        assert_eq!(outages.connects, 360);
        assert!(outages.suppressed >= 54, "{}", outages.suppressed);
        assert_eq!(outages.reported.len(), MAX_REPORTED);
    }
}
