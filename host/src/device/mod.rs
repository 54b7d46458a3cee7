//! A device: the loop that joins the hub, the behaviour and the store.

mod call_stats;
mod config;
mod connection;
mod dead_letters;
mod deadlines;
mod device_status;
mod dispatch;
mod evictions;
mod failures;
mod identity;
mod inbox;
mod outcome;
mod pending_reply;
mod rate_limits;
mod supervisor;
mod swap;

use std::{future::Future, sync::Arc, time::Duration};

use futures::FutureExt;
use tokio::select;

pub(crate) use self::rate_limits::Usage;
pub use self::{
    config::{DeviceConfig, DeviceError, DeviceEvent, HandledProperty, Observer},
    connection::ConnectionConfig,
    identity::{Identity, IdentityRejected},
};
use self::{
    connection::{ConnectionEvent, HubConnection},
    failures::Failures,
    inbox::{Inbox, MessageOrigin, PendingCommand, PendingMessage},
    pending_reply::PendingReply,
    rate_limits::RateLimits,
    supervisor::Supervisor,
    swap::SwapState,
};
use crate::{
    clock::Clock,
    contract::behaviour::{Behaviour, InstanceContext},
    guest::Limits,
    hub::{reply::Reply, session::HubEvent, twin::DesiredCall},
    mqtt::{LinkError, Transport},
    provision::dps::Assignment,
    store::{DeviceStore, HubBinding, batch::Batch, dead_letter::CloudMessage, outbox::Evictions},
};

/// A device, which runs until it is shut down.
pub struct Device<B: Behaviour, T: Transport> {
    name: Arc<str>,
    supervisor: Supervisor<B>,
    swap: SwapState<B>,
    failures: Failures,
    rate_limits: RateLimits,
    /// True once the behaviour has started, in this process or an earlier one.
    started: bool,
    connection: HubConnection<T>,
    store: DeviceStore,
    clock: Arc<dyn Clock>,
    inbox: Inbox,
    /// Time at which the drain rate lets the next queued message leave.
    drain_deadline: Option<Duration>,
    /// The call in progress.
    current_call: Option<CurrentCall>,
    /// True if a due timer goes before the inbox.
    timer_next: bool,
    /// Replies that wait for the batch of this number.
    pending_replies: Vec<(u64, PendingReply)>,
    /// True if desired properties were dropped, and the twin is to be requested again.
    twin_stale: bool,
    /// True once telemetry has been sent.
    telemetry_sent: bool,
    limits: Arc<Limits>,
    takes_messages: bool,
    /// Evictions logged so far.
    evictions_logged: Evictions,
    /// Time of the next log line on evictions.
    evictions_logged_after: Duration,
    observer: Observer,
}

/// Time a shutdown waits for acknowledgments.
const SHUTDOWN_ACKNOWLEDGE_TIMEOUT: Duration = Duration::from_secs(2);
/// Time a shutdown waits for the disk.
const SHUTDOWN_FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// The subject of the call in progress.
#[derive(Debug)]
enum CurrentCall {
    Timer(String),
    Desired { version: u64, call: DesiredCall },
    Command(PendingCommand),
    Message(PendingMessage),
}

impl CurrentCall {
    /// Returns true for a further attempt at an event.
    fn is_retry(&self) -> bool {
        match self {
            Self::Desired { call, .. } => call.is_half(),
            Self::Message(message) => message.failures > 0,
            Self::Timer(_) | Self::Command(_) => false,
        }
    }
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Returns a device; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(mut config: DeviceConfig<B, T>) -> Self {
        let takes_messages = config.behaviour.takes_messages();
        let model_id = config.behaviour.description().model_id.clone();
        let context = InstanceContext {
            device: config.name.clone(),
            clock: config.clock.clone(),
            seed: config.seed,
            outbox_quota: config.store.outbox().quota(),
        };
        config.store.outbox().update_quota();
        let record = config.store.state().record.clone();
        let on_probation = config.store.state().versions.is_on_probation();
        let now = config.clock.monotonic();
        let swap = SwapState::new(config.swap, &config.behaviour, on_probation, now);
        let evictions_logged = config.store.outbox().evictions();
        let connection = HubConnection::new(
            config.transport,
            config.name.clone(),
            config.identity,
            config.connection,
            config.store.state().hub_binding.as_ref(),
            (model_id, takes_messages),
            config.clock.clone(),
        );
        let mut inbox = Inbox::default();
        inbox.set_kept(config.store.unhandled_messages());
        Self {
            name: config.name,
            started: record.is_some(),
            supervisor: Supervisor::start(config.behaviour, context, config.settings, record),
            swap,
            failures: Failures::default(),
            rate_limits: RateLimits::new(&config.limits),
            connection,
            store: config.store,
            clock: config.clock,
            inbox,
            drain_deadline: None,
            current_call: None,
            timer_next: false,
            pending_replies: Vec::new(),
            twin_stale: false,
            telemetry_sent: false,
            limits: config.limits,
            takes_messages,
            evictions_logged,
            evictions_logged_after: Duration::ZERO,
            observer: config.observer,
        }
    }

    /// Runs until `shutdown` ends, then disconnects cleanly.
    ///
    /// # Errors
    /// The component failed to start, or the hub rejected the device, and neither has ever succeeded.
    pub async fn run(
        mut self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), DeviceError> {
        tokio::pin!(shutdown);
        self.count_startup_steps();
        loop {
            // In each turn, because a component that is always busy leaves no other moment for them.
            self.on_deadline();
            if let Some(event) = self.connection.next().now_or_never() {
                self.handle_connection_event(event?);
            }
            if let Some(request) = self.swap.next_request().now_or_never() {
                self.handle_request(request);
            }
            self.check_probation();
            self.report_host();
            self.dispatch();
            self.flush();
            let wake = self.wake();
            select! {
                // Calls before the hub, which must not be able to keep one waiting; timers last.
                biased;
                () = &mut shutdown => break,
                (kind, result) = self.supervisor.finished() => self.call_finished(kind, result)?,
                event = self.connection.next() => self.handle_connection_event(event?),
                request = self.swap.next_request() => self.handle_request(request),
                () = self.store.progressed() => {}
                () = wake => {}
            }
        }
        self.record_clean_exit();
        self.await_acknowledgments().await;
        self.flush_store().await;
        // Replies that waited for the store.
        self.flush();
        self.connection.disconnect().await;
        Ok(())
    }

    /// Stops sending and awaits outstanding acknowledgments, so that fewer messages are sent twice.
    async fn await_acknowledgments(&mut self) {
        let timeout = self
            .clock
            .sleep_until(self.clock.monotonic() + SHUTDOWN_ACKNOWLEDGE_TIMEOUT);
        tokio::pin!(timeout);
        loop {
            match self.connection.session() {
                Some(session) if !session.is_settled() => session.hold(true),
                Some(session) => return session.hold(true),
                None => return,
            }
            select! {
                biased;
                event = self.connection.next() => match event {
                    Ok(event) => self.handle_connection_event(event),
                    Err(_) => return,
                },
                () = &mut timeout => return,
            }
        }
    }

    /// Waits until everything is on disk, within the timeout.
    async fn flush_store(&mut self) {
        let timeout = self
            .clock
            .sleep_until(self.clock.monotonic() + SHUTDOWN_FLUSH_TIMEOUT);
        select! {
            biased;
            () = self.store.flush(&*self.clock) => {}
            () = timeout => tracing::error!(
                device = &*self.name,
                "last changes lost: the disk did not accept them in time"
            ),
        }
    }

    /// Lets another version begin without the failures and debts of the one before.
    fn forget_failures(&mut self) {
        // What was not applied for a suspension is to be tried.
        self.twin_stale |= self.failures.suspends_property();
        self.failures = Failures::default();
        self.rate_limits.refill(self.clock.monotonic());
    }

    fn handle_connection_event(&mut self, event: ConnectionEvent) {
        match event {
            ConnectionEvent::Assigned(assignment) => {
                (self.observer)(DeviceEvent::Assigned(assignment));
            }
            ConnectionEvent::Connected(assignment) => {
                self.bind_to_hub(&assignment);
                (self.observer)(DeviceEvent::Connected(assignment));
            }
            ConnectionEvent::Lost => self.disconnected(),
            ConnectionEvent::Incoming(incoming) => {
                let now = self.clock.monotonic();
                let Some(session) = self.connection.session() else {
                    return;
                };
                match session.handle(incoming, self.store.outbox(), now) {
                    Ok(Some(event)) => self.handle_hub_event(event, now),
                    Ok(None) => {}
                    Err(error) => self.lost(&error),
                }
            }
        }
    }

    /// Returns true if neither a call nor a reply belongs to the connection.
    fn is_quiet(&self) -> bool {
        let of_connection = matches!(
            self.current_call,
            Some(CurrentCall::Command(_) | CurrentCall::Message(_))
        );
        !of_connection && self.pending_replies.is_empty() && self.inbox.is_quiet()
    }

    fn lost(&mut self, error: &LinkError) {
        self.connection.link_lost(error);
        self.disconnected();
    }

    fn disconnected(&mut self) {
        self.rewind();
        self.inbox.disconnected();
        (self.observer)(DeviceEvent::Disconnected);
    }

    fn handle_hub_event(&mut self, event: HubEvent, now: Duration) {
        match event {
            HubEvent::Subscribed => (self.observer)(DeviceEvent::Listening),
            HubEvent::Acknowledged => {
                self.dead_letter_poison();
                (self.observer)(DeviceEvent::Sent);
            }
            HubEvent::Twin(body) => {
                self.store.outbox().twin_received();
                self.inbox.push_document(body);
            }
            HubEvent::DesiredPatch { version, body } => {
                (self.observer)(DeviceEvent::DesiredPatch(body.clone()));
                if !self.inbox.push_patch(version, body) {
                    self.inbox.drop_twin_items();
                    self.request_twin();
                }
            }
            HubEvent::Command {
                request,
                name,
                payload,
            } => {
                (self.observer)(DeviceEvent::Command(payload.clone()));
                let command = PendingCommand {
                    generation: self.connection.generation,
                    request,
                    received_at: now,
                    name,
                    payload,
                };
                if let Err(command) = self.inbox.push_command(command) {
                    self.reply(
                        &command,
                        Reply::error(429, "too many pending commands; call again later"),
                        0,
                    );
                }
            }
            HubEvent::Message {
                receipt,
                properties,
                body,
            } => {
                let generation = self.connection.generation;
                let origin = MessageOrigin::Hub {
                    generation,
                    receipt,
                };
                let content = CloudMessage { properties, body };
                self.inbox
                    .push_message(PendingMessage::new(origin, content));
            }
            HubEvent::ReportRejected { id, status } => self.dead_letter_report(id, status),
        }
    }

    fn request_twin(&mut self) {
        let now = self.clock.monotonic();
        if let Some(session) = self.connection.session()
            && let Err(error) = session.request_twin(now)
        {
            self.lost(&error);
        }
    }

    /// Records the hub binding. The twin of another hub or device is forgotten.
    fn bind_to_hub(&mut self, assignment: &Assignment) {
        let state = self.store.state();
        let mut twin = state.twin.clone();
        twin.belongs_to(&assignment.hub, &assignment.device_id);
        let binding = self.connection.identity.hub_binding(assignment.clone());
        let is_new = |binding: &HubBinding| state.hub_binding.as_ref() != Some(binding);
        let batch = Batch {
            twin: Some(twin).filter(|twin| *twin != state.twin),
            hub_binding: Some(binding).filter(is_new),
            ..Batch::default()
        };
        if batch != Batch::default() {
            self.commit(batch);
        }
        self.store.outbox().date_messages(&*self.clock);
        self.store.outbox().connection_started();
    }

    fn commit(&mut self, batch: Batch) -> u64 {
        let number = self.store.commit(batch, &*self.clock);
        self.log_evictions();
        number
    }
}
