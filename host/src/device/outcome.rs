//! What comes of a call: one batch, and an answer that leaves with it.

use std::time::Duration;

use serde_json::Map;

use super::{
    Device, DeviceError, InHand, Milestone,
    behaviour::{Answer, Behaviour, Failure, Outcome, Reply},
    inbox::Message,
    supervisor::Call,
    turnover::After,
};
use crate::{
    hub::twin::{Acknowledgment, DesiredCall},
    mqtt::Transport,
    store::{
        batch::{AsideChange, Batch, TimerChange},
        outbox::Outgoing,
    },
    swap::{About, Entry, Source, Step},
};

/// Pauses before a message whose call failed is tried again; after the last it is set aside.
const MESSAGE_PAUSES: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(8),
    Duration::from_secs(18),
];

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    pub(super) fn finished(
        &mut self,
        call: Call,
        result: Result<Outcome, Failure>,
    ) -> Result<(), DeviceError> {
        let about = self.in_hand.take();
        // For a new instance, if one begins.
        self.store.outbox().measure_room();
        match (call, result.and_then(|outcome| self.within_limits(outcome))) {
            (Call::Candidate, Ok(outcome)) => self.candidate_began(outcome),
            (Call::Candidate, Err(failure)) => self.candidate_failed(&failure),
            (Call::Start, Ok(outcome)) => self.begun(outcome),
            (Call::Start, Err(failure)) if !self.started => {
                self.first_failed(&failure);
                return Err(DeviceError::Component(failure));
            }
            (Call::Event, Ok(outcome)) => {
                if let Some(about) = about {
                    self.succeeded(about, outcome);
                }
            }
            (Call::Start | Call::Event, Err(failure)) => self.call_failed(call, about, &failure),
        }
        if call == Call::Start {
            (self.observer)(Milestone::Started);
        }
        Ok(())
    }

    /// A component that never ran does not start, which ends the device. The error says why, and the history too.
    fn first_failed(&mut self, failure: &Failure) {
        let entry = Entry::new(self.clock.now(), Step::Refused, Source::Start);
        let about = About::of(self.supervisor.behaviour());
        let reason = format!("it does not begin: {}", failure.reason());
        self.commit(Batch {
            steps: vec![entry.of(about).because(reason)],
            ..Batch::default()
        });
    }

    /// Nothing of a call stands: an earlier version takes over, or a new instance goes on, or the component is left alone.
    fn call_failed(&mut self, call: Call, mut about: Option<InHand>, failure: &Failure) {
        tracing::error!(device = &*self.name, %failure, "nothing of the call stands");
        match self.after(call, &mut about, failure) {
            After::Withdrawn => return,
            After::LeaveAlone => {
                let now = self.clock.monotonic();
                self.supervisor.leave_alone(failure, now);
            }
            After::Recover => {
                let record = self.store.saved().record.clone();
                self.supervisor.recover(record);
            }
        }
        if let Some(about) = about {
            self.failed(about, failure);
        }
    }

    fn within_limits(&self, outcome: Outcome) -> Result<Outcome, Failure> {
        let timers = &self.store.saved().timers;
        timers.admit(outcome, self.limits.timers)
    }

    /// An instance has begun.
    fn begun(&mut self, outcome: Outcome) {
        self.started = true;
        let (_, mut batch) = outcome.into_batch(None);
        if self.store.saved().versions.running.is_none() {
            let mut versions = self.store.saved().versions.clone();
            versions.first(About::of(self.supervisor.behaviour()), self.clock.now());
            batch.versions = Some(versions);
        }
        self.commit_call(batch);
        if std::mem::take(&mut self.twin_missed) {
            self.ask_twin();
        }
    }

    fn succeeded(&mut self, about: InHand, outcome: Outcome) {
        self.turnover.handled();
        let changed = !outcome.effects.is_empty()
            || self.store.saved().record.as_ref() != Some(&outcome.record);
        let fired = match &about {
            InHand::Timer(name) => Some(name.clone()),
            _ => None,
        };
        let (answer, mut batch) = outcome.into_batch(fired);
        match (about, answer) {
            (InHand::Desired { version, call }, Answer::Acknowledgments(acknowledgments)) => {
                let batch = self.settle(version, &call, Ok(acknowledgments), batch);
                self.commit_call(batch);
            }
            (InHand::Command(command), Answer::Reply(reply)) => {
                let after = if changed { self.commit_call(batch) } else { 0 };
                self.reply(&command, reply, after);
            }
            (InHand::Message(message), _) => {
                batch.aside.extend(message.aside.map(AsideChange::Gone));
                let after = self.commit_call(batch);
                self.acknowledge(&message, after);
            }
            _ => {
                self.commit_call(batch);
            }
        }
    }

    /// Answers desired properties and moves the twin on, with what else is in the batch.
    fn settle(
        &mut self,
        version: u64,
        call: &DesiredCall,
        answer: Result<Vec<Acknowledgment>, String>,
        mut batch: Batch,
    ) -> Batch {
        let statuses = match &answer {
            Ok(acknowledgments) => acknowledgments
                .iter()
                .map(|ack| (ack.property.clone(), ack.status))
                .collect(),
            Err(_) => call
                .properties
                .keys()
                .map(|name| (name.clone(), 500))
                .collect(),
        };
        let mut twin = self.store.saved().twin.clone();
        let report: Map<_, _> = twin.settle(version, call, answer);
        if !report.is_empty() {
            batch.outgoing.push(Outgoing::Report(report));
        }
        batch.twin = Some(twin);
        (self.observer)(Milestone::Desired(statuses));
        batch
    }

    fn failed(&mut self, about: InHand, failure: &Failure) {
        match about {
            InHand::Timer(name) => {
                let timers = vec![TimerChange::Failed(name)];
                self.commit(Batch {
                    timers,
                    ..Batch::default()
                });
            }
            InHand::Desired { version, call } => {
                let answer = Err(failure.to_string());
                let batch = self.settle(version, &call, answer, Batch::default());
                self.commit(batch);
            }
            InHand::Command(command) => {
                self.reply(&command, Reply::because(500, &failure.to_string()), 0)
            }
            InHand::Message(message) => self.message_failed(message, failure),
        }
    }

    /// Whether a message belongs to the connection there is; the hub delivers others again.
    pub(super) fn is_current(&mut self, message: &Message) -> bool {
        self.connection.session().is_some() && message.epoch == self.connection.epoch
    }

    fn message_failed(&mut self, mut message: Message, failure: &Failure) {
        if let Some(id) = message.aside {
            tracing::error!(
                device = &*self.name,
                id,
                "the message has failed again and stays set aside"
            );
            return;
        }
        if !self.is_current(&message) {
            return;
        }
        match MESSAGE_PAUSES.get(message.failures as usize) {
            Some(pause) => {
                message.failures += 1;
                self.inbox
                    .message_again(message, self.clock.monotonic() + *pause);
            }
            None => self.set_message_aside(&message, failure),
        }
    }
}
