//! What keeps a device from its hub, told as a story: when it begins, when it changes, now and then while it lasts, and when
//! it ends.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use crate::{
    amount::show_time,
    hub::reconnect::Cause,
    status::{Counts, Trouble},
};

/// What the story is logged as, so that its good end is told wherever its beginning is.
const STORY: &str = "connection";
/// Outages told within [`WHILE`]. More are only counted, or a link that flaps would fill the log.
const TOLD: usize = 6;
/// See [`TOLD`].
const WHILE: Duration = Duration::from_secs(600);

/// The outages of one device.
#[derive(Debug, Default)]
pub(super) struct Outages {
    current: Option<Outage>,
    /// When those began that were told of late.
    told: VecDeque<Duration>,
    /// How many were not told since.
    untold: u64,
    /// How often the hub has accepted the device.
    pub(super) connects: u64,
    /// How many connections have ended, and tries failed, by cause.
    pub(super) lost: Counts,
    /// See `lost`.
    pub(super) failed: Counts,
    /// The last of them.
    pub(super) last: Option<Trouble>,
}

#[derive(Debug)]
struct Outage {
    since: Duration,
    is_told: bool,
    /// Failures so far, the first of which may be the end of a connection.
    failures: u32,
    causes: Vec<Cause>,
}

/// One failure: a connection that has ended, or one that was not made.
#[derive(Debug)]
pub(super) struct Failure<'a> {
    pub(super) server: &'a str,
    pub(super) cause: Cause,
    pub(super) why: &'a str,
    /// Whether a connection has ended.
    pub(super) was_connected: bool,
    /// Until the next try.
    pub(super) pause: Duration,
}

impl Outages {
    pub(super) fn failed(
        &mut self,
        device: &str,
        failure: &Failure<'_>,
        now: Duration,
        today: Timestamp,
    ) {
        self.count(failure, today);
        let Failure {
            server, cause, why, ..
        } = *failure;
        let next_try_in_ms = u64::try_from(failure.pause.as_millis()).unwrap_or(u64::MAX);
        let outage = match &mut self.current {
            Some(outage) => outage,
            None => {
                let is_told = may_be_told(&mut self.told, now);
                self.untold += u64::from(!is_told);
                self.current.insert(Outage::new(now, is_told))
            }
        };
        let is_news = outage.add(cause);
        let (cause, failures) = (cause.name(), outage.failures);
        match (outage.is_told && is_news, failures) {
            (true, 1) => {
                let not_told = std::mem::take(&mut self.untold);
                let outages_not_told = (not_told > 0).then_some(not_told);
                tracing::warn!(
                    target: STORY, device, server, cause, next_try_in_ms, outages_not_told,
                    "not connected: {why}"
                );
            }
            (true, _) => tracing::warn!(
                target: STORY, device, server, cause, failures, next_try_in_ms,
                "still not connected: {why}"
            ),
            (false, _) => tracing::debug!(
                device,
                server,
                cause,
                failures,
                next_try_in_ms,
                "not connected: {why}"
            ),
        }
    }

    /// Counts a failure that is told otherwise.
    pub(super) fn count(&mut self, failure: &Failure<'_>, today: Timestamp) {
        let counts = match failure.was_connected {
            true => &mut self.lost,
            false => &mut self.failed,
        };
        *counts.entry(failure.cause).or_default() += 1;
        self.last = Some(Trouble {
            time: today,
            cause: failure.cause,
            why: failure.why.to_owned(),
        });
    }

    /// The device is connected.
    pub(super) fn over(&mut self, device: &str, hub: &str, now: Duration) {
        self.connects += 1;
        match self.current.take() {
            Some(outage) if outage.is_told => {
                let lasted = now.saturating_sub(outage.since).as_secs_f64().ceil();
                let lasted = show_time(Duration::from_secs_f64(lasted));
                tracing::info!(target: STORY, device, hub, "connected after {lasted}");
            }
            _ => tracing::info!(device, hub, "connected"),
        }
    }
}

impl Outage {
    fn new(since: Duration, is_told: bool) -> Self {
        Self {
            since,
            is_told,
            failures: 0,
            causes: Vec::new(),
        }
    }

    /// Adds a failure, and says whether it is news: the first of its kind, or after twice as many as at the last time.
    fn add(&mut self, cause: Cause) -> bool {
        self.failures = self.failures.saturating_add(1);
        let is_new = !self.causes.contains(&cause);
        if is_new {
            self.causes.push(cause);
        }
        is_new || self.failures.is_power_of_two()
    }
}

fn may_be_told(told: &mut VecDeque<Duration>, now: Duration) -> bool {
    while told.front().is_some_and(|at| *at + WHILE <= now) {
        told.pop_front();
    }
    let may = told.len() < TOLD;
    if may {
        told.push_back(now);
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
        let told: Vec<_> = (1..=20)
            .filter(|number| {
                outage.add(match number {
                    7 | 9 => Cause::Name,
                    _ => Cause::Tcp,
                })
            })
            .collect();
        assert_eq!(told, [1, 2, 4, 7, 8, 16]);
    }

    #[test]
    fn a_link_that_flaps_is_told_a_few_times_in_ten_minutes_and_counted_always() {
        let mut outages = Outages::default();
        for number in 0..360 {
            let now = seconds(10 * number);
            let failure = Failure {
                server: "hub",
                cause: Cause::Reset,
                why: "",
                was_connected: true,
                pause: Duration::ZERO,
            };
            outages.failed("device", &failure, now, Timestamp::UNIX_EPOCH);
            outages.over("device", "hub", now + seconds(1));
        }
        assert_eq!(outages.lost[&Cause::Reset], 360);
        assert_eq!(outages.connects, 360);
        assert!(outages.untold >= 54, "{}", outages.untold);
        assert_eq!(outages.told.len(), TOLD);
    }
}
