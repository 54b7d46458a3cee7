//! How a new version proves itself.

use std::time::Duration;

use crate::{
    device::{behaviour::Failure, supervisor::Call},
    status::State,
    swap::{self, Asker},
};

/// Errors in a row that a version on probation may not return.
const ERRORS: u32 = 3;

/// A version on probation.
#[derive(Debug)]
pub(super) struct Probation {
    until: Duration,
    /// Events it has still to handle.
    events: u32,
    /// Errors in a row.
    errors: u32,
    /// Its calls that were committed; none if it ran in an earlier process too.
    committed: Option<u64>,
    /// The first message it sent while connected, by its id in the outbox.
    pub(super) sent: Option<u64>,
    /// Why it is withdrawn once the version before is loaded.
    pub(super) overdue: Option<String>,
    /// Who waits for it to pass.
    pub(super) askers: Vec<Asker>,
}

impl Probation {
    /// Begins now. `committed` calls of an earlier candidate fall with this one.
    pub(super) fn new(
        rules: swap::Probation,
        now: Duration,
        committed: Option<u64>,
        asker: Option<Asker>,
    ) -> Self {
        Self {
            until: now + rules.time,
            events: rules.events,
            errors: 0,
            committed,
            sent: None,
            overdue: None,
            askers: asker.into_iter().collect(),
        }
    }

    /// Calls a roll-back undoes.
    pub(super) fn committed(&self) -> Option<u64> {
        self.committed
    }

    /// It has handled an event.
    pub(super) fn handled(&mut self) {
        self.errors = 0;
        self.events = self.events.saturating_sub(1);
    }

    /// What came of a call was committed.
    pub(super) fn commit(&mut self) {
        self.committed = self.committed.map(|committed| committed + 1);
    }

    /// A call has failed. Says whether that is the end.
    pub(super) fn failed(&mut self, call: Call, failure: &Failure) -> bool {
        self.errors += 1;
        call == Call::Start || matches!(failure, Failure::Trap(_)) || self.errors >= ERRORS
    }

    /// Whether time and events are enough.
    pub(super) fn has_passed(&self, now: Duration) -> bool {
        self.events == 0 && self.until <= now && self.overdue.is_none()
    }

    /// What is still needed.
    pub(super) fn left(&self, now: Duration) -> State {
        State::Probation {
            seconds_left: self.until.saturating_sub(now).as_secs_f64(),
            events_left: self.events,
        }
    }

    /// When it passes, if it is only time it needs.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        Some(self.until).filter(|until| self.events == 0 && *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: swap::Probation = swap::Probation {
        time: Duration::from_secs(30),
        events: 2,
    };

    fn failed(probation: &mut Probation) -> bool {
        probation.failed(Call::Event, &Failure::Error("no".to_owned()))
    }

    #[test]
    fn it_takes_both_time_and_events() {
        let mut probation = Probation::new(RULES, Duration::ZERO, Some(0), None);
        assert_eq!(probation.deadline(Duration::ZERO), None);
        probation.handled();
        assert!(!probation.has_passed(RULES.time));
        probation.handled();
        assert_eq!(probation.deadline(Duration::ZERO), Some(RULES.time));
        assert!(!probation.has_passed(RULES.time / 2));
        assert!(probation.has_passed(RULES.time));
    }

    #[test]
    fn three_errors_in_a_row_are_the_end_and_one_trap_is() {
        let mut probation = Probation::new(RULES, Duration::ZERO, None, None);
        for _ in 0..10 {
            assert!(!failed(&mut probation));
            assert!(!failed(&mut probation));
            probation.handled();
        }
        assert!(!failed(&mut probation));
        assert!(!failed(&mut probation));
        assert!(failed(&mut probation));
        let mut probation = Probation::new(RULES, Duration::ZERO, None, None);
        assert!(probation.failed(Call::Event, &Failure::Trap("it spun".to_owned())));
        let mut probation = Probation::new(RULES, Duration::ZERO, None, None);
        assert!(probation.failed(Call::Start, &Failure::Error("no".to_owned())));
    }
}
