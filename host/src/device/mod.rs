//! A device: the one loop that joins the hub, the behaviour and the store.

pub mod behaviour;
mod connection;
pub mod effect;
mod inbox;
mod outcome;
mod supervisor;
pub mod timers;

use std::{future::Future, sync::Arc, time::Duration};

use serde::de::IgnoredAny;
use tokio::select;

pub use self::connection::{Identity, Refusal};
use self::{
    behaviour::{Behaviour, Event, Failure, Reply, Surroundings},
    connection::{Connection, Progress},
    inbox::{COMMAND_LIFE, Command, Inbox, Message, Waiting},
    supervisor::Supervisor,
};
use crate::{
    clock::Clock,
    hub::{
        session::{HubEvent, telemetry_names},
        twin::{DesiredCall, Patch},
    },
    mqtt::{LinkError, Receipt, Transport},
    provision::dps::Assignment,
    store::{DeviceStore, batch::Batch, outbox::Outgoing},
};

/// What a device is made of.
pub struct Parts<B, T> {
    /// Its name in logs.
    pub name: Arc<str>,
    /// What it does.
    pub behaviour: B,
    /// The component's settings, in the order given.
    pub config: Arc<[(String, String)]>,
    /// Who it is.
    pub identity: Identity,
    /// How it reaches the network.
    pub transport: T,
    /// What it remembers.
    pub store: DeviceStore,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Seeds the component's randomness; none takes it from the operating system.
    pub seed: Option<u64>,
    /// Most timers it may have.
    pub max_timers: usize,
    /// Told of what a person would want to see.
    pub observer: Observer,
}

/// Told of milestones, in order.
pub type Observer = Arc<dyn Fn(Milestone) + Send + Sync>;

/// What a person who watches a device would want to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Milestone {
    /// DPS has named the hub.
    Assigned(Assignment),
    /// The hub has accepted the device.
    Connected(Assignment),
    /// The hub delivers commands and desired properties.
    Listening,
    /// A telemetry message has left, with the names of what it carries.
    Sending(Vec<String>),
    /// The hub has acknowledged a telemetry message.
    Sent,
    /// Desired properties were handled: names and statuses.
    Desired(Vec<(String, u32)>),
    /// A command was answered with this status.
    Command(String, u32),
}

/// Why a device ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The component did not start, and never had.
    #[error("the component does not start: {0}")]
    Component(Failure),
    /// DPS or the hub refuses an identity that has never worked.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// One device, until it is told to end.
pub struct Device<B: Behaviour, T: Transport> {
    name: Arc<str>,
    supervisor: Supervisor<B>,
    /// Whether the behaviour has ever started.
    started: bool,
    connection: Connection<T>,
    store: DeviceStore,
    clock: Arc<dyn Clock>,
    inbox: Inbox,
    /// What the call in hand is about.
    in_hand: Option<InHand>,
    /// Whether a due timer goes before what waits in the inbox.
    timer_next: bool,
    /// Answers that wait for their batch, with its number.
    departures: Vec<(u64, Departure)>,
    max_timers: usize,
    takes_messages: bool,
    observer: Observer,
}

/// What a call is about.
#[derive(Debug)]
enum InHand {
    Timer(String),
    Desired { version: u64, call: DesiredCall },
    Command(Command),
    Message(Message),
}

/// An answer, bound to the connection of this epoch.
enum Departure {
    Reply {
        epoch: u64,
        request: String,
        reply: Reply,
    },
    Acknowledgment {
        epoch: u64,
        receipt: Receipt,
    },
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Puts a device together; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(parts: Parts<B, T>) -> Self {
        let takes_messages = parts.behaviour.takes_messages();
        let model_id = parts.behaviour.description().model_id.clone();
        let surroundings = Surroundings {
            device: parts.name.clone(),
            clock: parts.clock.clone(),
            seed: parts.seed,
        };
        let record = parts.store.saved().record.clone();
        let connection = Connection::new(
            parts.transport,
            parts.identity,
            model_id,
            takes_messages,
            parts.clock.clone(),
        );
        Self {
            name: parts.name,
            supervisor: Supervisor::start(parts.behaviour, surroundings, parts.config, record),
            started: false,
            connection,
            store: parts.store,
            clock: parts.clock,
            inbox: Inbox::default(),
            in_hand: None,
            timer_next: false,
            departures: Vec::new(),
            max_timers: parts.max_timers,
            takes_messages,
            observer: parts.observer,
        }
    }

    /// Runs until `shutdown` ends, and then ends the connection cleanly. Ends by itself only at the very beginning: if
    /// the component does not start or the device is refused.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), DeviceError> {
        tokio::pin!(shutdown);
        loop {
            self.attend();
            self.depart();
            let wake = self.wake();
            select! {
                biased;
                () = &mut shutdown => break,
                progress = self.connection.next() => self.progress(progress?),
                (call, result) = self.supervisor.finished() => self.finished(call, result)?,
                () = self.store.accepting() => {}
                () = wake => self.on_deadline(),
            }
        }
        self.connection.end().await;
        Ok(())
    }

    /// Ends at the next deadline. Not while a call is in hand: it is short, and time must not pass it by.
    fn wake(&self) -> impl Future<Output = ()> + Send + use<B, T> {
        let timer = self
            .store
            .saved()
            .timers
            .next_due()
            .filter(|_| self.supervisor.down().is_none());
        let candidates = [
            self.connection.deadline(),
            self.supervisor.next_try(),
            self.inbox.next_message(),
            timer,
        ];
        let deadline = candidates
            .into_iter()
            .flatten()
            .min()
            .filter(|_| !self.supervisor.is_busy());
        let sleep = deadline.map(|deadline| self.clock.sleep_until(deadline));
        async move {
            match sleep {
                Some(sleep) => sleep.await,
                None => std::future::pending().await,
            }
        }
    }

    fn on_deadline(&mut self) {
        let now = self.clock.monotonic();
        self.connection.on_deadline();
        self.supervisor
            .try_again(now, self.store.saved().record.clone());
        if let Some(session) = self.connection.session()
            && let Err(error) = session.on_deadline(self.store.outbox(), now)
        {
            self.lost(&error);
        }
    }

    fn progress(&mut self, progress: Progress) {
        match progress {
            Progress::Assigned(assignment) => (self.observer)(Milestone::Assigned(assignment)),
            Progress::Connected(assignment) => {
                tracing::info!(device = &*self.name, hub = assignment.hub, "connected");
                self.twin_of(&assignment);
                (self.observer)(Milestone::Connected(assignment));
            }
            Progress::Lost => self.disconnected(),
            Progress::Incoming(incoming) => {
                let now = self.clock.monotonic();
                let Some(session) = self.connection.session() else {
                    return;
                };
                match session.take(incoming, self.store.outbox(), now) {
                    Ok(Some(event)) => self.hub_event(event, now),
                    Ok(None) => {}
                    Err(error) => self.lost(&error),
                }
            }
        }
    }

    fn lost(&mut self, error: &LinkError) {
        self.connection.lost(error);
        self.disconnected();
    }

    fn disconnected(&mut self) {
        self.store.outbox().rewind();
        self.inbox.disconnected();
    }

    fn hub_event(&mut self, event: HubEvent, now: Duration) {
        match event {
            HubEvent::Listening => (self.observer)(Milestone::Listening),
            HubEvent::Delivered => (self.observer)(Milestone::Sent),
            HubEvent::Document(body) => self.inbox.document(body),
            HubEvent::Patch { version, body } => {
                if !self.inbox.patch(version, body) {
                    self.inbox.forget_twin();
                    self.ask_twin();
                }
            }
            HubEvent::Command {
                request,
                name,
                payload,
            } => {
                let command = Command {
                    epoch: self.connection.epoch,
                    request,
                    came: now,
                    name,
                    payload,
                };
                if let Err(command) = self.inbox.command(command) {
                    self.reply(
                        &command,
                        Reply::because(429, "too many commands at once; call again later"),
                        0,
                    );
                }
            }
            HubEvent::Message {
                receipt,
                properties,
                body,
            } => {
                let epoch = self.connection.epoch;
                self.inbox.message(Message {
                    epoch,
                    receipt,
                    came: now,
                    failures: 0,
                    properties,
                    body,
                });
            }
            HubEvent::Refused { status } => {
                tracing::error!(
                    device = &*self.name,
                    status,
                    "the hub refused reported properties; they are given up"
                );
            }
        }
    }

    fn ask_twin(&mut self) {
        let now = self.clock.monotonic();
        if let Some(session) = self.connection.session()
            && let Err(error) = session.ask_twin(now)
        {
            self.lost(&error);
        }
    }

    /// Hands the behaviour the next thing that waits, if it is free.
    fn attend(&mut self) {
        let now = self.clock.monotonic();
        while self.supervisor.is_idle() || self.supervisor.down().is_some() {
            if self.supervisor.is_idle() && self.timer_next && self.attend_timer(now) {
                return;
            }
            self.timer_next = true;
            match self.inbox.next(now) {
                Some(waiting) if self.supervisor.is_idle() => self.attend_to(waiting, now),
                Some(waiting) => self.decline(waiting, now),
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
            Waiting::Document(body) => self.document(&body),
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
            Waiting::Message(message) => self.acknowledge(&message, 0),
        }
    }

    fn call(&mut self, about: InHand, event: Event) {
        self.in_hand = Some(about);
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
            Waiting::Document(_) | Waiting::Patch { .. } | Waiting::Desired { .. } => {}
        }
    }

    fn document(&mut self, body: &[u8]) {
        let mut twin = self.store.saved().twin.clone();
        match twin.document(body) {
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

    /// Another hub's twin has nothing to do with what was applied.
    fn twin_of(&mut self, assignment: &Assignment) {
        let mut twin = self.store.saved().twin.clone();
        twin.belongs_to(&assignment.hub, &assignment.device_id);
        if twin != self.store.saved().twin {
            self.commit(Batch {
                twin: Some(twin),
                ..Batch::default()
            });
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
        self.call(
            InHand::Command(command),
            Event::Command {
                component,
                name,
                payload,
            },
        );
    }

    fn commit(&mut self, batch: Batch) -> u64 {
        let (number, evicted) = self.store.commit(batch, self.clock.monotonic());
        if evicted > 0 {
            let total = self.store.outbox().evicted();
            tracing::warn!(
                device = &*self.name,
                evicted,
                total,
                "the outbox is full; the oldest telemetry gave way"
            );
        }
        number
    }

    /// Queues an answer to a command until batch `after` is accepted.
    fn reply(&mut self, command: &Command, reply: Reply, after: u64) {
        (self.observer)(Milestone::Command(command.name.clone(), reply.status));
        let departure = Departure::Reply {
            epoch: command.epoch,
            request: command.request.clone(),
            reply,
        };
        self.departures.push((after, departure));
    }

    fn acknowledge(&mut self, message: &Message, after: u64) {
        if let Some(receipt) = message.receipt {
            self.departures.push((
                after,
                Departure::Acknowledgment {
                    epoch: message.epoch,
                    receipt,
                },
            ));
        }
    }

    /// Lets everything leave whose batch is accepted.
    fn depart(&mut self) {
        let accepted = self.store.accepted();
        let epoch = self.connection.epoch;
        let Some(session) = self.connection.session() else {
            self.departures.clear();
            return;
        };
        let mut result = Ok(());
        for (_, departure) in self
            .departures
            .extract_if(.., |(after, _)| *after <= accepted)
        {
            result = result.and(match departure {
                Departure::Reply {
                    epoch: of,
                    request,
                    reply,
                } if of == epoch => session.reply(&request, reply),
                Departure::Acknowledgment { epoch: of, receipt } if of == epoch => {
                    session.acknowledge(receipt)
                }
                // Its connection is gone, and with it whoever waited.
                Departure::Reply { .. } | Departure::Acknowledgment { .. } => Ok(()),
            });
        }
        let now = self.clock.monotonic();
        match result.and_then(|()| session.pump(self.store.outbox(), accepted, now)) {
            Ok(left) => {
                for message in left {
                    let names = telemetry_names(&message.body).unwrap_or_default();
                    (self.observer)(Milestone::Sending(names));
                }
            }
            Err(error) => self.lost(&error),
        }
    }
}
