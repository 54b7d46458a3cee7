//! Dead-letters messages and reports that cannot be delivered, and retries or discards them on request.

use super::{
    CurrentCall, Device,
    inbox::{MessageOrigin, PendingMessage},
};
use crate::{
    contract::behaviour::{Behaviour, CallFailure},
    hub::poison::PoisonEvent,
    mqtt::Transport,
    program,
    store::{
        batch::{Batch, DeadLetterChange, MessageChange},
        dead_letter::{DeadLetterAction, DeadLetterResult, Undelivered},
    },
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Dead-letters the poison message an acknowledgment has revealed, if any.
    pub(super) fn dead_letter_poison(&mut self) {
        if let Some(id) = self.store.outbox().poison() {
            let reason =
                "the hub closed the connection on each attempt, and acknowledged the next message";
            self.dead_letter(DeadLetterChange::Outgoing(id, reason.to_owned()));
        }
    }

    /// Dead-letters a report the hub has rejected for good.
    pub(super) fn dead_letter_report(&mut self, id: u64, status: u16) {
        let reason = format!("the hub rejected it with status {status}");
        self.dead_letter(DeadLetterChange::Outgoing(id, reason));
    }

    /// Dead-letters a message on which the component has failed too often, and acknowledges it once that is safe.
    pub(super) fn dead_letter_message(&mut self, message: &PendingMessage, failure: &CallFailure) {
        self.give_up_message(
            message,
            format!("the component failed on each attempt: {failure}"),
        );
    }

    /// Dead-letters a message, and acknowledges it once that is safe.
    fn give_up_message(&mut self, message: &PendingMessage, reason: String) {
        let change = match message.origin {
            MessageOrigin::Kept(id) => DeadLetterChange::Kept(id, reason),
            _ => DeadLetterChange::Message(message.content.clone(), reason),
        };
        let number = self.dead_letter(change);
        self.acknowledge(message, number);
    }

    /// Drops a message that the running component does not accept: the hub remembers the subscription of an earlier one. On
    /// probation it is kept for the version that a rollback goes back to. A message that an earlier version had accepted
    /// becomes a dead letter, or stays one.
    pub(super) fn message_not_accepted(&mut self, message: &PendingMessage) {
        const REASON: &str = "the component does not accept messages";
        let on_probation = self.store.state().versions.is_on_probation();
        match message.origin {
            MessageOrigin::DeadLetter(id) => {
                tracing::error!(
                    device = &*self.name,
                    id,
                    "message stays a dead letter: {REASON}"
                );
            }
            MessageOrigin::Kept(id) if on_probation => {
                let messages = vec![MessageChange::Handled(id)];
                self.commit(Batch {
                    messages,
                    ..Batch::default()
                });
            }
            MessageOrigin::Kept(_) => self.give_up_message(message, REASON.to_owned()),
            MessageOrigin::Hub { .. } if on_probation => {
                let messages = vec![MessageChange::Keep(message.content.clone())];
                let number = self.commit(Batch {
                    messages,
                    ..Batch::default()
                });
                self.acknowledge(message, number);
            }
            MessageOrigin::Hub { .. } => {
                tracing::warn!(
                    device = &*self.name,
                    "cloud-to-device message dropped: {REASON}"
                );
                self.acknowledge(message, 0);
            }
        }
    }

    /// Commits a dead letter and returns the number of its batch.
    fn dead_letter(&mut self, change: DeadLetterChange) -> u64 {
        let before = self.store.dead_letters().counts();
        let number = self.commit(Batch {
            dead_letters: vec![change],
            ..Batch::default()
        });
        let counts = self.store.dead_letters().counts();
        if let Some(entry) = self.store.dead_letters().get(counts.total) {
            tracing::error!(
                device = &*self.name,
                id = counts.total,
                reason = entry.reason,
                "{} dead-lettered; inspect or retry it with `{}`",
                entry.item.kind(),
                program::command("outbox")
            );
        }
        if counts.evicted > before.evicted {
            let total = counts.evicted;
            tracing::warn!(
                device = &*self.name,
                total,
                "dead letter evicted: limit reached"
            );
        }
        number
    }

    /// Retries or discards all dead letters, or the one with this id.
    ///
    /// # Errors
    /// No dead letter has this id, or the component does not accept messages. The text is for a person.
    pub(super) fn resolve_dead_letters(
        &mut self,
        action: DeadLetterAction,
        id: Option<u64>,
    ) -> Result<DeadLetterResult, String> {
        let ids: Vec<u64> = match id {
            Some(id) if self.store.dead_letters().get(id).is_none() => {
                return Err(format!(
                    "no dead letter has the id {id}; list them with `{}`",
                    program::command("outbox")
                ));
            }
            Some(id) => vec![id],
            None => {
                let entries = self.store.dead_letters().entries();
                entries.map(|(id, _)| id).collect()
            }
        };
        let (done, skipped): (Vec<_>, Vec<_>) = ids
            .into_iter()
            .partition(|id| action == DeadLetterAction::Discard || self.can_retry(*id));
        if id.is_some() && done.is_empty() {
            return Err("the running component does not accept messages".to_owned());
        }
        let mut batch = Batch::default();
        for id in &done {
            match action {
                DeadLetterAction::Retry => self.retry(*id, &mut batch),
                DeadLetterAction::Discard => {
                    self.inbox.remove_retry(*id);
                    batch.dead_letters.push(DeadLetterChange::Remove(*id));
                }
            }
        }
        if batch != Batch::default() {
            self.commit(batch);
        }
        Ok(DeadLetterResult { done, skipped })
    }

    fn can_retry(&self, id: u64) -> bool {
        let entry = self.store.dead_letters().get(id);
        let is_message = entry.is_some_and(|it| matches!(it.item, Undelivered::Message(_)));
        self.takes_messages || !is_message
    }

    /// Retries a dead letter. A message for the component stays one until its call succeeds, which is tried once.
    fn retry(&mut self, id: u64, batch: &mut Batch) {
        let entry = self.store.dead_letters().get(id);
        let Some(Undelivered::Message(content)) = entry.map(|entry| &entry.item) else {
            batch.dead_letters.push(DeadLetterChange::Requeue(id));
            return;
        };
        let is_this = |call: &CurrentCall| match call {
            CurrentCall::Message(message) => message.origin == MessageOrigin::DeadLetter(id),
            _ => false,
        };
        if !self.current_call.as_ref().is_some_and(is_this) {
            let origin = MessageOrigin::DeadLetter(id);
            let message = PendingMessage::new(origin, content.clone());
            self.inbox.push_retry(message);
        }
    }

    /// Requeues the messages in flight on a closed connection.
    pub(super) fn rewind(&mut self) {
        let by_server = std::mem::take(&mut self.connection.closed_by_server);
        let Some(event) = self.store.outbox().rewind(by_server) else {
            return;
        };
        let (id, says) = match event {
            PoisonEvent::Isolated(id) => (
                id,
                "suspected poison message: sending it alone after three closed connections",
            ),
            PoisonEvent::Skipped(id) => (
                id,
                "suspected poison message: skipping it until the next message is acknowledged",
            ),
            PoisonEvent::Cleared(id) => (id, "suspected poison message: not confirmed, requeued"),
        };
        tracing::warn!(device = &*self.name, id, "{says}");
    }
}
