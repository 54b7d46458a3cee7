//! Starts a candidate, and accepts or rejects it.

use std::time::Instant;

use super::{Candidate, PendingFallback, Probation, Starting, SwapKind};
use crate::{
    clock::boot_id,
    contract::{
        behaviour::{Behaviour, CallFailure, Outcome, Reason},
        timers::Timers,
    },
    device::Device,
    mqtt::Transport,
    program,
    store::{
        ProbationEnd,
        batch::{Batch, TimerChange},
    },
    swap::{self, StepSender, SwapRequest},
    versions::{FallbackState, HistoryEntry, SwapSource, SwapStep, VersionInfo},
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    fn entry(&self, step: SwapStep, request: &SwapRequest) -> HistoryEntry {
        let mut entry = HistoryEntry::new(self.clock.now(), step, request.source);
        entry.file = Some(request.file.clone());
        entry
    }

    /// Queues a prepared version behind the current call, in place of any pending swap.
    pub(super) fn queue_candidate(&mut self, behaviour: B, request: SwapRequest) {
        let entry = self.entry(SwapStep::Prepared, &request);
        let entry = entry.with_version(VersionInfo::of(&behaviour));
        self.record_step(entry, request.step_sender.clone());
        self.cancel_pending("another version was requested");
        self.swap.candidate = Some(Candidate { behaviour, request });
    }

    /// Cancels a pending swap or rollback that was requested. The rollback of a version that failed for good has no
    /// requester, and stays.
    pub(super) fn cancel_pending(&mut self, reason: &str) {
        if let Some(Candidate { behaviour, request }) = self.swap.candidate.take() {
            let entry = self.entry(SwapStep::Superseded, &request);
            let entry = entry.with_version(VersionInfo::of(&behaviour));
            self.record_step(entry.with_reason(reason), request.step_sender);
        }
        let is_requested = |fallback: &mut PendingFallback| fallback.source == SwapSource::Command;
        if let Some(fallback) = self.swap.pending_fallback.take_if(is_requested) {
            let entry = HistoryEntry::new(self.clock.now(), SwapStep::Superseded, fallback.source);
            self.record_step(entry.with_reason(reason), fallback.step_sender);
        }
    }

    /// Starts the pending version if no call is in progress. Returns true if one starts. A candidate goes before a
    /// rollback: it may be the fix for the failure.
    pub(in crate::device) fn start_pending_swap(&mut self) -> bool {
        if self.supervisor.is_busy() {
            return false;
        }
        if let Some(Candidate { behaviour, request }) = self.swap.candidate.take() {
            if self.is_fallback(&behaviour) && !request.fresh_state {
                self.roll_back_to_candidate(behaviour, request);
                return false;
            }
            match self.rejection(&VersionInfo::of(&behaviour), &request) {
                Some(entry) => self.reject_candidate(entry, request.step_sender),
                None => {
                    self.start_version(behaviour, SwapKind::Candidate(request));
                    return true;
                }
            }
        }
        let Some(fallback) = self.swap.pending_fallback.take() else {
            return false;
        };
        let previous = self.previous();
        let starts = previous.is_some();
        if let Some(behaviour) = previous {
            self.start_version(behaviour, SwapKind::Fallback(fallback));
        }
        starts
    }

    /// Records why a version is not started. The requester of a version that is on probation already waits for its end.
    fn reject_candidate(&mut self, entry: HistoryEntry, step_sender: Option<StepSender>) {
        if entry.step == SwapStep::Unchanged
            && let Some(probation) = &mut self.swap.probation
        {
            probation.step_senders.extend(step_sender.clone());
        }
        self.record_step(entry, step_sender);
    }

    /// Returns true if this is the version to roll back to from the one on probation, with the same settings.
    fn is_fallback(&self, behaviour: &B) -> bool {
        let fallback = self.store.state().versions.fallback.as_ref();
        fallback.is_some_and(|it| {
            let settings = it.state.settings.as_deref();
            let same_settings = settings.is_none_or(|it| it == self.supervisor.settings());
            same_settings && it.version.info.sha256 == behaviour.sha256()
        })
    }

    fn start_version(&mut self, behaviour: B, kind: SwapKind) {
        let (reason, record) = match &kind {
            SwapKind::Candidate(request) if request.fresh_state => (Reason::Fresh, None),
            _ => (Reason::Swap, self.store.state().record.clone()),
        };
        self.swap.starting = Some(Starting {
            version: VersionInfo::of(&behaviour),
            kind,
            since: Instant::now(),
        });
        self.store.outbox().update_quota();
        self.supervisor.start_candidate(behaviour, reason, record);
    }

    /// Returns the step that rejects a candidate before its start; `None` to start it.
    fn rejection(&self, version: &VersionInfo, request: &SwapRequest) -> Option<HistoryEntry> {
        let versions = &self.store.state().versions;
        let entry = |step| self.entry(step, request).with_version(version.clone());
        let rejected = |reason: String| Some(entry(SwapStep::Rejected).with_reason(reason));
        // It may start again to begin without the state.
        if versions.is_running(&version.sha256) && !request.fresh_state {
            return Some(entry(SwapStep::Unchanged));
        }
        if !request.force
            && let Some(reason) =
                versions.quarantine_reason(&version.sha256, self.supervisor.settings())
        {
            return rejected(format!(
                "quarantined after a rollback ({reason}); accept it with `{}`",
                program::command("swap FILE --force")
            ));
        }
        let model = &self.supervisor.behaviour().description().model_id;
        if !request.allow_model_change && version.model_id != *model {
            return rejected(format!(
                "model {} differs from the device's model {model}; accept it with --allow-model-change, which reconnects the device",
                version.model_id
            ));
        }
        None
    }

    /// Swaps in a version whose `init` has succeeded, and commits its effects.
    pub(in crate::device) fn candidate_started(&mut self, outcome: Outcome) {
        let Some(Starting {
            version,
            kind,
            since,
        }) = self.swap.starting.take()
        else {
            return self.supervisor.abandon_candidate();
        };
        let (_, mut batch) = Batch::of(outcome, None);
        let swapped = match kind {
            SwapKind::Candidate(request) => Some(self.swap_in(version, request, &mut batch)),
            SwapKind::Fallback(fallback) => self.fall_back(fallback, &mut batch),
        };
        let Some((mut entry, step_sender)) = swapped else {
            return self.supervisor.abandon_candidate();
        };
        self.supervisor.adopt_candidate();
        self.forget_failures();
        self.inbox.retry_messages();
        let behaviour = self.supervisor.behaviour().clone();
        let sha256 = behaviour.sha256().to_owned();
        self.swap.loaded.insert(sha256, behaviour);
        // In whole microseconds: nobody reads more digits.
        entry.pause_ms = Some((since.elapsed().as_secs_f64() * 1e6).round() / 1e3);
        self.stage_step(&mut batch, entry, step_sender.as_ref());
        self.commit_call(batch);
        self.unload();
        self.started = true;
        self.announce();
        if std::mem::take(&mut self.twin_stale) {
            self.inbox.drop_twin_items();
            self.request_twin();
        }
    }

    /// Adds a requested version to the batch: on probation, with the previous version and its state as the fallback.
    fn swap_in(
        &mut self,
        version: VersionInfo,
        request: SwapRequest,
        batch: &mut Batch,
    ) -> (HistoryEntry, Option<StepSender>) {
        let entry = self.entry(SwapStep::Started, &request);
        let entry = entry.with_version(version.clone());
        let step_sender = request.step_sender.clone();
        let state = self.store.state();
        let mut versions = state.versions.clone();
        let superseded = versions.running.clone().map(|running| running.info);
        if request.source.is_component_file() {
            versions.file = Some(version.sha256.clone());
        }
        let before = FallbackState {
            record: state.record.clone(),
            timers: state.timers.to_persisted(&*self.clock),
            marks: self.store.probation_marks(),
            boot_id: boot_id(),
            ..FallbackState::default()
        };
        let settings = self.supervisor.settings();
        versions.start_probation(version, settings, self.clock.now(), before);
        batch.versions = Some(versions);
        if request.fresh_state {
            // Before the timers of its `init`.
            batch.timers.insert(0, TimerChange::All(Timers::default()));
            batch.twin = Some(state.twin.unapplied());
            self.twin_stale = true;
        }
        // The version to roll back has been swapped out.
        self.swap.pending_fallback = None;
        self.start_probation(request, superseded, batch);
        (entry, step_sender)
    }

    /// Adds the rollback to the previous version to the batch, which takes the current state.
    fn fall_back(
        &mut self,
        fallback: PendingFallback,
        batch: &mut Batch,
    ) -> Option<(HistoryEntry, Option<StepSender>)> {
        let PendingFallback {
            source,
            reason,
            step_sender,
        } = fallback;
        let (rollback, entry) =
            swap::roll_back_to_previous(self.store.state(), &*self.clock, source, &reason)?;
        batch.versions = rollback.versions;
        Some((entry, step_sender))
    }

    fn start_probation(
        &mut self,
        request: SwapRequest,
        superseded: Option<VersionInfo>,
        batch: &mut Batch,
    ) {
        let now = self.clock.monotonic();
        let policy = self.swap.policy;
        let probation = match self.swap.probation.take() {
            Some(before) => {
                let mut entry = self.entry(SwapStep::Superseded, &request);
                entry.version = superseded;
                entry.file = None;
                let entry = entry.with_reason("a newer version was requested during probation");
                self.stage_step(batch, entry, &before.step_senders);
                Probation::new(policy, now, before.committed(), request.step_sender)
            }
            None => Probation::new(policy, now, Some(0), request.step_sender),
        };
        self.swap.probation = Some(probation);
    }

    /// Rejects a version that has not started; the running one continues.
    pub(in crate::device) fn candidate_failed(&mut self, failure: &CallFailure) {
        self.supervisor.abandon_candidate();
        let Some(Starting { version, kind, .. }) = self.swap.starting.take() else {
            return;
        };
        let step_sender = kind.step_sender().cloned();
        let entry = match &kind {
            SwapKind::Candidate(request) => self.entry(SwapStep::Rejected, request),
            SwapKind::Fallback(PendingFallback { source, .. }) => {
                HistoryEntry::new(self.clock.now(), SwapStep::Rejected, *source)
            }
        };
        let reason = format!("start failed: {}", failure.reason());
        self.record_step(entry.with_version(version).with_reason(reason), step_sender);
        self.roll_back_deferred();
    }

    /// Accepts the version on probation if it has passed.
    pub(in crate::device) fn check_probation(&mut self) {
        let now = self.clock.monotonic();
        let passed = |probation: &mut Probation| {
            let unacknowledged = probation
                .first_message
                .is_some_and(|id| self.store.outbox().contains_message(id));
            probation.has_passed(now) && !unacknowledged
        };
        let Some(probation) = self.swap.probation.take_if(passed) else {
            return;
        };
        let mut versions = self.store.state().versions.clone();
        versions.accept();
        let mut batch = Batch {
            versions: Some(versions),
            probation_end: Some(ProbationEnd::Accepted),
            ..Batch::default()
        };
        let entry = HistoryEntry::new(self.clock.now(), SwapStep::Accepted, SwapSource::Host);
        let entry = entry.with_version(VersionInfo::of(self.supervisor.behaviour()));
        self.stage_step(&mut batch, entry, &probation.step_senders);
        self.commit(batch);
        self.unload();
    }
}
