//! Failed calls by cause: a cause that keeps failing is suspended alone, and the rest of the device goes on.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
    time::Duration,
};

use super::CurrentCall;
use crate::{contract::behaviour::CallFailure, hub::twin::DesiredCall, status::SuspendedCause};

/// The failures of a cause within [`WINDOW`] that suspend it.
const MAX_FAILURES: usize = 5;
/// The window of [`MAX_FAILURES`].
const WINDOW: Duration = Duration::from_secs(600);
/// The first suspension of a cause; doubled each time the call after it fails.
const FIRST_SUSPENSION: Duration = Duration::from_secs(300);
/// The longest suspension.
const LONGEST_SUSPENSION: Duration = Duration::from_secs(3600);
/// The limit of causes observed at a time: names of commands and properties come from the cloud. Beyond it the cause that
/// failed longest ago is forgotten, one that was never suspended first.
const MAX_CAUSES: usize = 256;

/// The cause of a call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallCause {
    /// The timer of this name.
    Timer(String),
    /// The command of this name, with its Plug and Play component as in the topic.
    Command(String),
    /// A desired property: component and name.
    Property(Option<String>, String),
}

impl CallCause {
    /// Returns the causes of a call. A message has none: it becomes a dead letter by itself.
    pub(super) fn of(call: &CurrentCall) -> Vec<Self> {
        match call {
            CurrentCall::Timer(name) => vec![Self::Timer(name.clone())],
            CurrentCall::Command(command) => vec![Self::Command(command.name.clone())],
            CurrentCall::Desired { call, .. } => Self::of_properties(call).collect(),
            CurrentCall::Message(_) => Vec::new(),
        }
    }

    fn of_properties(call: &DesiredCall) -> impl Iterator<Item = Self> + '_ {
        let names = call.properties.keys();
        names.map(|name| Self::Property(call.component.clone(), name.clone()))
    }
}

impl fmt::Display for CallCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timer(name) => write!(f, "timer {name}"),
            Self::Command(name) => write!(f, "command {name}"),
            Self::Property(None, name) => write!(f, "property {name}"),
            Self::Property(Some(component), name) => write!(f, "property {component}.{name}"),
        }
    }
}

/// The failures of one version, by cause.
#[derive(Debug, Default)]
pub(super) struct Failures {
    causes: BTreeMap<CallCause, FailingCause>,
    /// The causes of which the current instance has completed a call.
    completed: BTreeSet<CallCause>,
}

#[derive(Debug, Default)]
struct FailingCause {
    /// The times of recent failures.
    failures: VecDeque<Duration>,
    /// The number of suspensions in a row.
    suspensions: u32,
    /// The end of the current suspension.
    until: Option<Duration>,
    /// The last failure.
    reason: String,
}

impl Failures {
    /// Notes the start of a new instance.
    pub(super) fn instance_started(&mut self) {
        self.completed.clear();
    }

    /// Notes a completed call. A cause that was suspended has recovered.
    pub(super) fn succeeded(&mut self, cause: CallCause) {
        if let Some(failing) = self.causes.get(&cause)
            && failing.suspensions > 0
        {
            self.causes.remove(&cause);
        }
        if self.completed.len() < MAX_CAUSES {
            self.completed.insert(cause);
        }
    }

    /// Notes a failed call. Returns the duration for which the cause is suspended now, if it is. An instance that ran out of
    /// memory after calls of this cause had succeeded has leaked, which a new instance cures.
    pub(super) fn failed(
        &mut self,
        cause: CallCause,
        failure: &CallFailure,
        now: Duration,
    ) -> Option<Duration> {
        let has_leaked = matches!(failure, CallFailure::OutOfMemory(_));
        if has_leaked && self.completed.contains(&cause) {
            return None;
        }
        self.forget_oldest(&cause);
        let failing = self.causes.entry(cause).or_default();
        failing.reason = failure.to_string();
        failing.failures.push_back(now);
        let is_past = |earliest: &Duration| *earliest + WINDOW <= now;
        while failing.failures.front().is_some_and(is_past) {
            failing.failures.pop_front();
        }
        if failing.suspensions == 0 && failing.failures.len() < MAX_FAILURES {
            return None;
        }
        let doubled = FIRST_SUSPENSION.saturating_mul(1 << failing.suspensions.min(8));
        let suspension = doubled.min(LONGEST_SUSPENSION);
        failing.suspensions += 1;
        failing.until = Some(now + suspension);
        Some(suspension)
    }

    fn forget_oldest(&mut self, for_cause: &CallCause) {
        if self.causes.len() < MAX_CAUSES || self.causes.contains_key(for_cause) {
            return;
        }
        let age = |(_, failing): &(&CallCause, &FailingCause)| {
            (failing.suspensions > 0, failing.failures.back().copied())
        };
        let oldest = self.causes.iter().min_by_key(age);
        if let Some(oldest) = oldest.map(|(cause, _)| cause.clone()) {
            self.causes.remove(&oldest);
        }
    }

    /// Returns the last failure of a suspended cause; `None` if it is not suspended.
    pub(super) fn suspended(&self, cause: &CallCause) -> Option<&str> {
        let failing = self.causes.get(cause)?;
        failing.until.map(|_| &*failing.reason)
    }

    /// Returns true if the timer of this name is suspended.
    pub(super) fn is_timer_suspended(&self, name: &str) -> bool {
        // Most devices have none, and this is asked in each turn of the loop.
        !self.causes.is_empty() && self.suspended(&CallCause::Timer(name.to_owned())).is_some()
    }

    /// Returns true if a desired property is suspended.
    pub(super) fn suspends_property(&self) -> bool {
        let mut causes = self.causes.iter();
        causes.any(|(cause, it)| matches!(cause, CallCause::Property(..)) && it.until.is_some())
    }

    /// Returns the time at which the next suspension ends.
    pub(super) fn next_end(&self) -> Option<Duration> {
        self.causes
            .values()
            .filter_map(|failing| failing.until)
            .min()
    }

    /// Ends the suspensions that are over, and returns their causes: the next call decides.
    pub(super) fn end_suspensions(&mut self, now: Duration) -> Vec<CallCause> {
        let mut ended = Vec::new();
        for (cause, failing) in &mut self.causes {
            if failing.until.take_if(|until| *until <= now).is_some() {
                ended.push(cause.clone());
            }
        }
        ended
    }

    /// Returns the suspended causes for the status.
    pub(super) fn status(&self, now: Duration) -> Vec<SuspendedCause> {
        let suspended = |(cause, failing): (&CallCause, &FailingCause)| {
            Some(SuspendedCause {
                cause: cause.to_string(),
                reason: failing.reason.clone(),
                seconds_left: failing.until?.saturating_sub(now).as_secs_f64(),
            })
        };
        self.causes.iter().filter_map(suspended).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn parse() -> CallCause {
        CallCause::Command("parse".to_owned())
    }

    fn trap() -> CallFailure {
        CallFailure::Trap("unreachable".to_owned())
    }

    /// Fails until the cause is suspended, and returns for how long.
    fn suspend(failures: &mut Failures, now: Duration) -> Duration {
        let mut tries = (0..MAX_FAILURES).filter_map(|_| failures.failed(parse(), &trap(), now));
        tries.next().unwrap()
    }

    #[test]
    fn a_cause_is_suspended_alone_for_longer_each_time_until_a_call_succeeds() {
        let mut failures = Failures::default();
        assert_eq!(suspend(&mut failures, MINUTE), 5 * MINUTE);
        assert_eq!(
            failures.suspended(&parse()),
            Some("component stopped: unreachable")
        );
        assert_eq!(
            failures.suspended(&CallCause::Command("other".to_owned())),
            None
        );
        assert_eq!(failures.next_end(), Some(6 * MINUTE));
        assert!(failures.end_suspensions(5 * MINUTE).is_empty());
        let mut now = 6 * MINUTE;
        for minutes in [10, 20, 40, 60, 60] {
            assert_eq!(failures.end_suspensions(now), [parse()]);
            assert_eq!(failures.suspended(&parse()), None);
            assert_eq!(
                failures.failed(parse(), &trap(), now),
                Some(minutes * MINUTE)
            );
            now += minutes * MINUTE;
        }
        failures.end_suspensions(now);
        failures.succeeded(parse());
        assert_eq!(failures.failed(parse(), &trap(), now), None);
    }

    #[test]
    fn failures_far_apart_suspend_nothing() {
        let mut failures = Failures::default();
        for number in 0..100 {
            assert_eq!(failures.failed(parse(), &trap(), number * 3 * MINUTE), None);
        }
    }

    #[test]
    fn an_instance_that_leaks_is_replaced_and_one_that_cannot_do_a_call_at_all_suspends_it() {
        let memory = CallFailure::OutOfMemory("requested more than 64 MiB".to_owned());
        let mut failures = Failures::default();
        for _ in 0..100 {
            failures.instance_started();
            failures.succeeded(parse());
            assert_eq!(failures.failed(parse(), &memory, MINUTE), None);
        }
        for _ in 0..MAX_FAILURES - 1 {
            failures.instance_started();
            assert_eq!(failures.failed(parse(), &memory, MINUTE), None);
        }
        failures.instance_started();
        assert!(failures.failed(parse(), &memory, MINUTE).is_some());
    }

    #[test]
    fn names_from_the_cloud_take_bounded_memory() {
        let mut failures = Failures::default();
        for number in 0..10_000_u32 {
            let cause = CallCause::Command(number.to_string());
            failures.succeeded(cause.clone());
            failures.failed(cause, &trap(), Duration::from_millis(number.into()));
        }
        assert_eq!(failures.causes.len(), MAX_CAUSES);
        assert_eq!(failures.completed.len(), MAX_CAUSES);
        assert!(
            failures
                .causes
                .contains_key(&CallCause::Command("9999".to_owned()))
        );
    }
}
