//! The probation of a candidate.

use std::time::Duration;

use crate::{
    contract::behaviour::CallFailure,
    device::supervisor::CallKind,
    status::ComponentState,
    swap::{ProbationPolicy, StepSender},
};

/// Errors in a row that end a probation.
const MAX_ERRORS: u32 = 3;

/// The progress of a version on probation.
#[derive(Debug)]
pub(super) struct Probation {
    until: Duration,
    /// Events still to handle.
    events: u32,
    /// Errors in a row.
    errors: u32,
    /// Committed calls; `None` if the version ran in an earlier process too.
    committed: Option<u64>,
    /// The first message sent while connected, by its id in the outbox.
    pub(super) first_message: Option<u64>,
    /// The reason of a rollback that waits until the fallback version is loaded.
    pub(super) deferred_rollback: Option<String>,
    /// The requesters that wait for the end of the probation.
    pub(super) step_senders: Vec<StepSender>,
}

impl Probation {
    /// Starts a probation. A rollback also undoes the `committed` calls of an earlier candidate.
    pub(super) fn new(
        policy: ProbationPolicy,
        now: Duration,
        committed: Option<u64>,
        step_sender: Option<StepSender>,
    ) -> Self {
        Self {
            until: now + policy.time,
            events: policy.events,
            errors: 0,
            committed,
            first_message: None,
            deferred_rollback: None,
            step_senders: step_sender.into_iter().collect(),
        }
    }

    /// Returns the number of calls a rollback undoes.
    pub(super) fn committed(&self) -> Option<u64> {
        self.committed
    }

    /// Counts a handled event.
    pub(super) fn event_handled(&mut self) {
        self.errors = 0;
        self.events = self.events.saturating_sub(1);
    }

    /// Returns true if events are still to be handled.
    pub(super) fn needs_events(&self) -> bool {
        self.events > 0
    }

    /// Counts a committed call.
    pub(super) fn call_committed(&mut self) {
        self.committed = self.committed.map(|committed| committed + 1);
    }

    /// Counts a failed call; errors in further attempts at the same event count once. Returns true if the version is to be
    /// rolled back.
    pub(super) fn call_failed(
        &mut self,
        call: CallKind,
        failure: &CallFailure,
        is_retry: bool,
    ) -> bool {
        self.errors += u32::from(!is_retry);
        call == CallKind::Start || failure.is_trap() || self.errors >= MAX_ERRORS
    }

    /// Returns true if time and events suffice.
    pub(super) fn has_passed(&self, now: Duration) -> bool {
        self.events == 0 && self.until <= now && self.deferred_rollback.is_none()
    }

    /// Returns the component's state for the status.
    pub(super) fn state(&self, now: Duration) -> ComponentState {
        ComponentState::Probation {
            seconds_left: self.until.saturating_sub(now).as_secs_f64(),
            events_left: self.events,
        }
    }

    /// Returns the time at which the probation ends, if only time is missing.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        Some(self.until).filter(|until| self.events == 0 && *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: ProbationPolicy = ProbationPolicy {
        time: Duration::from_secs(30),
        events: 2,
    };

    fn fail(probation: &mut Probation) -> bool {
        probation.call_failed(CallKind::Event, &CallFailure::Error("no".to_owned()), false)
    }

    #[test]
    fn it_takes_both_time_and_events() {
        let mut probation = Probation::new(POLICY, Duration::ZERO, Some(0), None);
        assert_eq!(probation.deadline(Duration::ZERO), None);
        probation.event_handled();
        assert!(!probation.has_passed(POLICY.time));
        probation.event_handled();
        assert_eq!(probation.deadline(Duration::ZERO), Some(POLICY.time));
        assert!(!probation.has_passed(POLICY.time / 2));
        assert!(probation.has_passed(POLICY.time));
    }

    #[test]
    fn three_errors_in_a_row_are_the_end_and_one_trap_is() {
        let mut probation = Probation::new(POLICY, Duration::ZERO, None, None);
        for _ in 0..10 {
            assert!(!fail(&mut probation));
            assert!(!fail(&mut probation));
            probation.event_handled();
        }
        assert!(!fail(&mut probation));
        assert!(!fail(&mut probation));
        let error = CallFailure::Error("no".to_owned());
        assert!(!probation.call_failed(CallKind::Event, &error, true));
        assert!(fail(&mut probation));
        let mut probation = Probation::new(POLICY, Duration::ZERO, None, None);
        assert!(probation.call_failed(
            CallKind::Event,
            &CallFailure::Trap("it spun".to_owned()),
            true
        ));
        let mut probation = Probation::new(POLICY, Duration::ZERO, None, None);
        assert!(probation.call_failed(
            CallKind::Start,
            &CallFailure::Error("no".to_owned()),
            false
        ));
    }
}
