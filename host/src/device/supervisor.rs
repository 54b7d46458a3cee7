//! Supervises an instance of the behaviour: one call at a time, a restart after each failure, suspension when it does not
//! start, and the start of a candidate in its place.

use std::{
    future::pending,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use tracing::{Instrument, Span};

use crate::{
    contract::behaviour::{
        Behaviour, CallFailure, Event, Instance, InstanceContext, Outcome, Reason, Start,
    },
    program,
    status::CallStats,
};

/// Time until the next try at a component whose `init` fails.
const SUSPENSION: Duration = Duration::from_secs(300);

/// The supervisor of one device's behaviour.
pub(super) struct Supervisor<B: Behaviour> {
    behaviour: B,
    context: InstanceContext,
    /// The settings given to this process, for candidates.
    settings: Arc<[(String, String)]>,
    /// The settings of the running version; other ones if it refuses those given.
    running_settings: Arc<[(String, String)]>,
    phase: InstancePhase<B>,
    /// Start of the current call, in the real time that limits count too.
    called: Instant,
    calls: CallStats,
    /// Memory of the instance after its `init`, in bytes.
    memory_at_start: usize,
}

enum InstancePhase<B: Behaviour> {
    /// Ready for an event.
    Idle(B::Instance),
    /// In a call.
    Busy(CallFuture<B>, CallKind),
    /// Stopped until this time.
    Suspended { until: Duration, reason: String },
    /// Another version is in its `init`.
    StartingCandidate {
        candidate: B,
        starting: CallFuture<B>,
        before: Box<InstancePhase<B>>,
    },
    /// Another version has started, and is not adopted yet.
    CandidateStarted {
        candidate: B,
        instance: B::Instance,
        before: Box<InstancePhase<B>>,
    },
}

type CallFuture<B> = BoxFuture<'static, Result<(<B as Behaviour>::Instance, Outcome), CallFailure>>;

impl<B: Behaviour> InstancePhase<B> {
    /// Returns the placeholder for the moment in which one phase replaces another.
    fn changing() -> Self {
        Self::Suspended {
            until: Duration::ZERO,
            reason: String::new(),
        }
    }
}

/// Starts a version. If it fails with the device's state and starts without it, the failure says so.
async fn start_with_state<B: Behaviour>(
    behaviour: B,
    context: InstanceContext,
    start: Start,
) -> Result<(B::Instance, Outcome), CallFailure> {
    if start.record.is_none() {
        return behaviour.start(context, start).await;
    }
    let without = Start {
        reason: Reason::Fresh,
        record: None,
        ..start.clone()
    };
    let failure = match behaviour.start(context.clone(), start).await {
        Err(failure) => failure,
        started => return started,
    };
    match behaviour.start(context, without).await {
        Ok(_) => {
            let swap = program::command("swap FILE --fresh-state");
            Err(failure.with_remedy(&format!("`{swap}` starts it without the device's state")))
        }
        Err(_) => Err(failure),
    }
}

/// The purpose of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    /// `init` of a new instance.
    Start,
    /// An event.
    Event,
    /// `init` of a candidate.
    Candidate,
}

impl<B: Behaviour> Supervisor<B> {
    pub(super) fn start(
        behaviour: B,
        context: InstanceContext,
        settings: Arc<[(String, String)]>,
        record: Option<String>,
    ) -> Self {
        let reason = if record.is_some() {
            Reason::Restart
        } else {
            Reason::Fresh
        };
        let mut supervisor = Self {
            behaviour,
            context,
            running_settings: settings.clone(),
            settings,
            phase: InstancePhase::changing(),
            called: Instant::now(),
            calls: CallStats::default(),
            memory_at_start: 0,
        };
        supervisor.start_instance(reason, record);
        supervisor
    }

    fn start_instance(&mut self, reason: Reason, record: Option<String>) {
        tracing::info!(
            device = &*self.context.device,
            reason = ?reason,
            "component starting"
        );
        let starting = self.starting(&self.behaviour, reason, record);
        self.called = Instant::now();
        self.phase = InstancePhase::Busy(starting, CallKind::Start);
    }

    fn starting(&self, behaviour: &B, reason: Reason, record: Option<String>) -> CallFuture<B> {
        let start = Start {
            reason,
            config: self.running_settings.clone(),
            record,
        };
        let call = start_with_state(behaviour.clone(), self.context.clone(), start);
        Box::pin(call.instrument(self.call_span("init")))
    }

    /// Returns the span of a call. It is at debug level because the component's own lines at info have the device already.
    fn call_span(&self, export: &'static str) -> Span {
        tracing::debug_span!("guest_call", device = &*self.context.device, export)
    }

    /// Returns the statistics of calls.
    pub(super) fn calls(&self) -> &CallStats {
        &self.calls
    }

    /// Returns true if the instance has used up more than half of the memory its `init` has left to it: a call that runs into
    /// this limit then is not to blame, and a new instance cures that. To be asked after a failed call.
    pub(super) fn has_leaked(&self, limit: usize) -> bool {
        // As it was before the failed call: only one that succeeds changes it.
        let before = usize::try_from(self.calls.memory_bytes).unwrap_or(usize::MAX);
        let grown = before.saturating_sub(self.memory_at_start);
        grown > limit.saturating_sub(self.memory_at_start) / 2
    }

    /// Returns the settings that a version starts with.
    pub(super) fn settings(&self) -> &[(String, String)] {
        &self.settings
    }

    /// Returns the settings of the running version.
    pub(super) fn running_settings(&self) -> &[(String, String)] {
        &self.running_settings
    }

    /// Replaces the settings of the running version, from its next start on.
    pub(super) fn set_running_settings(&mut self, settings: Arc<[(String, String)]>) {
        self.running_settings = settings;
    }

    /// Returns the running version.
    pub(super) fn behaviour(&self) -> &B {
        &self.behaviour
    }

    /// Starts a candidate; only between two calls. The running version waits: if the candidate starts,
    /// [`adopt_candidate`](Self::adopt_candidate) or [`abandon_candidate`](Self::abandon_candidate) decides, otherwise the
    /// running version continues.
    pub(super) fn start_candidate(&mut self, candidate: B, reason: Reason, record: Option<String>) {
        let start = Start {
            reason,
            config: self.settings.clone(),
            record,
        };
        let starting = start_with_state(candidate.clone(), self.context.clone(), start);
        let starting = Box::pin(starting.instrument(self.call_span("init")));
        self.called = Instant::now();
        let before = std::mem::replace(&mut self.phase, InstancePhase::changing());
        self.phase = InstancePhase::StartingCandidate {
            candidate,
            starting,
            before: Box::new(before),
        };
    }

    /// Makes a started candidate the running version.
    pub(super) fn adopt_candidate(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, InstancePhase::changing()) {
            InstancePhase::CandidateStarted {
                candidate,
                instance,
                ..
            } => {
                self.behaviour = candidate;
                self.running_settings = self.settings.clone();
                InstancePhase::Idle(instance)
            }
            other => other,
        };
    }

    /// Drops a candidate; the running version continues.
    pub(super) fn abandon_candidate(&mut self) {
        self.phase = match std::mem::replace(&mut self.phase, InstancePhase::changing()) {
            InstancePhase::CandidateStarted { before, .. }
            | InstancePhase::StartingCandidate { before, .. } => *before,
            other => other,
        };
    }

    /// Replaces the running version, even in a call.
    pub(super) fn replace(&mut self, behaviour: B, record: Option<String>) {
        self.behaviour = behaviour;
        self.start_instance(Reason::Recovered, record);
    }

    /// Returns true if the instance is ready for an event.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, InstancePhase::Idle(_))
    }

    /// Returns true if the instance, or a candidate, is in a call.
    pub(super) fn is_busy(&self) -> bool {
        matches!(
            self.phase,
            InstancePhase::Busy(..)
                | InstancePhase::StartingCandidate { .. }
                | InstancePhase::CandidateStarted { .. }
        )
    }

    /// Returns the reason of a suspension; `None` if the component is not suspended.
    pub(super) fn suspended(&self) -> Option<&str> {
        match &self.phase {
            InstancePhase::Suspended { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// Returns the end of a suspension; `None` if the component is not suspended.
    pub(super) fn resume_at(&self) -> Option<Duration> {
        match self.phase {
            InstancePhase::Suspended { until, .. } => Some(until),
            _ => None,
        }
    }

    /// Starts a new instance if a suspension is over.
    pub(super) fn resume_if_due(&mut self, now: Duration, record: Option<String>) {
        if matches!(self.phase, InstancePhase::Suspended { until, .. } if until <= now) {
            self.start_instance(Reason::Recovered, record);
        }
    }

    /// Calls the component with an event; only while it is idle.
    pub(super) fn call(&mut self, event: Event) {
        self.called = Instant::now();
        let span = self.call_span(event.export());
        self.phase = match std::mem::replace(&mut self.phase, InstancePhase::changing()) {
            InstancePhase::Idle(instance) => {
                let call = instance.handle(event).instrument(span);
                InstancePhase::Busy(Box::pin(call), CallKind::Event)
            }
            other => other,
        };
    }

    /// Waits for the end of the current call. Cancel safe; pends forever without a call. After a failure the caller decides
    /// between [`restart`](Self::restart) and [`suspend`](Self::suspend).
    pub(super) async fn finished(&mut self) -> (CallKind, Result<Outcome, CallFailure>) {
        let (kind, result) = match &mut self.phase {
            InstancePhase::Busy(running, kind) => (*kind, running.await),
            InstancePhase::StartingCandidate { starting, .. } => {
                (CallKind::Candidate, starting.await)
            }
            _ => return pending().await,
        };
        let memory = result.as_ref().map(|(instance, _)| instance.memory());
        if let (CallKind::Start | CallKind::Candidate, Ok(memory)) = (kind, memory) {
            self.memory_at_start = memory;
        }
        self.calls.record(self.called.elapsed(), memory);
        if kind == CallKind::Candidate {
            return (kind, self.candidate_result(result));
        }
        match result {
            Ok((instance, outcome)) => {
                self.phase = InstancePhase::Idle(instance);
                (kind, Ok(outcome))
            }
            Err(failure) => {
                self.phase = InstancePhase::Suspended {
                    until: Duration::ZERO,
                    reason: failure.to_string(),
                };
                (kind, Err(failure))
            }
        }
    }

    fn candidate_result(
        &mut self,
        result: Result<(B::Instance, Outcome), CallFailure>,
    ) -> Result<Outcome, CallFailure> {
        let InstancePhase::StartingCandidate {
            candidate, before, ..
        } = std::mem::replace(&mut self.phase, InstancePhase::changing())
        else {
            return Err(CallFailure::Error("no candidate".to_owned()));
        };
        match result {
            Ok((instance, outcome)) => {
                self.phase = InstancePhase::CandidateStarted {
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

    /// Starts a new instance after a failure.
    pub(super) fn restart(&mut self, record: Option<String>) {
        self.start_instance(Reason::Recovered, record);
    }

    /// Suspends the component.
    pub(super) fn suspend(&mut self, failure: &CallFailure, now: Duration) {
        let seconds = SUSPENSION.as_secs();
        tracing::error!(device = &*self.context.device, %failure, "component suspended for {seconds} s: it does not start");
        self.phase = InstancePhase::Suspended {
            until: now + SUSPENSION,
            reason: failure.to_string(),
        };
    }
}
