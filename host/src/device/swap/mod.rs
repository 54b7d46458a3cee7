//! Swaps one version of the behaviour for another between two events of the device's loop.

mod candidate;
mod probation;
mod rollback;
mod swap_status;

use std::{
    collections::BTreeMap,
    future::pending,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use self::probation::Probation;
pub(super) use self::rollback::FailureAction;
use super::{Device, DeviceEvent};
use crate::{
    contract::behaviour::{Behaviour, CallFailure},
    mqtt::Transport,
    status::ConnectionState,
    store::{batch::Batch, outbox::Outgoing},
    swap::{DeviceRequest, ProbationPolicy, StepSender, SwapConfig, SwapRequest},
    versions::{HistoryEntry, RunningVersion, SwapSource, SwapStep, VersionInfo, host_report},
};

/// The state of swaps: loaded versions, pending swaps, probation, and steps to deliver.
pub(in crate::device) struct SwapState<B> {
    requests: Option<mpsc::Receiver<DeviceRequest<B>>>,
    policy: ProbationPolicy,
    /// The running version and the rollback targets loaded so far, by hash. The store knows which of them are needed.
    loaded: BTreeMap<String, B>,
    /// The version to start next.
    candidate: Option<Candidate<B>>,
    /// The rollback of an accepted version, which waits behind the candidate.
    pending_fallback: Option<PendingFallback>,
    /// The version whose `init` is the current call.
    starting: Option<Starting>,
    /// The probation of the running version; `None` once it is accepted.
    probation: Option<Probation>,
    /// Steps of the host's start, to be counted.
    startup_steps: Vec<HistoryEntry>,
    step_counts: BTreeMap<SwapStep, u64>,
    /// Steps to send to their requesters once the batch of this number is accepted.
    unsent_steps: Vec<(u64, HistoryEntry, StepSender)>,
    /// True to show the running version in the twin.
    report_host: bool,
    /// True if that part of the twin is out of date.
    report_due: bool,
    /// True once the component has had its chance to report before the host does.
    component_reported: bool,
}

/// A prepared version, and the request for it.
struct Candidate<B> {
    behaviour: B,
    request: SwapRequest,
}

/// A rollback of an accepted version that is to come.
struct PendingFallback {
    source: SwapSource,
    reason: String,
    step_sender: Option<StepSender>,
}

/// The kind of a swap.
enum SwapKind {
    /// To a requested version.
    Candidate(SwapRequest),
    /// Back to the previous version.
    Fallback(PendingFallback),
}

/// A swap whose version is in its `init`.
struct Starting {
    version: VersionInfo,
    kind: SwapKind,
    since: Instant,
}

impl SwapKind {
    fn step_sender(&self) -> Option<&StepSender> {
        match self {
            Self::Candidate(request) => request.step_sender.as_ref(),
            Self::Fallback(fallback) => fallback.step_sender.as_ref(),
        }
    }
}

impl<B> SwapState<B> {
    /// Returns the state at the start of a device. With `on_probation`, `running` continues a probation that began in an
    /// earlier process.
    pub(in crate::device) fn new(
        config: SwapConfig<B>,
        running: &B,
        on_probation: bool,
        now: Duration,
    ) -> Self
    where
        B: Behaviour,
    {
        let probation = on_probation.then(|| Probation::new(config.probation, now, None, None));
        Self {
            requests: config.requests,
            policy: config.probation,
            loaded: BTreeMap::from([(running.sha256().to_owned(), running.clone())]),
            candidate: None,
            pending_fallback: None,
            starting: None,
            probation,
            startup_steps: config.startup_steps,
            step_counts: BTreeMap::new(),
            unsent_steps: Vec::new(),
            report_host: config.report_host,
            report_due: config.report_host,
            component_reported: false,
        }
    }

    /// Returns the next request. Cancel safe; pends forever without a sender.
    pub(in crate::device) async fn next_request(&mut self) -> DeviceRequest<B> {
        if let Some(requests) = &mut self.requests {
            match requests.recv().await {
                Some(request) => return request,
                None => self.requests = None,
            }
        }
        pending().await
    }

    /// Counts an event the running version has handled.
    pub(in crate::device) fn event_handled(&mut self) {
        self.component_reported = true;
        if let Some(probation) = &mut self.probation {
            probation.event_handled();
        }
    }

    /// Defers the rollback until the fallback version is loaded.
    fn defer_rollback(&mut self, failure: &CallFailure) {
        if let Some(probation) = &mut self.probation {
            let reason = &mut probation.deferred_rollback;
            reason.get_or_insert_with(|| failure.to_string());
        }
    }

    /// Sends the steps of batches up to this one to their requesters.
    pub(in crate::device) fn send_steps(&mut self, accepted: u64) {
        let ready = self
            .unsent_steps
            .extract_if(.., |(batch, ..)| *batch <= accepted);
        for (_, entry, step_sender) in ready {
            // The requester may have stopped waiting.
            let _ = step_sender.send(entry);
        }
    }

    /// Returns true if the version on probation has to handle further events.
    pub(in crate::device) fn needs_events(&self) -> bool {
        self.probation.as_ref().is_some_and(Probation::needs_events)
    }

    /// Returns the time at which a probation ends without another event.
    pub(in crate::device) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.probation.as_ref()?.deadline(now)
    }
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Serves a request.
    pub(in crate::device) fn handle_request(&mut self, request: DeviceRequest<B>) {
        match request {
            DeviceRequest::Swap(behaviour, request) => self.queue_candidate(behaviour, request),
            DeviceRequest::RollbackTarget(behaviour) => self.rollback_target_loaded(behaviour),
            DeviceRequest::RecordStep(entry, step_sender) => self.record_step(*entry, step_sender),
            DeviceRequest::Rollback(step_sender) => self.handle_rollback_request(step_sender),
            DeviceRequest::Reconnect(reply_to) => {
                let previous_state = self.connection.reconnect();
                if previous_state == ConnectionState::Connected {
                    self.disconnected();
                }
                let _ = reply_to.send(previous_state);
            }
            DeviceRequest::Status(reply_to) => {
                // The requester may be gone.
                let _ = reply_to.send(Box::new(self.status()));
            }
            DeviceRequest::History(reply_to) => {
                let _ = reply_to.send(self.store.state().history.clone());
            }
            DeviceRequest::ResolveDeadLetters(decision, id, reply_to) => {
                let _ = reply_to.send(self.resolve_dead_letters(decision, id));
            }
            DeviceRequest::NeededVersions(reply_to) => {
                let _ = reply_to.send(self.needed_versions());
            }
            DeviceRequest::Ping(reply_to) => {
                let _ = reply_to.send(());
            }
        }
    }

    /// Logs and counts the steps of the host's start.
    pub(in crate::device) fn count_startup_steps(&mut self) {
        for entry in std::mem::take(&mut self.swap.startup_steps) {
            self.count_step(&entry);
        }
    }

    /// Logs and counts a step.
    fn count_step(&mut self, entry: &HistoryEntry) {
        *self.swap.step_counts.entry(entry.step).or_default() += 1;
        let is_result = entry.step.is_recorded() && entry.step != SwapStep::Failed;
        self.swap.report_due |= self.swap.report_host && is_result;
        entry.log(&self.name);
        (self.observer)(DeviceEvent::Swap(Box::new(entry.clone())));
    }

    /// Counts a step and adds it to a batch. Its requesters get it once the batch is accepted.
    fn stage_step<'a>(
        &mut self,
        batch: &mut Batch,
        entry: HistoryEntry,
        step_senders: impl IntoIterator<Item = &'a StepSender>,
    ) {
        self.count_step(&entry);
        let number = match entry.step.is_recorded() {
            true => self.store.next_batch(),
            false => 0,
        };
        let unsent = step_senders
            .into_iter()
            .map(|step_sender| (number, entry.clone(), step_sender.clone()));
        self.swap.unsent_steps.extend(unsent);
        batch.steps.push(entry);
    }

    /// Records a step with nothing else to commit.
    pub(in crate::device) fn record_step(
        &mut self,
        entry: HistoryEntry,
        step_sender: Option<StepSender>,
    ) {
        let recorded = entry.step.is_recorded();
        let mut batch = Batch::default();
        self.stage_step(&mut batch, entry, step_sender.as_ref());
        if recorded {
            self.commit(batch);
        }
    }

    /// Commits the batch of a call, which a rollback undoes.
    pub(in crate::device) fn commit_call(&mut self, batch: Batch) -> u64 {
        let reports = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Report(_));
        self.swap.component_reported |= batch.outgoing.iter().any(reports);
        let from = self.store.outbox().next_id();
        let number = self.commit(batch);
        let online = self.connection.session().is_some();
        if let Some(probation) = &mut self.swap.probation {
            probation.call_committed();
            if online && probation.first_message.is_none() {
                probation.first_message = self.store.outbox().first_message_from(from);
            }
        }
        number
    }

    /// Returns the version to roll back to while another is on probation; `None` if it is not loaded.
    fn fallback(&self) -> Option<B> {
        let fallback = self.store.state().versions.fallback.as_ref()?;
        self.loaded(&fallback.version)
    }

    /// Returns the version to roll back to from an accepted one; `None` if it is not loaded.
    fn previous(&self) -> Option<B> {
        let previous = self.store.state().versions.previous.as_ref()?;
        self.loaded(previous)
    }

    fn loaded(&self, version: &RunningVersion) -> Option<B> {
        self.swap.loaded.get(&version.info.sha256).cloned()
    }

    /// Drops loaded versions that are no longer needed.
    fn unload(&mut self) {
        let needed = self.needed_versions();
        let loaded = &mut self.swap.loaded;
        loaded.retain(|sha256, _| needed.contains(sha256));
    }

    /// Reconnects if the running version announces another model or subscription.
    fn announce(&mut self) {
        let behaviour = self.supervisor.behaviour();
        let model_id = behaviour.description().model_id.clone();
        self.takes_messages = behaviour.takes_messages();
        if self.connection.announce(model_id, self.takes_messages) {
            self.disconnected();
        }
    }

    /// Reports the running version if it has changed. The component's first report, in its `init` or its first event, goes
    /// before: a device's first reported property is its own.
    pub(in crate::device) fn report_host(&mut self) {
        if !self.swap.component_reported || !std::mem::take(&mut self.swap.report_due) {
            return;
        }
        let state = self.store.state();
        let report = host_report(&state.versions, &state.history);
        self.commit(Batch {
            outgoing: vec![Outgoing::Report(report)],
            ..Batch::default()
        });
    }
}
