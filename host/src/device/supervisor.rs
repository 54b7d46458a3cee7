//! Keeps an instance of the behaviour alive: one call at a time, a new instance after each failure, and an end to trying
//! when failures come too often.

use std::{collections::VecDeque, future::pending, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use super::behaviour::{Behaviour, Event, Failure, Instance, Outcome, Reason, Start, Surroundings};

/// Failures within [`BUDGET_TIME`] after which the component is left alone for [`PAUSE`].
const BUDGET: usize = 5;
/// See [`BUDGET`].
const BUDGET_TIME: Duration = Duration::from_secs(600);
/// Time between tries once the budget is spent.
const PAUSE: Duration = Duration::from_secs(300);

/// The behaviour of one device.
pub(super) struct Supervisor<B: Behaviour> {
    behaviour: B,
    surroundings: Surroundings,
    config: Arc<[(String, String)]>,
    phase: Phase<B::Instance>,
    /// When it trapped or did not start, of late.
    failures: VecDeque<Duration>,
}

enum Phase<I> {
    /// Ready for an event.
    Idle(I),
    /// In a call.
    Busy(BoxFuture<'static, Result<(I, Outcome), Failure>>, Call),
    /// Left alone until this time.
    Down { until: Duration, why: String },
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// `init` of a new instance.
    Start,
    /// An event.
    Event,
}

impl<B: Behaviour> Supervisor<B> {
    pub(super) fn start(
        behaviour: B,
        surroundings: Surroundings,
        config: Arc<[(String, String)]>,
        record: Option<String>,
    ) -> Self {
        let reason = if record.is_some() {
            Reason::Restart
        } else {
            Reason::Fresh
        };
        let mut supervisor = Self {
            behaviour,
            surroundings,
            config,
            phase: Phase::Down {
                until: Duration::ZERO,
                why: String::new(),
            },
            failures: VecDeque::new(),
        };
        supervisor.begin(reason, record);
        supervisor
    }

    fn begin(&mut self, reason: Reason, record: Option<String>) {
        tracing::info!(
            device = &*self.surroundings.device,
            reason = ?reason,
            "the component begins"
        );
        let start = Start {
            reason,
            config: self.config.clone(),
            record,
        };
        let starting = self.behaviour.start(self.surroundings.clone(), start);
        self.phase = Phase::Busy(Box::pin(starting), Call::Start);
    }

    /// Whether it takes an event now.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle(_))
    }

    /// Whether it is in a call.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Busy(..))
    }

    /// Why it is left alone; none while it runs.
    pub(super) fn down(&self) -> Option<&str> {
        match &self.phase {
            Phase::Down { why, .. } => Some(why),
            _ => None,
        }
    }

    /// When it is tried again, if it is left alone.
    pub(super) fn next_try(&self) -> Option<Duration> {
        match self.phase {
            Phase::Down { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Tries again, if it is left alone and its time has come.
    pub(super) fn try_again(&mut self, now: Duration, record: Option<String>) {
        if matches!(self.phase, Phase::Down { until, .. } if until <= now) {
            self.begin(Reason::Recovered, record);
        }
    }

    /// Hands it an event; only while it is idle.
    pub(super) fn call(&mut self, event: Event) {
        let nothing = Phase::Down {
            until: Duration::ZERO,
            why: String::new(),
        };
        self.phase = match std::mem::replace(&mut self.phase, nothing) {
            Phase::Idle(instance) => Phase::Busy(Box::pin(instance.handle(event)), Call::Event),
            other => other,
        };
    }

    /// Ends with the call in hand. Cancel safe; never ends while there is none. After a failure the caller decides with
    /// [`recover`](Self::recover).
    pub(super) async fn finished(&mut self) -> (Call, Result<Outcome, Failure>) {
        let Phase::Busy(running, call) = &mut self.phase else {
            return pending().await;
        };
        let (call, result) = (*call, running.await);
        match result {
            Ok((instance, outcome)) => {
                self.phase = Phase::Idle(instance);
                (call, Ok(outcome))
            }
            Err(failure) => {
                self.phase = Phase::Down {
                    until: Duration::ZERO,
                    why: failure.to_string(),
                };
                (call, Err(failure))
            }
        }
    }

    /// After a failure: begins a new instance from the last record, or leaves the component alone for a while if it has
    /// failed too often. A trap counts, an error does not, and neither an error nor a trap of `init` is forgiven.
    pub(super) fn recover(
        &mut self,
        call: Call,
        failure: &Failure,
        now: Duration,
        record: Option<String>,
    ) {
        if call == Call::Start || matches!(failure, Failure::Trap(_)) {
            self.failures.push_back(now);
        }
        while self
            .failures
            .front()
            .is_some_and(|earliest| *earliest + BUDGET_TIME <= now)
        {
            self.failures.pop_front();
        }
        let spent = self.failures.len() >= BUDGET;
        // An `init` that fails fails again: only time may mend it.
        if spent || call == Call::Start {
            let seconds = PAUSE.as_secs();
            tracing::error!(device = &*self.surroundings.device, %failure, "the component is left alone for {seconds} s");
            self.phase = Phase::Down {
                until: now + PAUSE,
                why: failure.to_string(),
            };
        } else {
            self.begin(Reason::Recovered, record);
        }
    }
}
