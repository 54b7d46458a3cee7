//! Dispatches what waits to the behaviour, one event at a time: commands and desired properties in order of receipt, taking
//! turns with timers and messages.

use std::time::Duration;

use serde::de::IgnoredAny;

use super::{
    CurrentCall, Device,
    failures::CallCause,
    inbox::{COMMAND_TIMEOUT, InboxItem, PendingCommand},
};
use crate::{
    contract::behaviour::{Behaviour, Event},
    hub::{
        reply::Reply,
        twin::{DesiredCall, Patch},
    },
    mqtt::Transport,
    store::{batch::Batch, outbox::Outgoing},
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Dispatches the next event if the behaviour is idle.
    pub(super) fn dispatch(&mut self) {
        if self.start_pending_swap() {
            return;
        }
        let now = self.clock.monotonic();
        while self.supervisor.is_idle() || self.supervisor.suspended().is_some() {
            if self.supervisor.is_idle() && self.timer_next && self.dispatch_timer(now) {
                return;
            }
            self.timer_next = true;
            match self.inbox.pop(now, self.holds_messages()) {
                Some(item) if self.supervisor.is_idle() => self.handle(item, now),
                Some(item) => {
                    let is_message = matches!(item, InboxItem::Message(_));
                    self.reject(item, now);
                    if is_message {
                        // It is the first again, and may be due.
                        return;
                    }
                }
                None if self.supervisor.is_idle() && self.dispatch_timer(now) => return,
                None => return,
            }
        }
    }

    fn dispatch_timer(&mut self, now: Duration) -> bool {
        self.timer_next = false;
        let timers = &self.store.state().timers;
        let due = timers.due_of(now, |name| !self.failures.is_timer_suspended(name));
        let Some(name) = due.map(str::to_owned) else {
            return false;
        };
        let (admitted, exceeded) = self.rate_limits.admit_timer(now);
        for limit in exceeded {
            tracing::warn!(
                device = &*self.name,
                limit,
                timer = name,
                "rate limit exceeded: timers wait; set a longer period, or raise it with --limit"
            );
        }
        if !admitted {
            return false;
        }
        self.start_call(CurrentCall::Timer(name.clone()), Event::Timer(name));
        true
    }

    fn handle(&mut self, item: InboxItem, now: Duration) {
        match item {
            InboxItem::Document { body, pushed } => self.handle_document(&body, pushed),
            InboxItem::Patch { version, body } => self.handle_patch(version, &body),
            InboxItem::Desired { version, call } => self.handle_desired(version, call),
            InboxItem::Command(command) => self.handle_command(command, now),
            InboxItem::Message(message) if self.takes_messages => {
                let event = Event::Message {
                    body: message.content.body.to_vec(),
                    properties: message.content.properties.clone(),
                };
                self.start_call(CurrentCall::Message(message), event);
            }
            InboxItem::Message(message) => self.message_not_accepted(&message),
        }
    }

    /// Returns true if the messages of the hub wait: so many are kept for a rollback that the version on probation gets no
    /// further ones.
    pub(super) fn holds_messages(&self) -> bool {
        self.store.state().versions.is_on_probation()
            && self.store.messages().is_full(self.swap.needs_events())
    }

    fn start_call(&mut self, call: CurrentCall, event: Event) {
        self.current_call = Some(call);
        self.store.outbox().update_quota();
        self.supervisor.call(event);
    }

    /// Rejects an item while the component is suspended: commands get 503, messages wait, and desired properties are
    /// requested again once it runs.
    fn reject(&mut self, item: InboxItem, now: Duration) {
        match item {
            InboxItem::Command(command) => {
                let reason = self.supervisor.suspended().unwrap_or_default();
                let reply = Reply::error(503, reason);
                self.reply(&command, reply, 0);
            }
            InboxItem::Message(message) => {
                let at = self.supervisor.resume_at().unwrap_or(now);
                self.inbox.requeue_message(message, at);
            }
            InboxItem::Document { .. } | InboxItem::Patch { .. } | InboxItem::Desired { .. } => {
                self.twin_stale = true;
            }
        }
    }

    /// Applies the whole twin. A twin older than a change the hub has pushed before it would undo that change, and is
    /// requested again, once.
    fn handle_document(&mut self, body: &[u8], pushed: Option<u64>) {
        let mut twin = self.store.state().twin.clone();
        match twin.document(body) {
            Ok(changes) if pushed.is_some_and(|pushed| changes.version < pushed) => {
                tracing::debug!(
                    device = &*self.name,
                    version = changes.version,
                    pushed,
                    "twin is older than a change received before; requesting it again"
                );
                self.request_twin();
            }
            Ok(changes) => {
                let outgoing = changes.repeated.into_iter().map(Outgoing::Report).collect();
                self.commit(Batch {
                    outgoing,
                    twin: Some(twin),
                    ..Batch::default()
                });
                self.inbox.push_desired(changes.version, changes.calls);
            }
            Err(error) => {
                tracing::error!(device = &*self.name, %error, "twin ignored: malformed");
            }
        }
    }

    fn handle_patch(&mut self, version: u64, body: &[u8]) {
        match self.store.state().twin.patch(version, body) {
            Ok(Patch::Apply(changes)) if changes.calls.is_empty() => {
                let twin = self.store.state().twin.at_version(version);
                self.commit(Batch {
                    twin: Some(twin),
                    ..Batch::default()
                });
            }
            Ok(Patch::Apply(changes)) => self.inbox.push_desired(changes.version, changes.calls),
            Ok(Patch::Stale) => tracing::debug!(
                device = &*self.name,
                version,
                "desired properties ignored: version already handled"
            ),
            Ok(Patch::Gap) => self.request_twin(),
            Err(error) => {
                tracing::error!(
                    device = &*self.name, version, %error,
                    "desired properties ignored: malformed"
                );
            }
        }
    }

    /// Calls the component with desired properties; those that are suspended are answered with 503.
    fn handle_desired(&mut self, version: u64, mut call: DesiredCall) {
        let component = call.component.clone();
        let reason = |name: &str| {
            let cause = CallCause::Property(component.clone(), name.to_owned());
            self.failures.suspended(&cause).map(suspended)
        };
        let deferred = call.defer(reason);
        if !deferred.is_empty() {
            let mut twin = self.store.state().twin.clone();
            let report = twin.defer(version, &call, deferred);
            let mut batch = Batch {
                twin: Some(twin),
                ..Batch::default()
            };
            self.stage_answers(report, &mut batch);
            self.commit(batch);
        }
        if call.properties.is_empty() {
            return;
        }
        let event = Event::Desired {
            component: call.component.clone(),
            properties: call.properties.clone(),
        };
        self.start_call(CurrentCall::Desired { version, call }, event);
    }

    fn handle_command(&mut self, command: PendingCommand, now: Duration) {
        if now.saturating_sub(command.received_at) > COMMAND_TIMEOUT {
            tracing::warn!(
                device = &*self.name,
                "command dropped: its caller has timed out"
            );
            return;
        }
        let cause = CallCause::Command(command.name.clone());
        if let Some(reason) = self.failures.suspended(&cause) {
            let reply = Reply::error(503, &suspended(reason));
            self.reply(&command, reply, 0);
            return;
        }
        let payload = match std::str::from_utf8(&command.payload) {
            Ok("") => None,
            Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => Some(text.to_owned()),
            _ => {
                tracing::warn!(
                    device = &*self.name,
                    "command rejected: payload is not JSON"
                );
                self.reply(&command, Reply::error(400, "the payload is not JSON"), 0);
                return;
            }
        };
        let (component, name) = match command.name.split_once('*') {
            Some((component, name)) => (Some(component.to_owned()), name.to_owned()),
            None => (None, command.name.clone()),
        };
        tracing::debug!(device = &*self.name, command = name, "dispatching command");
        self.start_call(
            CurrentCall::Command(command),
            Event::Command {
                component,
                name,
                payload,
            },
        );
    }
}

/// Words the answer for a suspended cause, which has failed for this reason.
fn suspended(reason: &str) -> String {
    format!("suspended after repeated failures: {reason}")
}
