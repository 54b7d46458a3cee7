//! The connection of a device to its hub: provisioning, connecting, token renewal and reconnecting.

mod attempt;
mod connection_status;
mod outage;
mod token;
mod wait_notice;
mod wall_clock;

use std::{future::pending, sync::Arc, time::Duration};

use jiff::Timestamp;

use self::{
    attempt::Attempt,
    outage::{ConnectFailure, Outages},
    token::{Renewal, Token},
    wait_notice::WaitNotice,
    wall_clock::WallClock,
};
use super::identity::{Identity, IdentityRejected};
use crate::{
    cause::Cause,
    clock::{Clock, MIN_PLAUSIBLE_TIME},
    hub::{
        connect_rate_limit::ConnectRateLimit,
        poison::is_by_server,
        reconnect::{Backoff, DuplicateClientDetector},
        session::Session,
    },
    mqtt::{ConnectError, Incoming, LinkError, Transport},
    provision::{ProvisionError, dps::Assignment},
    status::ConnectionState,
    store::HubBinding,
};

/// Longest time until a change of the wall clock is noticed.
const WALL_CLOCK_INTERVAL: Duration = Duration::from_secs(60);

/// The configuration of a device's connection.
#[derive(Clone, Debug)]
pub struct ConnectionConfig {
    /// The MQTT keep alive. A silent hub is noticed within twice that.
    pub keep_alive: Duration,
    /// The lifetime of a SAS token, which is renewed before it expires.
    pub sas_token_ttl: Duration,
    /// The earliest plausible time: a rejection is not final while the clock shows an earlier one.
    pub earliest_time: Timestamp,
    /// The rate limit shared by all devices of a process.
    pub connect_rate_limit: Arc<ConnectRateLimit>,
}

impl Default for ConnectionConfig {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(60),
            sas_token_ttl: Duration::from_secs(3600),
            earliest_time: MIN_PLAUSIBLE_TIME,
            connect_rate_limit: Arc::default(),
        }
    }
}

/// An event of the connection.
pub(super) enum ConnectionEvent {
    /// Hub assigned by DPS.
    Assigned(Assignment),
    /// Device accepted by the hub.
    Connected(Assignment),
    /// Packet received.
    Incoming(Incoming),
    /// Connection lost or attempt failed; a reconnect is scheduled.
    Lost,
}

/// The connection of one device, across reconnects.
pub(super) struct HubConnection<T: Transport> {
    pub(super) identity: Identity,
    device: Arc<str>,
    config: ConnectionConfig,
    model_id: String,
    /// The model announced by the last CONNECT.
    announced: String,
    /// True to subscribe to cloud-to-device messages.
    messages: bool,
    clock: Arc<dyn Clock>,
    wall_clock: WallClock,
    assignment: Option<Assignment>,
    /// True if the next attempt goes to DPS, and the earliest time of that.
    provision: bool,
    provision_after: Duration,
    /// True if DPS has assigned the hub since the hub last accepted the device: then a rejection by the hub is final.
    freshly_assigned: bool,
    /// True once a hub has accepted this identity.
    ever_accepted: bool,
    /// Failed attempts in a row.
    failed_attempts: u32,
    backoff: Backoff,
    duplicate_client: DuplicateClientDetector,
    outages: Outages,
    wait_notice: WaitNotice,
    renewals: u64,
    phase: ConnectionPhase<T>,
    /// Start of the connection, in monotonic time; a token renewal does not end it.
    connected_since: Option<Duration>,
    /// True if the next connection is another one for the operator who asked for it.
    reconnect_requested: bool,
    /// Time of the last connect or disconnect.
    changed: Option<Timestamp>,
    /// True if the server ended the last connection.
    pub(super) closed_by_server: bool,
    /// Number of the connection, so that a reply never leaves on another one than its request.
    pub(super) generation: u64,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per device, and nearly always it is the large one"
)]
enum ConnectionPhase<T: Transport> {
    Waiting {
        transport: T,
        until: Duration,
        reason: WaitReason,
    },
    Provisioning(Attempt<T, Result<Assignment, ProvisionError>>),
    Connecting(Attempt<T, (Token, Result<T::Link, ConnectError>)>),
    Connected {
        transport: T,
        session: Session<T::Link>,
        token: Token,
    },
    /// Placeholder for the moment in which one phase replaces another.
    Changing,
}

/// The reason for which a disconnected device waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WaitReason {
    /// Backoff.
    Backoff,
    /// Backoff after a failure that a wrong wall clock may have caused.
    BackoffOrWallClock,
    /// Connect rate limit of this process.
    RateLimit,
}

impl<T: Transport + Sync> HubConnection<T> {
    /// Returns a connection, to be made at the first deadline. `binding` is the last hub that accepted the device.
    pub(super) fn new(
        transport: T,
        device: Arc<str>,
        identity: Identity,
        config: ConnectionConfig,
        binding: Option<&HubBinding>,
        (model_id, messages): (String, bool),
        clock: Arc<dyn Clock>,
    ) -> Self {
        let binding = binding.filter(|binding| identity.is_bound_by(binding));
        let assignment = match &identity {
            Identity::Hub { assignment, .. } => Some(assignment.clone()),
            Identity::Dps(_) => binding.map(|binding| binding.assignment.clone()),
        };
        let ever_accepted = binding.is_some();
        Self {
            identity,
            device,
            config,
            model_id,
            announced: String::new(),
            messages,
            wall_clock: WallClock::of(&*clock),
            clock,
            provision: assignment.is_none(),
            provision_after: Duration::ZERO,
            assignment,
            freshly_assigned: false,
            ever_accepted,
            failed_attempts: 0,
            backoff: Backoff::default(),
            duplicate_client: DuplicateClientDetector::default(),
            outages: Outages::default(),
            wait_notice: WaitNotice::default(),
            renewals: 0,
            phase: ConnectionPhase::Waiting {
                transport,
                until: Duration::ZERO,
                reason: WaitReason::Backoff,
            },
            connected_since: None,
            reconnect_requested: false,
            changed: None,
            closed_by_server: false,
            generation: 0,
        }
    }

    /// Returns the session; `None` while disconnected.
    pub(super) fn session(&mut self) -> Option<&mut Session<T::Link>> {
        match &mut self.phase {
            ConnectionPhase::Connected { session, .. } => Some(session),
            _ => None,
        }
    }

    /// Returns the time at which [`on_deadline`](Self::on_deadline) or [`renew`](Self::renew) has something to do.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        match &self.phase {
            ConnectionPhase::Waiting {
                until,
                reason: WaitReason::BackoffOrWallClock,
                ..
            } => Some((now + WALL_CLOCK_INTERVAL).min(*until)),
            ConnectionPhase::Waiting { until, .. } => Some(*until),
            ConnectionPhase::Connected { session, token, .. } => {
                let check = token.deadline().min(now + WALL_CLOCK_INTERVAL);
                Some(session.deadline().map_or(check, |at| at.min(check)))
            }
            ConnectionPhase::Provisioning(_) | ConnectionPhase::Connecting(_) => {
                self.wait_notice.deadline()
            }
            ConnectionPhase::Changing => None,
        }
    }

    /// Starts the next attempt if it is due.
    pub(super) fn on_deadline(&mut self) {
        let now = self.clock.monotonic();
        let reason = match self.phase {
            ConnectionPhase::Waiting {
                reason: WaitReason::BackoffOrWallClock,
                ..
            } if self.wall_clock.was_set(&*self.clock) => {
                tracing::info!(
                    device = &*self.device,
                    "wall clock was set; reconnecting now"
                );
                WaitReason::BackoffOrWallClock
            }
            ConnectionPhase::Waiting { until, reason, .. } if until <= now => reason,
            ConnectionPhase::Provisioning(_) | ConnectionPhase::Connecting(_) => {
                let server = self.server();
                return self.wait_notice.on_deadline(&self.device, &server, now);
            }
            _ => return,
        };
        if let ConnectionPhase::Waiting { transport, .. } = self.take_phase() {
            match reason {
                WaitReason::RateLimit => self.start_attempt(transport),
                WaitReason::Backoff | WaitReason::BackoffOrWallClock => {
                    self.schedule_attempt(transport);
                }
            }
        }
    }

    /// Renews the token if it is due. Nothing is sent from then on; once nothing is in flight (`quiet` for the device's
    /// part), or that has taken too long, a new connection replaces the current one. Returns true if it does.
    pub(super) fn renew(&mut self, quiet: bool) -> bool {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        let ConnectionPhase::Connected { session, token, .. } = &mut self.phase else {
            return false;
        };
        let renewal = token.renewal(today, now);
        session.hold(renewal != Renewal::NotDue);
        let is_time = match renewal {
            Renewal::NotDue => false,
            Renewal::WhenIdle => quiet && session.is_idle(),
            Renewal::Now => true,
        };
        if is_time && self.replace_connection("SAS token renewal due") {
            self.renewals += 1;
        }
        is_time
    }

    /// Replaces the current connection by a new one. Returns false if there is none.
    fn replace_connection(&mut self, reason: &str) -> bool {
        match self.take_phase() {
            ConnectionPhase::Connected {
                transport, session, ..
            } => {
                tracing::info!(device = &*self.device, "reconnecting: {reason}");
                self.phase = self.connecting(transport, Some(session));
                true
            }
            phase => {
                self.phase = phase;
                false
            }
        }
    }

    /// Waits for the next event. Cancel safe.
    ///
    /// # Errors
    /// The hub or DPS rejected an identity that has never been accepted.
    pub(super) async fn next(&mut self) -> Result<ConnectionEvent, IdentityRejected> {
        match &mut self.phase {
            ConnectionPhase::Waiting { .. } | ConnectionPhase::Changing => pending().await,
            ConnectionPhase::Provisioning(attempt) => match attempt.ended().await {
                (transport, Some(result)) => self.provisioned(transport, result),
                (transport, None) => Ok(self.canceled(transport)),
            },
            ConnectionPhase::Connecting(attempt) => match attempt.ended().await {
                (transport, Some((token, result))) => self.connected(transport, token, result),
                (transport, None) => Ok(self.canceled(transport)),
            },
            ConnectionPhase::Connected { session, .. } => match session.next().await {
                Ok(incoming) => Ok(ConnectionEvent::Incoming(incoming)),
                Err(error) => Ok(self.link_lost(&error)),
            },
        }
    }

    /// Sets the model to announce, and the subscription to messages. Returns true if that takes another connection, which
    /// replaces the current one at once.
    pub(super) fn announce(&mut self, model_id: String, messages: bool) -> bool {
        let is_new = self.model_id != model_id || (messages && !self.messages);
        self.model_id = model_id;
        self.messages = messages;
        is_new && self.replace_connection("announced model or subscription changed")
    }

    /// Skips the backoff, cancels an attempt in favor of another, or replaces the current connection at once. Returns the
    /// state before.
    pub(super) fn reconnect(&mut self) -> ConnectionState {
        let previous_state = self.state();
        self.reconnect_requested = true;
        if self.replace_connection("requested") {
            return previous_state;
        }
        match &mut self.phase {
            ConnectionPhase::Provisioning(attempt) => attempt.cancel(),
            ConnectionPhase::Connecting(attempt) => attempt.cancel(),
            _ => {}
        }
        match self.take_phase() {
            ConnectionPhase::Waiting {
                transport,
                reason: WaitReason::Backoff | WaitReason::BackoffOrWallClock,
                ..
            } => self.schedule_attempt(transport),
            phase => self.phase = phase,
        }
        previous_state
    }

    /// Drops a connection whose link has failed, and backs off.
    pub(super) fn link_lost(&mut self, error: &LinkError) -> ConnectionEvent {
        self.closed_by_server = is_by_server(error);
        if let ConnectionPhase::Connected {
            transport,
            session,
            token,
        } = self.take_phase()
        {
            let (now, today) = (self.clock.monotonic(), self.clock.now());
            let lasted = self.uptime(now).unwrap_or_default();
            let cause = match Cause::from(error) {
                Cause::Closed if token.is_due(today, now) => Cause::TokenExpired,
                cause => self
                    .duplicate_client
                    .classify(cause, lasted, session.is_healthy()),
            };
            let message = match cause {
                Cause::TakenOver => format!(
                    "{error}, repeatedly while the connection was healthy; another client probably connects with this device ID: \
                     give each device an id of its own"
                ),
                _ => error.to_string(),
            };
            let worked = session.has_received_twin().then_some(lasted);
            let delay = self.backoff.next_delay(cause, worked, rand::random());
            let server = self.hub();
            self.wait(
                transport,
                &ConnectFailure {
                    server: &server,
                    cause,
                    message: &message,
                    was_connected: true,
                    delay,
                },
            );
        }
        ConnectionEvent::Lost
    }

    /// Disconnects cleanly.
    pub(super) async fn disconnect(self) {
        if let ConnectionPhase::Connected { session, .. } = self.phase {
            session.disconnect().await;
        }
    }

    /// Returns the time since the device connected, across token renewals; `None` while disconnected.
    fn uptime(&self, now: Duration) -> Option<Duration> {
        self.connected_since.map(|since| now.saturating_sub(since))
    }

    fn take_phase(&mut self) -> ConnectionPhase<T> {
        std::mem::replace(&mut self.phase, ConnectionPhase::Changing)
    }

    /// Returns the server of the next attempt.
    fn server(&self) -> String {
        match (&self.identity, self.provision) {
            (Identity::Dps(registration), true) => registration.endpoint.to_string(),
            _ => self.hub(),
        }
    }

    fn hub(&self) -> String {
        self.assignment
            .as_ref()
            .map(|assignment| assignment.hub.clone())
            .unwrap_or_default()
    }
}
