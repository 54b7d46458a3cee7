//! The outcome of a call: one batch, and a reply that leaves with it.

use std::time::Duration;

use super::{
    CurrentCall, Device, DeviceError, DeviceEvent, HandledProperty,
    failures::CallCause,
    inbox::{MessageOrigin, PendingMessage},
    rate_limits::Usage,
    supervisor::CallKind,
    swap::FailureAction,
};
use crate::{
    contract::behaviour::{Answer, Behaviour, CallFailure, Outcome},
    hub::{
        reply::Reply,
        twin::{Acknowledgment, AnswerReport, DesiredCall},
    },
    mqtt::Transport,
    store::{
        batch::{Batch, DeadLetterChange, MessageChange, TimerChange},
        outbox::Outgoing,
    },
    versions::{HistoryEntry, SwapSource, SwapStep, VersionInfo},
};

/// Delays before the attempts at a message whose call failed; after the last attempt it is dead-lettered.
const MESSAGE_RETRY_DELAYS: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
    Duration::from_secs(18),
];

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Handles the end of a call.
    ///
    /// # Errors
    /// A component that has never run failed to start.
    pub(super) fn call_finished(
        &mut self,
        kind: CallKind,
        result: Result<Outcome, CallFailure>,
    ) -> Result<(), DeviceError> {
        let call = self.current_call.take();
        // For a new instance, if one starts.
        self.store.outbox().update_quota();
        let result = result.and_then(|outcome| self.within_limits(outcome));
        if matches!(call, Some(CurrentCall::Timer(_))) || kind == CallKind::Start {
            self.charge(&result);
        }
        match (kind, result) {
            (CallKind::Candidate, Ok(outcome)) => self.candidate_started(outcome),
            (CallKind::Candidate, Err(failure)) => self.candidate_failed(&failure),
            (CallKind::Start, Ok(outcome)) => self.instance_started(outcome),
            (CallKind::Start, Err(failure)) if !self.started => {
                self.first_start_failed(&failure);
                return Err(DeviceError::Component(failure));
            }
            (CallKind::Start, Err(failure)) if self.return_to_accepted_settings(&failure) => {
                return Ok(());
            }
            (CallKind::Event, Ok(outcome)) => {
                if let Some(call) = call {
                    self.call_succeeded(call, outcome);
                }
            }
            (CallKind::Start | CallKind::Event, Err(failure)) => {
                self.call_failed(kind, call, &failure);
            }
        }
        if kind == CallKind::Start {
            (self.observer)(DeviceEvent::Started);
        }
        Ok(())
    }

    /// Takes a call of a timer, or the start of an instance, off the budgets of the rate limits.
    fn charge(&mut self, result: &Result<Outcome, CallFailure>) {
        let before = self.store.state().record.as_deref();
        let usage = result.as_ref().map(|outcome| Usage::of(outcome, before));
        let now = self.clock.monotonic();
        self.rate_limits.charge(usage.unwrap_or_default(), now);
    }

    /// Starts a component again with the settings it has last started with, if it refuses other ones. Returns false if there
    /// are none.
    fn return_to_accepted_settings(&mut self, failure: &CallFailure) -> bool {
        let accepted = self.store.state().versions.settings.clone();
        let (CallFailure::Error(reason), Some(accepted)) = (failure, accepted) else {
            return false;
        };
        if accepted == self.supervisor.running_settings() {
            return false;
        }
        tracing::error!(
            device = &*self.name,
            "the component refuses its settings: {reason}; it runs with those of the last start; correct --set (HOST_SET)"
        );
        self.supervisor.set_running_settings(accepted.into());
        self.supervisor.restart(self.store.state().record.clone());
        true
    }

    /// Records the failed start of a component that has never run, which ends the device.
    fn first_start_failed(&mut self, failure: &CallFailure) {
        let entry = HistoryEntry::new(self.clock.now(), SwapStep::Rejected, SwapSource::Start);
        let version = VersionInfo::of(self.supervisor.behaviour());
        let reason = format!("start failed: {}", failure.reason());
        self.commit(Batch {
            steps: vec![entry.with_version(version).with_reason(reason)],
            ..Batch::default()
        });
    }

    /// Discards the effects of a failed call, and rolls back, restarts or suspends the component.
    fn call_failed(
        &mut self,
        kind: CallKind,
        mut call: Option<CurrentCall>,
        failure: &CallFailure,
    ) {
        tracing::error!(device = &*self.name, %failure, "guest call failed; its effects were discarded");
        match self.failure_action(kind, &mut call, failure) {
            FailureAction::RolledBack => return,
            FailureAction::Suspend => {
                let now = self.clock.monotonic();
                self.supervisor.suspend(failure, now);
            }
            FailureAction::Restart => {
                let record = self.store.state().record.clone();
                self.supervisor.restart(record);
            }
        }
        match call {
            Some(CurrentCall::Desired { version, call }) if let Some(halves) = call.halved() => {
                self.inbox.push_desired(version, halves.into());
            }
            Some(call) => {
                self.count_failure(&call, failure);
                self.answer_failed(call, failure);
            }
            None => {}
        }
    }

    fn count_failure(&mut self, call: &CurrentCall, failure: &CallFailure) {
        let now = self.clock.monotonic();
        if matches!(failure, CallFailure::OutOfMemory(_))
            && self.supervisor.has_leaked(self.limits.memory)
        {
            return;
        }
        for cause in CallCause::of(call) {
            let shown = cause.to_string();
            if let Some(suspension) = self.failures.failed(cause, failure, now) {
                let seconds = suspension.as_secs();
                tracing::error!(
                    device = &*self.name,
                    cause = shown,
                    %failure,
                    "suspended for {seconds} s after repeated failures; the rest of the device goes on"
                );
            }
        }
    }

    fn within_limits(&self, outcome: Outcome) -> Result<Outcome, CallFailure> {
        let timers = &self.store.state().timers;
        timers.check_limit(outcome, self.limits.timers)
    }

    /// Commits the start of an instance.
    fn instance_started(&mut self, outcome: Outcome) {
        self.started = true;
        self.failures.instance_started();
        let (_, mut batch) = Batch::of(outcome, None);
        let mut versions = self.store.state().versions.clone();
        if versions.running.is_none() {
            let version = VersionInfo::of(self.supervisor.behaviour());
            versions.set_first(version, self.clock.now());
        }
        versions.settings = Some(self.supervisor.running_settings().to_vec());
        batch.versions = Some(versions).filter(|it| *it != self.store.state().versions);
        self.commit_call(batch);
        if std::mem::take(&mut self.twin_stale) {
            self.request_twin();
        }
    }

    /// Commits a successful call, and queues its reply.
    fn call_succeeded(&mut self, call: CurrentCall, outcome: Outcome) {
        self.swap.event_handled();
        for cause in CallCause::of(&call) {
            self.failures.succeeded(cause);
        }
        let changed = !outcome.effects.is_empty()
            || self.store.state().record.as_ref() != Some(&outcome.record);
        let fired = match &call {
            CurrentCall::Timer(name) => Some(name.clone()),
            _ => None,
        };
        let (answer, mut batch) = Batch::of(outcome, fired);
        match (call, answer) {
            (CurrentCall::Desired { version, call }, Answer::Acknowledgments(acknowledgments)) => {
                let batch = self.acknowledge_desired(version, &call, Ok(acknowledgments), batch);
                self.commit_call(batch);
            }
            (CurrentCall::Command(command), Answer::Reply(reply)) => {
                let after = if changed { self.commit_call(batch) } else { 0 };
                self.reply(&command, reply, after);
            }
            (CurrentCall::Message(message), _) => {
                self.settle_message(&message, &mut batch);
                let after = self.commit_call(batch);
                self.acknowledge(&message, after);
            }
            _ => {
                self.commit_call(batch);
            }
        }
    }

    /// Adds to a batch what follows from a handled message. On probation the message is kept: a rollback undoes its call.
    fn settle_message(&self, message: &PendingMessage, batch: &mut Batch) {
        let keep = self.store.state().versions.is_on_probation();
        let content = || MessageChange::Keep(message.content.clone());
        match message.origin {
            MessageOrigin::Hub { .. } => batch.messages.extend(keep.then(content)),
            MessageOrigin::DeadLetter(id) => {
                batch.dead_letters.push(DeadLetterChange::Remove(id));
                batch.messages.extend(keep.then(content));
            }
            MessageOrigin::Kept(id) => batch.messages.push(MessageChange::Handled(id)),
        }
    }

    /// Adds the acknowledgment of desired properties to a batch.
    fn acknowledge_desired(
        &mut self,
        version: u64,
        call: &DesiredCall,
        answer: Result<Vec<Acknowledgment>, String>,
        mut batch: Batch,
    ) -> Batch {
        let handled = match &answer {
            Ok(acknowledgments) => acknowledgments.iter().map(HandledProperty::from).collect(),
            Err(reason) => {
                let names = call.properties.keys();
                let failed = |name| HandledProperty {
                    name,
                    status: 500,
                    description: reason,
                };
                names.map(|name| failed(name)).collect()
            }
        };
        (self.observer)(DeviceEvent::Desired(handled));
        let mut twin = self.store.state().twin.clone();
        let report = twin.settle(version, call, answer);
        self.stage_answers(report, &mut batch);
        batch.twin = Some(twin);
        batch
    }

    /// Adds the report that answers desired properties to a batch.
    pub(super) fn stage_answers(&self, report: AnswerReport, batch: &mut Batch) {
        if report.without_value + report.left_out > 0 {
            tracing::warn!(
                device = &*self.name,
                without_value = report.without_value,
                left_out = report.left_out,
                "acknowledgments shortened: the reported properties would exceed 32 KB, the limit of IoT Hub"
            );
        }
        let patches = report.patches.into_iter().map(Outgoing::Report);
        batch.outgoing.extend(patches);
    }

    /// Answers the event of a failed call.
    fn answer_failed(&mut self, call: CurrentCall, failure: &CallFailure) {
        match call {
            CurrentCall::Timer(name) => {
                let timers = vec![TimerChange::Failed(name)];
                self.commit(Batch {
                    timers,
                    ..Batch::default()
                });
            }
            CurrentCall::Desired { version, call } => {
                let answer = Err(failure.to_string());
                let batch = self.acknowledge_desired(version, &call, answer, Batch::default());
                self.commit(batch);
            }
            CurrentCall::Command(command) => {
                self.reply(&command, Reply::error(500, &failure.to_string()), 0)
            }
            CurrentCall::Message(message) => self.message_failed(message, failure),
        }
    }

    /// Returns true if a message is still to be handled here: the hub redelivers those of an earlier connection.
    pub(super) fn is_current(&mut self, message: &PendingMessage) -> bool {
        match message.origin {
            MessageOrigin::Hub { generation, .. } => {
                self.connection.session().is_some() && generation == self.connection.generation
            }
            MessageOrigin::DeadLetter(_) | MessageOrigin::Kept(_) => true,
        }
    }

    fn message_failed(&mut self, mut message: PendingMessage, failure: &CallFailure) {
        if let MessageOrigin::DeadLetter(id) = message.origin {
            tracing::error!(
                device = &*self.name,
                id,
                "message failed again; it stays a dead letter"
            );
            return;
        }
        if !self.is_current(&message) {
            return;
        }
        match MESSAGE_RETRY_DELAYS.get(message.failures as usize) {
            Some(delay) => {
                message.failures += 1;
                let at = self.clock.monotonic() + *delay;
                self.inbox.requeue_message(message, at);
            }
            None => self.dead_letter_message(&message, failure),
        }
    }
}
