//! Keeps an instance of the behaviour alive: one call at a time, a new instance after each failure, an end to trying when
//! failures come too often, and another version in its place.

use std::{
    collections::VecDeque,
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;

use super::behaviour::{Behaviour, Event, Failure, Instance, Outcome, Reason, Start, Surroundings};
use crate::status::Calls;

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
    phase: Phase<B>,
    /// When it trapped or did not start, of late.
    failures: VecDeque<Duration>,
    /// When the call in hand began. Real time, which limits count too.
    called: Instant,
    calls: Calls,
}

enum Phase<B: Behaviour> {
    /// Ready for an event.
    Idle(B::Instance),
    /// In a call.
    Busy(Running<B>, Call),
    /// Left alone until this time.
    Down { until: Duration, why: String },
    /// Another version is in its `init`.
    Trying {
        candidate: B,
        starting: Running<B>,
        before: Box<Phase<B>>,
    },
    /// Another version has begun; whether it takes over is not decided.
    Tried {
        candidate: B,
        instance: B::Instance,
        before: Box<Phase<B>>,
    },
}

type Running<B> = BoxFuture<'static, Result<(<B as Behaviour>::Instance, Outcome), Failure>>;

impl<B: Behaviour> Phase<B> {
    /// Only while one phase is replaced by another.
    fn changing() -> Self {
        Self::Down {
            until: Duration::ZERO,
            why: String::new(),
        }
    }
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// `init` of a new instance.
    Start,
    /// An event.
    Event,
    /// `init` of another version.
    Candidate,
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
            phase: Phase::changing(),
            failures: VecDeque::new(),
            called: Instant::now(),
            calls: Calls::default(),
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
        let starting = self.starting(&self.behaviour, reason, record);
        self.called = Instant::now();
        self.phase = Phase::Busy(starting, Call::Start);
    }

    fn starting(&self, behaviour: &B, reason: Reason, record: Option<String>) -> Running<B> {
        let start = Start {
            reason,
            config: self.config.clone(),
            record,
        };
        Box::pin(behaviour.start(self.surroundings.clone(), start))
    }

    /// What calls have come to so far.
    pub(super) fn calls(&self) -> &Calls {
        &self.calls
    }

    /// The version that runs.
    pub(super) fn behaviour(&self) -> &B {
        &self.behaviour
    }

    /// Lets another version begin; only between two calls. The one that runs waits: [`adopt`](Self::adopt) or
    /// [`abandon`](Self::abandon) decides between them if the other one begins, otherwise this one goes on.
    pub(super) fn try_candidate(&mut self, candidate: B, reason: Reason, record: Option<String>) {
        let starting = self.starting(&candidate, reason, record);
        self.called = Instant::now();
        let before = std::mem::replace(&mut self.phase, Phase::changing());
        self.phase = Phase::Trying {
            candidate,
            starting,
            before: Box::new(before),
        };
    }

    /// The version that has begun takes over, with a clean slate.
    pub(super) fn adopt(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::changing()) {
            Phase::Tried {
                candidate,
                instance,
                ..
            } => {
                self.behaviour = candidate;
                self.failures.clear();
                Phase::Idle(instance)
            }
            other => other,
        };
    }

    /// The version that has begun is dropped, and the one that ran goes on.
    pub(super) fn abandon(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, Phase::changing()) {
            Phase::Tried { before, .. } | Phase::Trying { before, .. } => *before,
            other => other,
        };
    }

    /// Puts this version in the place of the one that runs, whatever that does, with a clean slate.
    pub(super) fn replace(&mut self, behaviour: B, record: Option<String>) {
        self.behaviour = behaviour;
        self.failures.clear();
        self.begin(Reason::Recovered, record);
    }

    /// Whether it takes an event now.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle(_))
    }

    /// Whether it is in a call.
    pub(super) fn is_busy(&self) -> bool {
        matches!(
            self.phase,
            Phase::Busy(..) | Phase::Trying { .. } | Phase::Tried { .. }
        )
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
        self.called = Instant::now();
        self.phase = match std::mem::replace(&mut self.phase, Phase::changing()) {
            Phase::Idle(instance) => Phase::Busy(Box::pin(instance.handle(event)), Call::Event),
            other => other,
        };
    }

    /// Ends with the call in hand. Cancel safe; never ends while there is none. After a failure the caller decides between
    /// [`recover`](Self::recover) and [`leave_alone`](Self::leave_alone).
    pub(super) async fn finished(&mut self) -> (Call, Result<Outcome, Failure>) {
        let (call, result) = match &mut self.phase {
            Phase::Busy(running, call) => (*call, running.await),
            Phase::Trying { starting, .. } => (Call::Candidate, starting.await),
            _ => return pending().await,
        };
        let memory = result.as_ref().map(|(instance, _)| instance.memory());
        self.calls.ended(self.called.elapsed(), memory);
        if call == Call::Candidate {
            return (call, self.tried(result));
        }
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

    fn tried(
        &mut self,
        result: Result<(B::Instance, Outcome), Failure>,
    ) -> Result<Outcome, Failure> {
        let Phase::Trying {
            candidate, before, ..
        } = std::mem::replace(&mut self.phase, Phase::changing())
        else {
            return Err(Failure::Error("there is no candidate".to_owned()));
        };
        match result {
            Ok((instance, outcome)) => {
                self.phase = Phase::Tried {
                    candidate,
                    instance,
                    before,
                };
                Ok(outcome)
            }
            Err(failure) => {
                self.phase = *before;
                Err(failure)
            }
        }
    }

    /// Counts a failure, and says whether it was one too many. A trap counts, an error does not, and neither an error nor
    /// a trap of `init` is forgiven: it would fail again, and only time may mend it.
    pub(super) fn spent(&mut self, call: Call, failure: &Failure, now: Duration) -> bool {
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
        self.failures.len() >= BUDGET || call == Call::Start
    }

    /// Begins a new instance after a failure.
    pub(super) fn recover(&mut self, record: Option<String>) {
        self.begin(Reason::Recovered, record);
    }

    /// Lets the component be for a while.
    pub(super) fn leave_alone(&mut self, failure: &Failure, now: Duration) {
        let seconds = PAUSE.as_secs();
        tracing::error!(device = &*self.surroundings.device, %failure, "the component is left alone for {seconds} s");
        self.phase = Phase::Down {
            until: now + PAUSE,
            why: failure.to_string(),
        };
    }
}
