//! One connection attempt: DPS if needed, then the hub; and the reaction to its result.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::{select, sync::oneshot};
use tracing::{Instrument, Span};

use super::{
    ConnectionEvent, ConnectionPhase, HubConnection, WaitReason, outage::ConnectFailure,
    token::Token, wait_notice::Awaited, wall_clock::WallClock,
};
use crate::{
    cause::Cause,
    device::identity::{Identity, IdentityRejected},
    hub::{session::Session, topic},
    mqtt::{Connect, ConnectError, Endpoint, Transport},
    provision::{self, ProvisionError, dps::Assignment},
};

/// Failed attempts in a row after which a device is provisioned again.
const PROVISION_AFTER: u32 = 10;

/// An attempt in progress, which gives the transport back; without a result if it was canceled.
pub(super) struct Attempt<T, R> {
    ended: BoxFuture<'static, (T, Option<R>)>,
    cancel: Option<oneshot::Sender<()>>,
}

impl<T, R> Attempt<T, R> {
    /// Returns an attempt that ends early, by [`unless`], once it is canceled.
    fn new<F: Future<Output = (T, Option<R>)> + Send + 'static>(
        span: Span,
        attempt: impl FnOnce(oneshot::Receiver<()>) -> F,
    ) -> Self {
        let (cancel, canceled) = oneshot::channel();
        Self {
            ended: Box::pin(attempt(canceled).instrument(span)),
            cancel: Some(cancel),
        }
    }

    /// Waits for the end. Cancel safe.
    pub(super) async fn ended(&mut self) -> (T, Option<R>) {
        (&mut self.ended).await
    }

    /// Cancels what the attempt waits for.
    pub(super) fn cancel(&mut self) {
        if let Some(cancel) = self.cancel.take() {
            // An attempt that is over needs no end.
            let _ = cancel.send(());
        }
    }
}

/// Waits for a step of an attempt; `None` if the attempt is canceled.
async fn unless<R>(canceled: oneshot::Receiver<()>, step: impl Future<Output = R>) -> Option<R> {
    select! {
        biased;
        Ok(()) = canceled => None,
        result = step => Some(result),
    }
}

impl<T: Transport + Sync> HubConnection<T> {
    /// Schedules an attempt within the connect rate limit.
    pub(super) fn schedule_attempt(&mut self, transport: T) {
        let now = self.clock.monotonic();
        // The hub may be reachable while DPS is not, or throttles.
        self.provision &= self.assignment.is_none() || self.provision_after <= now;
        let server = self.server();
        let until = self.config.connect_rate_limit.reserve(&server, now);
        if until > now {
            self.phase = ConnectionPhase::Waiting {
                transport,
                until,
                reason: WaitReason::RateLimit,
            };
        } else {
            self.start_attempt(transport);
        }
    }

    /// Starts an attempt at DPS or the hub.
    pub(super) fn start_attempt(&mut self, transport: T) {
        self.phase = match &self.identity {
            Identity::Dps(registration) if self.provision => {
                let (clock, registration) = (self.clock.clone(), registration.clone());
                let model_id = self.model_id.clone();
                tracing::info!(
                    id = registration.registration_id,
                    "requesting an assignment from DPS"
                );
                let span = self.attempt_span(&registration.endpoint.to_string());
                let now = self.clock.monotonic();
                self.wait_notice.attempt_started(Awaited::Assignment, now);
                ConnectionPhase::Provisioning(Attempt::new(span, |canceled| async move {
                    let mut transport = transport;
                    let register =
                        provision::register(&mut transport, &*clock, &registration, &model_id);
                    let result = unless(canceled, register).await;
                    (transport, result)
                }))
            }
            _ => self.connecting(transport, None),
        };
    }

    /// Returns the phase of connecting to the hub, once the connection `before` is closed cleanly.
    pub(super) fn connecting(
        &mut self,
        transport: T,
        before: Option<Session<T::Link>>,
    ) -> ConnectionPhase<T> {
        self.closed_by_server &= before.is_none();
        self.announced.clone_from(&self.model_id);
        self.wall_clock = WallClock::of(&*self.clock);
        let now = self.clock.monotonic();
        self.wait_notice.attempt_started(Awaited::Hub, now);
        let (hub, device_id) = match &self.assignment {
            Some(assignment) => (assignment.hub.clone(), assignment.device_id.clone()),
            None => Default::default(),
        };
        let token = Token::minted(
            self.config.sas_token_ttl,
            self.clock.now(),
            self.clock.monotonic(),
            rand::random(),
        );
        let key = self.identity.key();
        let request = Connect {
            endpoint: Endpoint::parse(&hub).unwrap_or(Endpoint {
                host: hub.clone(),
                port: 8883,
            }),
            username: topic::username(&hub, &device_id, &self.model_id),
            password: key.token(&format!("{hub}/devices/{device_id}"), token.expiry(), None),
            client_id: device_id,
            keep_alive: self.config.keep_alive,
        };
        tracing::info!(hub, device = &*self.device, "connecting");
        let span = self.attempt_span(&hub);
        ConnectionPhase::Connecting(Attempt::new(span, |canceled| async move {
            let mut transport = transport;
            if let Some(before) = before {
                before.disconnect().await;
            }
            let result = unless(canceled, transport.connect(&request)).await;
            (transport, result.map(|result| (token, result)))
        }))
    }

    /// Returns the span of an attempt.
    fn attempt_span(&self, server: &str) -> Span {
        tracing::info_span!("connection_attempt", device = &*self.device, server)
    }

    /// Starts another attempt in place of one that was canceled.
    pub(super) fn canceled(&mut self, transport: T) -> ConnectionEvent {
        tracing::info!(
            device = &*self.device,
            "attempt canceled on request; connecting anew"
        );
        self.schedule_attempt(transport);
        ConnectionEvent::Lost
    }

    /// Handles the result of provisioning.
    pub(super) fn provisioned(
        &mut self,
        transport: T,
        result: Result<Assignment, ProvisionError>,
    ) -> Result<ConnectionEvent, IdentityRejected> {
        self.wait_notice.attempt_ended(false);
        match result {
            Ok(assignment) => {
                self.assignment = Some(assignment.clone());
                self.provision = false;
                self.freshly_assigned = true;
                self.failed_attempts = 0;
                self.schedule_attempt(transport);
                Ok(ConnectionEvent::Assigned(assignment))
            }
            Err(ProvisionError::Retry {
                after,
                cause,
                message,
            }) => {
                self.prefer_hub();
                let after = after.unwrap_or_default();
                self.provision_after = self.clock.monotonic() + after;
                let least = if self.provision {
                    after
                } else {
                    Duration::ZERO
                };
                Ok(self.back_off(transport, "DPS", cause, &message, least))
            }
            Err(ProvisionError::Certificate(message)) => {
                self.prefer_hub();
                let cause = Cause::Certificate;
                Ok(self.back_off(transport, "DPS", cause, &message, Duration::ZERO))
            }
            Err(ProvisionError::Rejected(refusal)) => {
                self.prefer_hub();
                let refused = IdentityRejected::Refused(refusal.to_string());
                self.rejected(transport, "DPS", refused)
            }
            Err(ProvisionError::Unusable(message)) => {
                self.prefer_hub();
                self.rejected(transport, "DPS", IdentityRejected::Unusable(message))
            }
        }
    }

    /// Handles the result of a connection attempt.
    pub(super) fn connected(
        &mut self,
        transport: T,
        token: Token,
        result: Result<T::Link, ConnectError>,
    ) -> Result<ConnectionEvent, IdentityRejected> {
        self.wait_notice.attempt_ended(result.is_ok());
        let error = match result {
            // A version with another model has been swapped in meanwhile.
            Ok(_) if self.announced != self.model_id => {
                self.schedule_attempt(transport);
                return Ok(ConnectionEvent::Lost);
            }
            Ok(link) => return Ok(self.online(transport, token, link)),
            Err(error) => error,
        };
        self.failed_attempts = self.failed_attempts.saturating_add(1);
        let by_dps = matches!(self.identity, Identity::Dps(_));
        let hub = self.hub();
        let cause = Cause::from(&error);
        match error {
            ConnectError::Refused(4 | 5) if by_dps && !self.freshly_assigned => {
                let failure = ConnectFailure {
                    server: &hub,
                    cause,
                    message: &error.to_string(),
                    was_connected: false,
                    delay: Duration::ZERO,
                };
                self.outages.count(&failure, self.clock.now());
                tracing::warn!(
                    hub,
                    reason = %error,
                    "hub rejected the device; requesting an assignment from DPS"
                );
                self.assignment = None;
                self.provision = true;
                self.schedule_attempt(transport);
                Ok(ConnectionEvent::Lost)
            }
            ConnectError::Refused(1 | 2 | 4 | 5) => {
                // The device may be assigned to another hub by then.
                self.provision = by_dps;
                let message = format!(
                    "{hub} rejected the device: {error}; check the key, that the device is enabled, and this machine's clock"
                );
                self.rejected(transport, &hub, IdentityRejected::Refused(message))
            }
            ConnectError::Certificate(message) => {
                self.provision = by_dps;
                Ok(self.back_off(transport, &hub, cause, &message, Duration::ZERO))
            }
            error => {
                self.provision = by_dps && self.failed_attempts.is_multiple_of(PROVISION_AFTER);
                let message = error.to_string();
                Ok(self.back_off(transport, &hub, cause, &message, Duration::ZERO))
            }
        }
    }

    fn online(&mut self, transport: T, token: Token, link: T::Link) -> ConnectionEvent {
        let Some(assignment) = self.assignment.clone() else {
            return ConnectionEvent::Lost;
        };
        let now = self.clock.monotonic();
        let keep_alive = self.config.keep_alive;
        match Session::begin(link, &assignment.device_id, self.messages, keep_alive, now) {
            Ok(session) => {
                self.ever_accepted = true;
                self.freshly_assigned = false;
                self.failed_attempts = 0;
                self.generation += 1;
                let is_requested = std::mem::take(&mut self.reconnect_requested);
                if is_requested || self.connected_since.is_none() {
                    self.connected_since = Some(now);
                    self.changed = Some(self.clock.now());
                }
                self.outages.connected(&self.device, &assignment.hub, now);
                self.phase = ConnectionPhase::Connected {
                    transport,
                    session,
                    token,
                };
                ConnectionEvent::Connected(assignment)
            }
            Err(error) => {
                let cause = Cause::from(&error);
                let message = error.to_string();
                self.back_off(transport, &assignment.hub, cause, &message, Duration::ZERO)
            }
        }
    }

    /// Makes the next attempt go to the hub, if one is known: it may accept the device although DPS does not.
    fn prefer_hub(&mut self) {
        self.provision = self.assignment.is_none();
    }

    /// Backs off after a rejection, which an operator may undo. A machine that does not know the time is refused for its
    /// expired token, and backs off too.
    ///
    /// # Errors
    /// The identity has never been accepted.
    fn rejected(
        &mut self,
        transport: T,
        server: &str,
        rejected: IdentityRejected,
    ) -> Result<ConnectionEvent, IdentityRejected> {
        let (now, earliest) = (self.clock.now(), self.config.earliest_time);
        let message = match &rejected {
            IdentityRejected::Refused(message) if now < earliest => {
                format!("{message}; the clock shows {now:.0}, but it is {earliest:.0} or later")
            }
            _ if !self.ever_accepted => return Err(rejected),
            IdentityRejected::Refused(message) | IdentityRejected::Unusable(message) => {
                message.clone()
            }
        };
        Ok(self.back_off(transport, server, Cause::Refused, &message, Duration::ZERO))
    }

    /// Waits for the next attempt, for `least` at least.
    fn back_off(
        &mut self,
        transport: T,
        server: &str,
        cause: Cause,
        message: &str,
        least: Duration,
    ) -> ConnectionEvent {
        // A failed renewal ends a connection that had worked.
        let worked = self.uptime(self.clock.monotonic());
        let delay = self.backoff.next_delay(cause, worked, rand::random());
        self.wait(
            transport,
            &ConnectFailure {
                server,
                cause,
                message,
                was_connected: false,
                delay: delay.max(least),
            },
        );
        ConnectionEvent::Lost
    }

    /// Records a failure and waits for its delay.
    pub(super) fn wait(&mut self, transport: T, failure: &ConnectFailure<'_>) {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        if self.connected_since.take().is_some() {
            self.changed = Some(today);
        }
        self.outages.failed(&self.device, failure, now, today);
        let reason = match failure.cause {
            Cause::Refused | Cause::Certificate => WaitReason::BackoffOrWallClock,
            _ => WaitReason::Backoff,
        };
        self.phase = ConnectionPhase::Waiting {
            transport,
            until: now + failure.delay,
            reason,
        };
    }
}
