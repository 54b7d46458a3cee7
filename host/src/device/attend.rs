//! What waits for the behaviour, and how it is handed over: one thing at a time, commands and desired properties in the
//! order in which they came, taking turns with timers and messages.

use std::time::Duration;

use serde::de::IgnoredAny;

use super::{
    Device, InHand,
    behaviour::{Behaviour, Event, Reply},
    inbox::{COMMAND_LIFE, Command, Waiting},
};
use crate::{
    hub::twin::Patch,
    mqtt::Transport,
    store::{batch::Batch, outbox::Outgoing},
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Hands the behaviour the next thing that waits, if it is free.
    pub(super) fn attend(&mut self) {
        if self.attend_candidate() {
            return;
        }
        let now = self.clock.monotonic();
        while self.supervisor.is_idle() || self.supervisor.down().is_some() {
            if self.supervisor.is_idle() && self.timer_next && self.attend_timer(now) {
                return;
            }
            self.timer_next = true;
            match self.inbox.next(now) {
                Some(waiting) if self.supervisor.is_idle() => self.attend_to(waiting, now),
                Some(waiting) => {
                    let is_message = matches!(waiting, Waiting::Message(_));
                    self.decline(waiting, now);
                    if is_message {
                        // It is the first again, and may be due.
                        return;
                    }
                }
                None if self.supervisor.is_idle() && self.attend_timer(now) => return,
                None => return,
            }
        }
    }

    fn attend_timer(&mut self, now: Duration) -> bool {
        self.timer_next = false;
        let Some(name) = self.store.saved().timers.due(now).map(str::to_owned) else {
            return false;
        };
        self.call(InHand::Timer(name.clone()), Event::Timer(name));
        true
    }

    fn attend_to(&mut self, waiting: Waiting, now: Duration) {
        match waiting {
            Waiting::Document { body, pushed } => self.document(&body, pushed),
            Waiting::Patch { version, body } => self.patch(version, &body),
            Waiting::Desired { version, call } => {
                let event = Event::Desired {
                    component: call.component.clone(),
                    properties: call.properties.clone(),
                };
                self.call(InHand::Desired { version, call }, event);
            }
            Waiting::Command(command) => self.command(command, now),
            Waiting::Message(message) if self.takes_messages => {
                let event = Event::Message {
                    body: message.body.to_vec(),
                    properties: message.properties.clone(),
                };
                self.call(InHand::Message(message), event);
            }
            Waiting::Message(message) => {
                // The hub remembers the subscription of an earlier component.
                tracing::warn!(
                    device = &*self.name,
                    "a message came that the component does not take; dropped"
                );
                self.acknowledge(&message, 0);
            }
        }
    }

    fn call(&mut self, about: InHand, event: Event) {
        self.in_hand = Some(about);
        self.store.outbox().measure_room();
        self.supervisor.call(event);
    }

    /// What happens to things that come while the component is left alone. Desired properties are asked for again when
    /// it runs, messages wait.
    fn decline(&mut self, waiting: Waiting, now: Duration) {
        match waiting {
            Waiting::Command(command) => {
                let reply = Reply::because(503, self.supervisor.down().unwrap_or_default());
                self.reply(&command, reply, 0);
            }
            Waiting::Message(message) => {
                let again = self.supervisor.next_try().unwrap_or(now);
                self.inbox.message_again(message, again);
            }
            Waiting::Document { .. } | Waiting::Patch { .. } | Waiting::Desired { .. } => {
                self.twin_missed = true;
            }
        }
    }

    /// Applies the whole twin. One that is older than a change the hub has pushed before it is asked for again, once: what has
    /// changed since would be taken back.
    fn document(&mut self, body: &[u8], pushed: Option<u64>) {
        let mut twin = self.store.saved().twin.clone();
        match twin.document(body) {
            Ok(changes) if pushed.is_some_and(|pushed| changes.version < pushed) => {
                tracing::debug!(
                    device = &*self.name,
                    version = changes.version,
                    pushed,
                    "a change has overtaken the twin; asking again"
                );
                self.ask_twin();
            }
            Ok(changes) => {
                let outgoing = changes.repeated.into_iter().map(Outgoing::Report).collect();
                self.commit(Batch {
                    outgoing,
                    twin: Some(twin),
                    ..Batch::default()
                });
                self.inbox.desired(changes.version, changes.calls);
            }
            Err(error) => {
                tracing::error!(device = &*self.name, %error, "the hub sent a twin that cannot be read; ignored");
            }
        }
    }

    fn patch(&mut self, version: u64, body: &[u8]) {
        match self.store.saved().twin.patch(version, body) {
            Ok(Patch::Apply(changes)) => self.inbox.desired(changes.version, changes.calls),
            Ok(Patch::Stale) => tracing::debug!(
                device = &*self.name,
                version,
                "desired properties seen before"
            ),
            Ok(Patch::Gap) => self.ask_twin(),
            Err(error) => {
                tracing::error!(
                    device = &*self.name, version, %error,
                    "the hub sent desired properties that cannot be read; ignored"
                );
            }
        }
    }

    fn command(&mut self, command: Command, now: Duration) {
        if now.saturating_sub(command.came) > COMMAND_LIFE {
            tracing::warn!(
                device = &*self.name,
                "a command waited too long and was not run"
            );
            return;
        }
        let payload = match std::str::from_utf8(&command.payload) {
            Ok("") => None,
            Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Some(text.to_owned()),
            _ => {
                tracing::warn!(
                    device = &*self.name,
                    "a command whose payload is not JSON was refused"
                );
                self.reply(&command, Reply::because(400, "the payload is not JSON"), 0);
                return;
            }
        };
        let (component, name) = match command.name.split_once('*') {
            Some((component, name)) => (Some(component.to_owned()), name.to_owned()),
            None => (None, command.name.clone()),
        };
        tracing::debug!(
            device = &*self.name,
            command = name,
            "handing a command over"
        );
        self.call(
            InHand::Command(command),
            Event::Command {
                component,
                name,
                payload,
            },
        );
    }
}
