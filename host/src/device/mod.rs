//! A device: the one loop that joins the hub, the behaviour and the store.

mod aside;
mod attend;
pub mod behaviour;
mod calls;
mod connection;
mod departure;
pub mod effect;
mod identity;
mod inbox;
mod outcome;
mod parts;
mod status;
mod supervisor;
pub mod timers;
mod turnover;

use std::{future::Future, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::select;

use self::{
    behaviour::{Behaviour, Reply, Surroundings},
    connection::{Connection, Progress},
    departure::Departure,
    inbox::{Command, Inbox, Message},
    supervisor::Supervisor,
    turnover::Turnover,
};
pub use self::{
    connection::Connecting,
    identity::{Identity, Refusal},
    parts::{DeviceError, Milestone, Observer, Parts},
};
use crate::{
    clock::Clock,
    guest::Limits,
    hub::{session::HubEvent, twin::DesiredCall},
    mqtt::{LinkError, Transport},
    provision::dps::Assignment,
    store::{DeviceStore, batch::Batch},
};

/// One device, until it is told to end.
pub struct Device<B: Behaviour, T: Transport> {
    name: Arc<str>,
    supervisor: Supervisor<B>,
    turnover: Turnover<B>,
    /// Whether the behaviour has ever started, in this process or an earlier one.
    started: bool,
    connection: Connection<T>,
    store: DeviceStore,
    clock: Arc<dyn Clock>,
    inbox: Inbox,
    /// When the pace of the backlog lets something leave.
    drain_deadline: Option<Duration>,
    /// What the call in hand is about.
    in_hand: Option<InHand>,
    /// Whether a due timer goes before what waits in the inbox.
    timer_next: bool,
    /// Answers that wait for their batch, with its number.
    departures: Vec<(u64, Departure)>,
    /// Whether desired properties came while the component was left alone.
    twin_missed: bool,
    /// Whether telemetry has ever left.
    sending: bool,
    limits: Arc<Limits>,
    takes_messages: bool,
    /// How many evictions were told, and when the next may be.
    evicted_told: u64,
    evictions_after: Duration,
    observer: Observer,
}

/// Time between two lines that tell of evictions.
const EVICTIONS_EVERY: Duration = Duration::from_secs(60);
/// How long the end of a device waits for acknowledgments.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(2);
/// How long the end of a device waits for the disk.
const KEEP_WITHIN: Duration = Duration::from_secs(5);

/// What a call is about.
#[derive(Debug)]
enum InHand {
    Timer(String),
    Desired { version: u64, call: DesiredCall },
    Command(Command),
    Message(Message),
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Puts a device together; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(mut parts: Parts<B, T>) -> Self {
        let takes_messages = parts.behaviour.takes_messages();
        let model_id = parts.behaviour.description().model_id.clone();
        let surroundings = Surroundings {
            device: parts.name.clone(),
            clock: parts.clock.clone(),
            seed: parts.seed,
            room: parts.store.outbox().room(),
        };
        parts.store.outbox().measure_room();
        let record = parts.store.saved().record.clone();
        let on_probation = parts.store.saved().versions.fallback.is_some();
        let now = parts.clock.monotonic();
        let turnover = Turnover::new(parts.versions, &parts.behaviour, on_probation, now);
        let evicted_told = parts.store.outbox().evicted();
        let connection = Connection::new(
            parts.transport,
            parts.name.clone(),
            parts.identity,
            parts.connecting,
            parts.store.saved().place.as_ref(),
            (model_id, takes_messages),
            parts.clock.clone(),
        );
        Self {
            name: parts.name,
            started: record.is_some(),
            supervisor: Supervisor::start(parts.behaviour, surroundings, parts.config, record),
            turnover,
            connection,
            store: parts.store,
            clock: parts.clock,
            inbox: Inbox::default(),
            drain_deadline: None,
            in_hand: None,
            timer_next: false,
            departures: Vec::new(),
            twin_missed: false,
            sending: false,
            limits: parts.limits,
            takes_messages,
            evicted_told,
            evictions_after: Duration::ZERO,
            observer: parts.observer,
        }
    }

    /// Runs until `shutdown` ends, and then ends the connection cleanly. Ends by itself only at the very beginning: if
    /// a component that never ran does not start, or the device is refused.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), DeviceError> {
        tokio::pin!(shutdown);
        self.count_earlier_steps();
        loop {
            // In each turn, because a component that is always busy leaves no other moment for them.
            self.on_deadline();
            if let Some(progress) = self.connection.next().now_or_never() {
                self.progress(progress?);
            }
            if let Some(order) = self.turnover.next_order().now_or_never() {
                self.take_order(order);
            }
            self.judge();
            self.report_host();
            self.attend();
            self.depart();
            let wake = self.wake();
            select! {
                // Calls before the hub, which must not be able to keep one waiting; time passes last.
                biased;
                () = &mut shutdown => break,
                (call, result) = self.supervisor.finished() => self.finished(call, result)?,
                progress = self.connection.next() => self.progress(progress?),
                order = self.turnover.next_order() => self.take_order(order),
                () = self.store.progressing() => {}
                () = wake => {}
            }
        }
        self.end_cleanly();
        self.settle_up().await;
        self.keep().await;
        // Answers that waited for it.
        self.depart();
        self.connection.end().await;
        Ok(())
    }

    /// Sends nothing more, and takes in what the hub still acknowledges, so that it need not come again.
    async fn settle_up(&mut self) {
        let patience = self
            .clock
            .sleep_until(self.clock.monotonic() + ACKNOWLEDGED_WITHIN);
        tokio::pin!(patience);
        loop {
            match self.connection.session() {
                Some(session) if !session.is_settled() => session.hold(true),
                Some(session) => return session.hold(true),
                None => return,
            }
            select! {
                biased;
                progress = self.connection.next() => match progress {
                    Ok(progress) => self.progress(progress),
                    Err(_) => return,
                },
                () = &mut patience => return,
            }
        }
    }

    /// Waits until everything is safe, for as long as the end of a device may take.
    async fn keep(&mut self) {
        let patience = self.clock.sleep_until(self.clock.monotonic() + KEEP_WITHIN);
        select! {
            biased;
            () = self.store.safe(&*self.clock) => {}
            () = patience => tracing::error!(
                device = &*self.name,
                "the disk does not take the last changes; they are lost"
            ),
        }
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
            self.drain_deadline,
            self.supervisor.next_try(),
            self.inbox.next_message(),
            self.turnover.deadline(self.clock.monotonic()),
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
        if self.started {
            // Not before the component has begun: one that cannot is no device.
            self.connection.on_deadline();
        }
        if self.connection.renew(self.is_quiet()) {
            self.disconnected();
        }
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
                self.arrived_at(&assignment);
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

    /// Whether nothing that belongs to the connection is in hand.
    fn is_quiet(&self) -> bool {
        let in_hand = matches!(self.in_hand, Some(InHand::Command(_) | InHand::Message(_)));
        !in_hand && self.departures.is_empty() && self.inbox.is_quiet()
    }

    fn lost(&mut self, error: &LinkError) {
        self.connection.lost(error);
        self.disconnected();
    }

    fn disconnected(&mut self) {
        self.rewind();
        self.inbox.disconnected();
        (self.observer)(Milestone::Disconnected);
    }

    fn hub_event(&mut self, event: HubEvent, now: Duration) {
        match event {
            HubEvent::Listening => (self.observer)(Milestone::Listening),
            HubEvent::Delivered => {
                self.set_poison_aside();
                (self.observer)(Milestone::Sent);
            }
            HubEvent::Document(body) => {
                self.store.outbox().answered();
                self.inbox.document(body);
            }
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
                    aside: None,
                    came: now,
                    failures: 0,
                    properties,
                    body,
                });
            }
            HubEvent::Refused { id, status } => self.set_report_aside(id, status),
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

    /// Remembers the hub, and forgets what was applied of another one's twin, which has nothing to do with this one's.
    fn arrived_at(&mut self, assignment: &Assignment) {
        let saved = self.store.saved();
        let mut twin = saved.twin.clone();
        twin.belongs_to(&assignment.hub, &assignment.device_id);
        let place = self.connection.identity.place(assignment.clone());
        let batch = Batch {
            twin: Some(twin).filter(|twin| *twin != saved.twin),
            place: Some(place).filter(|place| Some(place) != saved.place.as_ref()),
            ..Batch::default()
        };
        if batch != Batch::default() {
            self.commit(batch);
        }
        self.store.outbox().begin();
    }

    fn commit(&mut self, batch: Batch) -> u64 {
        let number = self.store.commit(batch, &*self.clock);
        self.tell_evictions();
        number
    }

    /// Says that messages gave way, but not with each of them.
    fn tell_evictions(&mut self) {
        let total = self.store.outbox().evicted();
        let now = self.clock.monotonic();
        if total > self.evicted_told && self.evictions_after <= now {
            let evicted = total - self.evicted_told;
            tracing::warn!(
                device = &*self.name,
                evicted,
                total,
                "the outbox is full; the oldest telemetry gave way"
            );
            self.evicted_told = total;
            self.evictions_after = now + EVICTIONS_EVERY;
        }
    }
}
