//! A device's named timers.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    behaviour::{CallFailure, Outcome},
    effect::{Effect, Schedule},
};
use crate::clock::Clock;

/// First backoff before a one-shot timer whose call failed fires again; doubled each time.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// Longest backoff.
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

/// A timer in the store. Its time is the wall clock: a process has a monotonic time of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedTimer {
    name: String,
    schedule: Schedule,
    due: Timestamp,
    failures: u32,
}

impl PersistedTimer {
    /// Returns the timer as JSON for an operator.
    #[must_use]
    pub fn to_document(&self) -> Value {
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (delay, period) = match self.schedule {
            Schedule::Once(delay) => (Some(milliseconds(delay)), None),
            Schedule::Every(period) => (None, Some(milliseconds(period))),
        };
        json!({
            "name": self.name,
            "due": self.due,
            "delayMs": delay,
            "periodMs": period,
            "failures": self.failures,
        })
    }
}

impl Timers {
    /// Returns the timers for the store.
    #[must_use]
    pub fn to_persisted(&self, clock: &dyn Clock) -> Vec<PersistedTimer> {
        let (now, wall) = (clock.monotonic(), clock.now());
        let persisted = |(name, timer): (&String, &Armed)| PersistedTimer {
            name: name.clone(),
            schedule: timer.schedule,
            due: wall
                .saturating_add(timer.due.saturating_sub(now))
                .unwrap_or(wall),
            failures: timer.failures,
        };
        self.armed.iter().map(persisted).collect()
    }

    /// Restores timers from the store. An overdue timer is due at once, and none later than if it were set now: the wall
    /// clock may have been set back.
    #[must_use]
    pub fn from_persisted(persisted: Vec<PersistedTimer>, clock: &dyn Clock) -> Self {
        let (now, wall) = (clock.monotonic(), clock.now());
        let armed = |timer: PersistedTimer| {
            let longest = match timer.schedule {
                Schedule::Once(delay) => delay.max(LONGEST_RETRY),
                Schedule::Every(period) => period,
            };
            let ahead = Duration::try_from(timer.due.duration_since(wall)).unwrap_or_default();
            let armed = Armed {
                due: now + ahead.min(longest),
                schedule: timer.schedule,
                failures: timer.failures,
            };
            (timer.name, armed)
        };
        let armed = persisted.into_iter().map(armed).collect();
        Self { armed }
    }

    /// Returns the number of armed timers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.armed.len()
    }

    /// Returns true if no timer is armed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.armed.is_empty()
    }

    /// Arms a timer, in place of an earlier one of the same name. A periodic timer that has this period keeps its due time:
    /// an instance may set its timers whenever it starts. Returns true if that changes a timer.
    pub fn set(&mut self, name: String, schedule: Schedule, now: Duration) -> bool {
        let is_set = |timer: &Armed| timer.schedule == schedule;
        if matches!(schedule, Schedule::Every(_)) && self.armed.get(&name).is_some_and(is_set) {
            return false;
        }
        let (Schedule::Once(delay) | Schedule::Every(delay)) = schedule;
        self.armed.insert(
            name,
            Armed {
                due: now + delay,
                schedule,
                failures: 0,
            },
        );
        true
    }

    /// Removes a timer. Returns true if there was one.
    pub fn cancel(&mut self, name: &str) -> bool {
        self.armed.remove(name).is_some()
    }

    /// Checks that a call leaves at most `limit` timers. Only here their number across calls is known.
    ///
    /// # Errors
    /// The call exceeds the limit.
    pub fn check_limit(&self, outcome: Outcome, limit: usize) -> Result<Outcome, CallFailure> {
        let mut names: HashSet<&str> = self.armed.keys().map(String::as_str).collect();
        for effect in &outcome.effects {
            match effect {
                Effect::SetTimer(name, _) => names.insert(name),
                Effect::CancelTimer(name) => names.remove(&**name),
                Effect::Telemetry(_) | Effect::Report(_) => false,
            };
        }
        if names.len() > limit {
            return Err(CallFailure::Trap(format!("set more than {limit} timers")));
        }
        Ok(outcome)
    }

    /// Returns the time at which the next timer is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Duration> {
        self.next_due_of(|_| true)
    }

    /// Returns the time at which the next timer with one of these names is due.
    #[must_use]
    pub fn next_due_of(&self, names: impl Fn(&str) -> bool) -> Option<Duration> {
        let timers = self.armed.iter().filter(|(name, _)| names(name));
        timers.map(|(_, timer)| timer.due).min()
    }

    /// Returns the name of the timer that has been due longest.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<&str> {
        self.due_of(now, |_| true)
    }

    /// Returns the name of the timer that has been due longest, of those with one of these names.
    #[must_use]
    pub fn due_of(&self, now: Duration, names: impl Fn(&str) -> bool) -> Option<&str> {
        let timers = self.armed.iter().filter(|(name, _)| names(name));
        let due = timers.filter(|(_, timer)| timer.due <= now);
        due.min_by_key(|(_, timer)| timer.due)
            .map(|(name, _)| name.as_str())
    }

    /// Records the committed call of a timer: a one-shot timer is removed, a periodic one is due at its next period after
    /// now. Missed periods are skipped. Returns true if more than the due time of a periodic timer changes.
    pub fn fired(&mut self, name: &str, now: Duration) -> bool {
        match self.armed.get_mut(name) {
            Some(Armed {
                schedule: Schedule::Once(_),
                ..
            }) => self.armed.remove(name).is_some(),
            Some(timer) => {
                timer.skip_to_next(now);
                false
            }
            None => false,
        }
    }

    /// Records the failed call of a timer: a one-shot timer fires again after a backoff, a periodic one at its next period.
    /// Returns true if more than the due time of a periodic timer changes.
    pub fn failed(&mut self, name: &str, now: Duration) -> bool {
        let Some(timer) = self.armed.get_mut(name) else {
            return false;
        };
        if let Schedule::Every(_) = timer.schedule {
            timer.skip_to_next(now);
            return false;
        }
        timer.due = now
            + FIRST_RETRY
                .saturating_mul(1 << timer.failures.min(16))
                .min(LONGEST_RETRY);
        timer.failures += 1;
        true
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
        let kept = timers.to_persisted(&Showing(50 * S, "2026-01-01T00:00:00Z"));
        let restored = |time| Timers::from_persisted(kept.clone(), &Showing(7 * S, time));
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
    fn a_periodic_timer_set_to_the_period_it_has_keeps_its_due_time() {
        let mut timers = with("t", Schedule::Every(10 * S));
        timers.set("t".to_owned(), Schedule::Every(10 * S), 9 * S);
        assert_eq!(timers.next_due(), Some(10 * S));
        timers.set("t".to_owned(), Schedule::Every(5 * S), 9 * S);
        assert_eq!(timers.next_due(), Some(14 * S));
        let mut timers = with("t", Schedule::Once(10 * S));
        timers.set("t".to_owned(), Schedule::Once(10 * S), 9 * S);
        assert_eq!(timers.next_due(), Some(19 * S));
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
