//! Rolls back to an earlier version, after a failure or on request.

use std::path::PathBuf;

use super::{PendingFallback, Probation};
use crate::{
    contract::behaviour::{Behaviour, CallFailure},
    device::{CurrentCall, Device, supervisor::CallKind},
    mqtt::Transport,
    program,
    store::batch::Batch,
    swap::{self, StepSender, SwapRequest},
    versions::{HistoryEntry, SwapSource, SwapStep, VersionInfo},
};

/// The action after a failed call.
pub(in crate::device) enum FailureAction {
    /// None: an earlier version runs, or is about to, and gets the event.
    RolledBack,
    /// Restart the same version in a new instance.
    Restart,
    /// Suspend the component: it does not start, and there is no other version.
    Suspend,
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Decides what follows from a failed call, and starts a rollback if that is it.
    pub(in crate::device) fn failure_action(
        &mut self,
        kind: CallKind,
        call: &mut Option<CurrentCall>,
        failure: &CallFailure,
    ) -> FailureAction {
        let on_probation = self.store.state().versions.is_on_probation();
        if on_probation && let Some(action) = self.failure_on_probation(kind, call, failure) {
            return action;
        }
        if kind == CallKind::Start || failure.is_trap() {
            self.record_failure(failure);
        }
        // Operators and the cloud decide what an accepted version is called with: only a start is its own affair.
        if kind != CallKind::Start {
            return FailureAction::Restart;
        }
        let has_previous = !on_probation && self.previous().is_some();
        if !has_previous && self.swap.candidate.is_none() {
            return FailureAction::Suspend;
        }
        if has_previous {
            self.swap.pending_fallback = Some(PendingFallback {
                source: SwapSource::Host,
                reason: failure.to_string(),
                step_sender: None,
            });
        }
        self.requeue(call.take());
        self.supervisor.suspend(failure, self.clock.monotonic());
        FailureAction::RolledBack
    }

    /// Decides what follows from a failed call of a version on probation; `None` if the rollback has to wait.
    fn failure_on_probation(
        &mut self,
        kind: CallKind,
        call: &mut Option<CurrentCall>,
        failure: &CallFailure,
    ) -> Option<FailureAction> {
        let probation = self.swap.probation.as_mut()?;
        let is_retry = call.as_ref().is_some_and(CurrentCall::is_retry);
        if !probation.call_failed(kind, failure, is_retry) {
            return Some(FailureAction::Restart);
        }
        if self.fallback().is_none() {
            self.swap.defer_rollback(failure);
            return None;
        }
        self.requeue(call.take());
        self.roll_back(SwapSource::Host, failure.to_string(), None, None);
        Some(FailureAction::RolledBack)
    }

    /// Keeps a loaded rollback target. A deferred rollback to it happens now.
    pub(super) fn rollback_target_loaded(&mut self, behaviour: B) {
        let sha256 = behaviour.sha256().to_owned();
        self.swap.loaded.insert(sha256, behaviour);
        self.unload();
        self.fall_back_if_suspended();
        self.roll_back_deferred();
    }

    /// Goes back to the previous version if the accepted one does not start.
    fn fall_back_if_suspended(&mut self) {
        let is_accepted = !self.store.state().versions.is_on_probation();
        if let Some(reason) = self.supervisor.suspended().map(str::to_owned)
            && is_accepted
            && self.previous().is_some()
        {
            self.swap.pending_fallback.get_or_insert(PendingFallback {
                source: SwapSource::Host,
                reason,
                step_sender: None,
            });
        }
    }

    /// Rolls back if that was deferred, the rollback target is loaded, and no newer version is about to start.
    pub(super) fn roll_back_deferred(&mut self) {
        if self.fallback().is_none() || self.swap.starting.is_some() {
            return;
        }
        let probation = self.swap.probation.as_ref();
        if let Some(reason) = probation.and_then(|probation| probation.deferred_rollback.clone()) {
            let call = self.current_call.take();
            self.requeue(call);
            self.roll_back(SwapSource::Host, reason, None, None);
        }
    }

    fn record_failure(&mut self, failure: &CallFailure) {
        let mut entry = HistoryEntry::new(self.clock.now(), SwapStep::Failed, SwapSource::Host);
        entry.version = Some(VersionInfo::of(self.supervisor.behaviour()));
        self.record_step(entry.with_reason(failure.to_string()), None);
    }

    /// Puts the event of an unfinished call back for the next version. Timers are due still, and the twin is requested
    /// again.
    fn requeue(&mut self, call: Option<CurrentCall>) {
        match call {
            Some(CurrentCall::Command(command)) => self.inbox.requeue_command(command),
            Some(CurrentCall::Message(message)) if self.is_current(&message) => {
                self.inbox.requeue_message(message, self.clock.monotonic());
            }
            Some(CurrentCall::Desired { .. }) => self.twin_stale = true,
            Some(CurrentCall::Message(_) | CurrentCall::Timer(_)) | None => {}
        }
    }

    /// Rolls back on request, or rejects the request.
    pub(super) fn handle_rollback_request(&mut self, step_sender: StepSender) {
        const REASON: &str = "a rollback was requested";
        self.cancel_pending(REASON);
        if self.swap.starting.is_some() {
            self.candidate_failed(&CallFailure::Trap(REASON.to_owned()));
        }
        if self.fallback().is_some() {
            let call = self.current_call.take();
            self.requeue(call);
            let reason = REASON.to_owned();
            self.roll_back(SwapSource::Command, reason, None, Some(step_sender));
            return;
        }
        if let Some(reason) = self.rollback_rejection() {
            let entry =
                HistoryEntry::new(self.clock.now(), SwapStep::Rejected, SwapSource::Command);
            // Neither history nor twin has anything to show. The requester may have stopped waiting.
            let _ = step_sender.send(entry.with_reason(reason));
            return;
        }
        self.swap.pending_fallback = Some(PendingFallback {
            source: SwapSource::Command,
            reason: REASON.to_owned(),
            step_sender: Some(step_sender),
        });
    }

    /// Rolls back to the version before the one on probation because its file was requested: as a candidate it would have
    /// itself to fall back to, and the state of the other.
    pub(super) fn roll_back_to_candidate(&mut self, behaviour: B, request: SwapRequest) {
        self.swap
            .loaded
            .insert(behaviour.sha256().to_owned(), behaviour);
        let reason = "a swap to the previous version was requested".to_owned();
        let file = Some(request.file);
        self.roll_back(request.source, reason, file, request.step_sender);
    }

    /// Returns the reason to reject a requested rollback of an accepted version; `None` to accept the request.
    fn rollback_rejection(&self) -> Option<String> {
        let versions = &self.store.state().versions;
        let Some(previous) = self.previous().filter(|_| !versions.is_on_probation()) else {
            let reason = match versions.rollback_targets().next() {
                Some(_) => "the previous version is not loaded; see the log",
                None => "no previous version to roll back to",
            };
            return Some(reason.to_owned());
        };
        let model = |behaviour: &B| behaviour.description().model_id.clone();
        let (is, was) = (model(self.supervisor.behaviour()), model(&previous));
        (is != was).then(|| {
            format!(
                "the previous version's model {was} differs from the device's model {is}; swap it in with `{}`, which \
                 reconnects the device",
                program::command("swap FILE --allow-model-change")
            )
        })
    }

    /// Rolls back the version on probation: the fallback continues as if the swap had not been, except that sent messages
    /// stay sent. A call in progress is stopped. `file` is the one that was requested, if the rollback is a swap to it.
    fn roll_back(
        &mut self,
        source: SwapSource,
        reason: String,
        file: Option<PathBuf>,
        step_sender: Option<StepSender>,
    ) {
        let rollback = swap::roll_back_to_fallback(&self.store, &*self.clock, source, &reason);
        let (Some((mut batch, mut entry)), Some(behaviour)) = (rollback, self.fallback()) else {
            return;
        };
        let probation = self.swap.probation.take();
        let record = batch.record.clone();
        entry.file = file;
        entry.undone_batches = probation.as_ref().and_then(Probation::committed);
        let mut step_senders = probation.map_or_else(Vec::new, |probation| probation.step_senders);
        step_senders.extend(step_sender);
        self.stage_step(&mut batch, entry, &step_senders);
        self.commit(batch);
        self.unload();
        self.inbox.set_kept(self.store.unhandled_messages());
        self.inbox.drop_twin_items();
        self.twin_stale = true;
        self.supervisor.replace(behaviour, record);
        self.forget_failures();
        self.announce();
    }

    /// Records a clean exit, which does not count against a version on probation.
    pub(in crate::device) fn record_clean_exit(&mut self) {
        let mut versions = self.store.state().versions.clone();
        if let Some(fallback) = &mut versions.fallback {
            fallback.clean_exit = true;
            self.commit(Batch {
                versions: Some(versions),
                ..Batch::default()
            });
        }
    }
}
