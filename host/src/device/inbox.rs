//! The inbox of events that wait for the behaviour.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;

use crate::{hub::twin::DesiredCall, mqtt::Receipt, store::dead_letter::CloudMessage};

/// Limit of waiting commands; the caller of a further one gets 429.
const MAX_COMMANDS: usize = 64;
/// Limit of waiting changes of desired properties; beyond it the whole twin is requested instead.
const MAX_PATCHES: usize = 256;
/// Limit of waiting cloud-to-device messages. IoT Hub redelivers the others, which stay unacknowledged.
const MAX_MESSAGES: usize = 64;
/// Age after which a command is dropped: its caller has stopped waiting.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// An item of the inbox.
#[derive(Debug, PartialEq)]
pub(super) enum InboxItem {
    /// The whole twin. `pushed` is the highest version of a change that came before it on this connection.
    Document { body: Bytes, pushed: Option<u64> },
    /// A change of desired properties.
    Patch { version: u64, body: Bytes },
    /// Desired properties of one Plug and Play component, to be applied.
    Desired { version: u64, call: DesiredCall },
    /// A command.
    Command(PendingCommand),
    /// A cloud-to-device message.
    Message(PendingMessage),
}

/// A command, with the connection its reply belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PendingCommand {
    pub(super) generation: u64,
    pub(super) request: String,
    pub(super) received_at: Duration,
    pub(super) name: String,
    pub(super) payload: Bytes,
}

/// A cloud-to-device message.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PendingMessage {
    pub(super) origin: MessageOrigin,
    /// Failed calls so far.
    pub(super) failures: u32,
    pub(super) content: CloudMessage,
}

/// The origin of a message, which decides what follows once it is handled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum MessageOrigin {
    /// The hub: it is acknowledged on the connection of this generation, or delivered again.
    Hub {
        generation: u64,
        receipt: Option<Receipt>,
    },
    /// The dead letter with this id, which an operator retries.
    DeadLetter(u64),
    /// The kept message with this id, which a rolled-back version had handled.
    Kept(u64),
}

impl PendingMessage {
    pub(super) fn new(origin: MessageOrigin, content: CloudMessage) -> Self {
        Self {
            origin,
            failures: 0,
            content,
        }
    }

    fn is_from_hub(&self) -> bool {
        matches!(self.origin, MessageOrigin::Hub { .. })
    }
}

/// The items that wait, in order of receipt.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    items: VecDeque<InboxItem>,
    /// Messages in order of receipt; those behind a failed one wait for it.
    messages: VecDeque<PendingMessage>,
    /// Time of the next attempt at the first message.
    messages_after: Duration,
    /// True if messages go first when both queues have something.
    messages_next: bool,
    /// The highest version of a change of desired properties since the last whole twin on this connection.
    pushed: Option<u64>,
}

impl Inbox {
    /// Adds a command.
    ///
    /// # Errors
    /// Too many commands wait; the command is given back.
    pub(super) fn push_command(&mut self, command: PendingCommand) -> Result<(), PendingCommand> {
        let commands = self
            .items
            .iter()
            .filter(|item| matches!(item, InboxItem::Command(_)))
            .count();
        if commands >= MAX_COMMANDS {
            return Err(command);
        }
        self.items.push_back(InboxItem::Command(command));
        Ok(())
    }

    /// Puts an unanswered command back, before everything else.
    pub(super) fn requeue_command(&mut self, command: PendingCommand) {
        self.items.push_front(InboxItem::Command(command));
    }

    /// Adds a change of desired properties. Returns false if too many wait.
    pub(super) fn push_patch(&mut self, version: u64, body: Bytes) -> bool {
        self.pushed = self.pushed.max(Some(version));
        let patches = self
            .items
            .iter()
            .filter(|item| matches!(item, InboxItem::Patch { .. }))
            .count();
        if patches >= MAX_PATCHES {
            return false;
        }
        self.items.push_back(InboxItem::Patch { version, body });
        true
    }

    /// Adds the whole twin in place of earlier twin items.
    pub(super) fn push_document(&mut self, body: Bytes) {
        self.drop_twin_items();
        let pushed = self.pushed.take();
        self.items.push_back(InboxItem::Document { body, pushed });
    }

    /// Drops all items but commands and messages.
    pub(super) fn drop_twin_items(&mut self) {
        self.items
            .retain(|item| matches!(item, InboxItem::Command(_)));
    }

    /// Adds the calls for a change of the twin, before everything else and in this order.
    pub(super) fn push_desired(&mut self, version: u64, calls: Vec<DesiredCall>) {
        for call in calls.into_iter().rev() {
            self.items.push_front(InboxItem::Desired { version, call });
        }
    }

    /// Adds a cloud-to-device message. Beyond the limit it is dropped, and redelivered by the hub.
    pub(super) fn push_message(&mut self, message: PendingMessage) {
        let from_hub = self.messages.iter().filter(|it| it.is_from_hub());
        if from_hub.count() < MAX_MESSAGES {
            self.messages.push_back(message);
        }
    }

    /// Adds a dead letter to be retried, unless it waits already.
    pub(super) fn push_retry(&mut self, message: PendingMessage) {
        if self.messages.iter().all(|it| it.origin != message.origin) {
            self.messages.push_back(message);
        }
    }

    /// Removes a dead letter that was to be retried.
    pub(super) fn remove_retry(&mut self, id: u64) {
        let origin = MessageOrigin::DeadLetter(id);
        self.messages.retain(|message| message.origin != origin);
    }

    /// Replaces the kept messages, which go before those of the hub: they were received earlier.
    pub(super) fn set_kept(&mut self, messages: impl Iterator<Item = (u64, CloudMessage)>) {
        let is_kept = |it: &PendingMessage| matches!(it.origin, MessageOrigin::Kept(_));
        self.messages.retain(|message| !is_kept(message));
        let kept: Vec<_> = messages
            .map(|(id, content)| PendingMessage::new(MessageOrigin::Kept(id), content))
            .collect();
        if !kept.is_empty() {
            self.messages_after = Duration::ZERO;
        }
        for message in kept.into_iter().rev() {
            self.messages.push_front(message);
        }
    }

    /// Puts a message back for an attempt at this time, before the others.
    pub(super) fn requeue_message(&mut self, message: PendingMessage, at: Duration) {
        self.messages.push_front(message);
        self.messages_after = at;
    }

    /// Lets the first message be tried at once.
    pub(super) fn retry_messages(&mut self) {
        self.messages_after = Duration::ZERO;
    }

    /// Drops the messages of a closed connection, which the hub delivers again.
    pub(super) fn disconnected(&mut self) {
        self.pushed = None;
        if self
            .messages
            .front()
            .is_some_and(PendingMessage::is_from_hub)
        {
            self.messages_after = Duration::ZERO;
        }
        self.messages.retain(|message| !message.is_from_hub());
    }

    /// Returns true if no item belongs to a connection.
    pub(super) fn is_quiet(&self) -> bool {
        let is_command = |item: &InboxItem| matches!(item, InboxItem::Command(_));
        let from_hub = self.messages.iter().any(PendingMessage::is_from_hub);
        !from_hub && !self.items.iter().any(is_command)
    }

    /// Returns the time of the next attempt at a message. With `hold`, messages of the hub wait for no time.
    pub(super) fn next_message_at(&self, hold: bool) -> Option<Duration> {
        let first = self.messages.front();
        let first = first.filter(|message| !hold || !message.is_from_hub());
        first.map(|_| self.messages_after)
    }

    /// Removes and returns the next item. With `hold`, messages of the hub stay.
    pub(super) fn pop(&mut self, now: Duration, hold: bool) -> Option<InboxItem> {
        let ready = self.next_message_at(hold).is_some_and(|at| at <= now);
        if ready && (self.messages_next || self.items.is_empty()) {
            self.messages_next = false;
            return self.messages.pop_front().map(InboxItem::Message);
        }
        self.messages_next = true;
        self.items.pop_front()
    }
}
