//! A device's named timers.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    behaviour::{Failure, Outcome},
    effect::{Effect, Schedule},
};
use crate::clock::Clock;

/// First pause before a one-shot timer whose call failed fires again; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest such pause.
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// The timers of one device, by name. Times are the device's monotonic time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    armed: BTreeMap<String, Armed>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Armed {
    due: Duration,
    schedule: Schedule,
    /// Failed calls in a row.
    failures: u32,
}

/// A timer as it outlives its process, which has a monotonic time of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptTimer {
    name: String,
    schedule: Schedule,
    due: Timestamp,
    failures: u32,
}

impl Timers {
    /// The timers, due by the time of day.
    #[must_use]
    pub fn kept(&self, clock: &dyn Clock) -> Vec<KeptTimer> {
        let (now, wall) = (clock.monotonic(), clock.now());
        let kept = |(name, timer): (&String, &Armed)| KeptTimer {
            name: name.clone(),
            schedule: timer.schedule,
            due: wall
                .saturating_add(timer.due.saturating_sub(now))
                .unwrap_or(wall),
            failures: timer.failures,
        };
        self.armed.iter().map(kept).collect()
    }

    /// What was kept, due when it was due. What is overdue is due at once, and none is due later than it could have been
    /// set now: the time of day may have been put back.
    #[must_use]
    pub fn restored(kept: Vec<KeptTimer>, clock: &dyn Clock) -> Self {
        let (now, wall) = (clock.monotonic(), clock.now());
        let armed = |kept: KeptTimer| {
            let longest = match kept.schedule {
                Schedule::Once(delay) => delay.max(LONGEST_RETRY),
                Schedule::Every(period) => period,
            };
            let ahead = Duration::try_from(kept.due.duration_since(wall)).unwrap_or_default();
            let timer = Armed {
                due: now + ahead.min(longest),
                schedule: kept.schedule,
                failures: kept.failures,
            };
            (kept.name, timer)
        };
        let armed = kept.into_iter().map(armed).collect();
        Self { armed }
    }

    /// How many are armed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.armed.len()
    }

    /// Whether none is armed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Arms a timer, in place of an earlier one of its name.
    pub fn set(&mut self, name: String, schedule: Schedule, now: Duration) {
        let (Schedule::Once(delay) | Schedule::Every(delay)) = schedule;
        self.armed.insert(
            name,
            Armed {
                due: now + delay,
                schedule,
                failures: 0,
            },
        );
    }

    /// Removes a timer.
    pub fn cancel(&mut self, name: &str) {
        self.armed.remove(name);
    }

    /// Whether a call leaves no more than `most` of them. Their number spans calls, so only here it is known.
    pub fn admit(&self, outcome: Outcome, most: usize) -> Result<Outcome, Failure> {
        let mut names: HashSet<&str> = self.armed.keys().map(String::as_str).collect();
        for effect in &outcome.effects {
            match effect {
                Effect::SetTimer(name, _) => names.insert(name),
                Effect::CancelTimer(name) => names.remove(&**name),
                Effect::Telemetry(_) | Effect::Report(_) => false,
            };
        }
        if names.len() > most {
            return Err(Failure::Trap(format!("it set more than {most} timers")));
        }
        Ok(outcome)
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.armed.values().map(|timer| timer.due).min()
    }

    /// The name of the timer that has been due for the longest time.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<&str> {
        let due = self.armed.iter().filter(|(_, timer)| timer.due <= now);
        due.min_by_key(|(_, timer)| timer.due)
            .map(|(name, _)| name.as_str())
    }

    /// The call of a timer has been committed: a one-shot timer is gone, a periodic one waits for its next time after
    /// now, in step with its earlier ones. Times that were missed are not made up for.
    pub fn fired(&mut self, name: &str, now: Duration) {
        match self.armed.get_mut(name) {
            Some(Armed {
                schedule: Schedule::Once(_),
                ..
            }) => {
                self.armed.remove(name);
            }
            Some(timer) => timer.skip_to_next(now),
            None => {}
        }
    }

    /// The call of a timer has failed: a one-shot timer fires again after a pause, a periodic one at its next time.
    pub fn failed(&mut self, name: &str, now: Duration) {
        let Some(timer) = self.armed.get_mut(name) else {
            return;
        };
        if let Schedule::Every(_) = timer.schedule {
            timer.skip_to_next(now);
            return;
        }
        timer.due = now
            + FIRST_RETRY
                .saturating_mul(1 << timer.failures.min(16))
                .min(LONGEST_RETRY);
        timer.failures += 1;
    }
}

impl Armed {
    fn skip_to_next(&mut self, now: Duration) {
        let Schedule::Every(period) = self.schedule else {
            return;
        };
        let period = period.max(Duration::from_millis(1));
        let missed = now.saturating_sub(self.due).as_nanos() / period.as_nanos();
        self.due += period * u32::try_from(missed.saturating_add(1)).unwrap_or(u32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn with(name: &str, schedule: Schedule) -> Timers {
        let mut timers = Timers::default();
        timers.set(name.to_owned(), schedule, Duration::ZERO);
        timers
    }

    #[test]
    fn a_periodic_timer_keeps_step_and_does_not_make_up_for_missed_times() {
        let mut timers = with("t", Schedule::Every(8 * S));
        assert_eq!(timers.next_due(), Some(8 * S));
        timers.fired("t", 9 * S);
        assert_eq!(timers.next_due(), Some(16 * S));
        timers.fired("t", 100 * S);
        assert_eq!(timers.next_due(), Some(104 * S));
    }

    /// A clock whose process has run for this long, at this time of day.
    struct Showing(Duration, &'static str);

    impl Clock for Showing {
        fn now(&self) -> Timestamp {
            self.1.parse().unwrap()
        }

        fn monotonic(&self) -> Duration {
            self.0
        }

        fn sleep_until(&self, _: Duration) -> futures::future::BoxFuture<'static, ()> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn in_another_process_a_timer_is_due_when_it_was_due() {
        let mut timers = with("every", Schedule::Every(60 * S));
        timers.set("once".to_owned(), Schedule::Once(3600 * S), Duration::ZERO);
        let kept = timers.kept(&Showing(50 * S, "2026-01-01T00:00:00Z"));
        let restored = |time| Timers::restored(kept.clone(), &Showing(7 * S, time));
        let due = |timers: &Timers, name: &str| timers.armed[name].due;

        let soon = restored("2026-01-01T00:00:04Z");
        assert_eq!(due(&soon, "every"), (7 + 6) * S);
        assert_eq!(due(&soon, "once"), (7 + 3546) * S);
        let overdue = restored("2027-01-01T00:00:00Z");
        assert_eq!(overdue.next_due(), Some(7 * S));
        assert_eq!(due(&overdue, "once"), 7 * S);
        // The time of day was put back: no timer waits longer than it ever could.
        let put_back = restored("2020-01-01T00:00:00Z");
        assert_eq!(due(&put_back, "every"), (7 + 60) * S);
        assert_eq!(due(&put_back, "once"), (7 + 3600) * S);
    }

    #[test]
    fn a_one_shot_timer_is_gone_only_when_its_call_was_committed() {
        let mut timers = with("once", Schedule::Once(S));
        assert_eq!(timers.due(S / 2), None);
        assert_eq!(timers.due(S), Some("once"));
        timers.failed("once", S);
        assert_eq!(timers.next_due(), Some(2 * S));
        timers.failed("once", 2 * S);
        assert_eq!(timers.next_due(), Some(4 * S));
        timers.fired("once", 4 * S);
        assert!(timers.is_empty());
    }

    #[test]
    fn of_two_due_timers_the_earlier_comes_first() {
        let mut timers = with("b", Schedule::Every(2 * S));
        timers.set("a".to_owned(), Schedule::Every(3 * S), Duration::ZERO);
        assert_eq!(timers.due(10 * S), Some("b"));
    }

    #[test]
    fn a_periodic_timer_of_no_length_does_not_stop_the_clock() {
        let mut timers = with("t", Schedule::Every(Duration::ZERO));
        timers.fired("t", S);
        assert!(timers.next_due() > Some(S));
    }
}
