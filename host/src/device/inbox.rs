//! What waits for the behaviour's attention.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;

use crate::{hub::twin::DesiredCall, mqtt::Receipt};

/// Commands at a time; a further one is told to come again.
const MAX_COMMANDS: usize = 64;
/// Changes of desired properties at a time; with more, the whole twin is asked for instead.
const MAX_PATCHES: usize = 256;
/// Cloud-to-device messages at a time. IoT Hub delivers no more than it has unacknowledged; the rest comes again.
const MAX_MESSAGES: usize = 64;
/// A command older than this is not run: its caller has stopped waiting.
pub(super) const COMMAND_LIFE: Duration = Duration::from_secs(30);

/// One thing that waits.
#[derive(Debug, PartialEq)]
pub(super) enum Waiting {
    /// The whole twin has come, after changes up to this version, if any, had come on this connection.
    Document { body: Bytes, pushed: Option<u64> },
    /// A change of desired properties has come.
    Patch { version: u64, body: Bytes },
    /// Desired properties of one Plug and Play component are to be applied.
    Desired { version: u64, call: DesiredCall },
    /// A command has come.
    Command(Command),
    /// A cloud-to-device message has come.
    Message(Message),
}

/// A command, with the connection its answer belongs to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Command {
    pub(super) epoch: u64,
    pub(super) request: String,
    pub(super) came: Duration,
    pub(super) name: String,
    pub(super) payload: Bytes,
}

/// A cloud-to-device message, with the connection its acknowledgment belongs to; or one that was set aside and is tried
/// once more, which belongs to none.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) epoch: u64,
    pub(super) receipt: Option<Receipt>,
    /// Its id among what is set aside.
    pub(super) aside: Option<u64>,
    pub(super) came: Duration,
    /// Failed calls so far.
    pub(super) failures: u32,
    pub(super) properties: Vec<(String, String)>,
    pub(super) body: Bytes,
}

/// Everything that waits, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: VecDeque<Waiting>,
    /// Messages in order of receipt; those behind one that failed wait for it.
    messages: VecDeque<Message>,
    /// When the first message is tried again.
    messages_after: Duration,
    /// Whose turn it is when both have something.
    messages_next: bool,
    /// The highest version of a change of desired properties since the last whole twin on this connection.
    pushed: Option<u64>,
}

impl Inbox {
    /// Takes a command, or gives it back if there are too many.
    pub(super) fn command(&mut self, command: Command) -> Result<(), Command> {
        let commands = self
            .waiting
            .iter()
            .filter(|waiting| matches!(waiting, Waiting::Command(_)))
            .count();
        if commands >= MAX_COMMANDS {
            return Err(command);
        }
        self.waiting.push_back(Waiting::Command(command));
        Ok(())
    }

    /// Puts a command back that was not answered, before everything else.
    pub(super) fn command_again(&mut self, command: Command) {
        self.waiting.push_front(Waiting::Command(command));
    }

    /// Takes a change of desired properties; false if there are too many.
    pub(super) fn patch(&mut self, version: u64, body: Bytes) -> bool {
        self.pushed = self.pushed.max(Some(version));
        let patches = self
            .waiting
            .iter()
            .filter(|waiting| matches!(waiting, Waiting::Patch { .. }))
            .count();
        if patches >= MAX_PATCHES {
            return false;
        }
        self.waiting.push_back(Waiting::Patch { version, body });
        true
    }

    /// Takes the whole twin; what waited of it before is in it, unless it is older than a change that has overtaken it.
    pub(super) fn document(&mut self, body: Bytes) {
        self.forget_twin();
        let pushed = self.pushed.take();
        self.waiting.push_back(Waiting::Document { body, pushed });
    }

    /// Drops what waits of the twin.
    pub(super) fn forget_twin(&mut self) {
        self.waiting
            .retain(|waiting| matches!(waiting, Waiting::Command(_)));
    }

    /// Takes the calls a change of the twin comes to; they go before everything else, in this order.
    pub(super) fn desired(&mut self, version: u64, calls: Vec<DesiredCall>) {
        for call in calls.into_iter().rev() {
            self.waiting.push_front(Waiting::Desired { version, call });
        }
    }

    /// Takes a cloud-to-device message; one too many is left to be delivered again.
    pub(super) fn message(&mut self, message: Message) {
        let from_hub = self.messages.iter().filter(|it| it.aside.is_none());
        if from_hub.count() < MAX_MESSAGES {
            self.messages.push_back(message);
        }
    }

    /// Takes a message that is set aside, unless it waits already.
    pub(super) fn retry(&mut self, message: Message) {
        if self.messages.iter().all(|it| it.aside != message.aside) {
            self.messages.push_back(message);
        }
    }

    /// Drops a message that is set aside.
    pub(super) fn forget_retry(&mut self, id: u64) {
        self.messages.retain(|message| message.aside != Some(id));
    }

    /// Puts a message back to be tried again at this time, before the others.
    pub(super) fn message_again(&mut self, message: Message, at: Duration) {
        self.messages.push_front(message);
        self.messages_after = at;
    }

    /// A connection is gone: its messages will be delivered again.
    pub(super) fn disconnected(&mut self) {
        self.pushed = None;
        self.messages.retain(|message| message.aside.is_some());
        self.messages_after = Duration::ZERO;
    }

    /// Whether nothing waits that belongs to a connection.
    pub(super) fn is_quiet(&self) -> bool {
        let is_command = |waiting: &Waiting| matches!(waiting, Waiting::Command(_));
        let of_none = |message: &Message| message.aside.is_some();
        self.messages.iter().all(of_none) && !self.waiting.iter().any(is_command)
    }

    /// When a message becomes ready without anything else happening.
    pub(super) fn next_message(&self) -> Option<Duration> {
        self.messages.front().map(|_| self.messages_after)
    }

    /// The next thing to attend to.
    pub(super) fn next(&mut self, now: Duration) -> Option<Waiting> {
        let ready = !self.messages.is_empty() && self.messages_after <= now;
        if ready && (self.messages_next || self.waiting.is_empty()) {
            self.messages_next = false;
            return self.messages.pop_front().map(Waiting::Message);
        }
        self.messages_next = true;
        self.waiting.pop_front()
    }
}
