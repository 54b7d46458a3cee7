//! One try to connect: DPS, if it is to be asked, then the hub; and what follows from how it ends.

use std::time::Duration;

use super::{Connection, Phase, Progress, Wait, outage::Failure, token::Token, wall::Wall};
use crate::{
    clock::is_set,
    device::identity::{Identity, Refusal},
    hub::{reconnect::Cause, session::Session, topic},
    mqtt::{Connect, ConnectError, Endpoint, Transport},
    provision::{self, ProvisionError, dps::Assignment},
};

/// Failed connects in a row after which a device asks DPS again where it belongs.
const PROVISION_AFTER: u32 = 10;

impl<T: Transport + Sync> Connection<T> {
    /// Takes a turn, and connects when it comes.
    pub(super) fn begin(&mut self, transport: T) {
        let now = self.clock.monotonic();
        // The hub may be reached where DPS is not, or wants to be left alone.
        self.ask_dps &= self.assignment.is_none() || self.dps_after <= now;
        let server = match (&self.identity, self.ask_dps) {
            (Identity::Dps(registration), true) => registration.endpoint.to_string(),
            _ => self.hub(),
        };
        let until = self.settings.pace.turn(&server, now);
        if until > now {
            self.phase = Phase::Waiting {
                transport,
                until,
                what: Wait::Turn,
            };
        } else {
            self.open(transport);
        }
    }

    pub(super) fn open(&mut self, transport: T) {
        self.phase = match &self.identity {
            Identity::Dps(registration) if self.ask_dps => {
                let (clock, registration) = (self.clock.clone(), registration.clone());
                let model_id = self.model_id.clone();
                tracing::info!(id = registration.registration_id, "asking DPS for the hub");
                Phase::Provisioning(Box::pin(async move {
                    let mut transport = transport;
                    let result =
                        provision::register(&mut transport, &*clock, &registration, &model_id)
                            .await;
                    (transport, result)
                }))
            }
            _ => self.connecting(transport, None),
        };
    }

    /// Connects, once the connection `before` is ended cleanly.
    pub(super) fn connecting(
        &mut self,
        transport: T,
        before: Option<Session<T::Link>>,
    ) -> Phase<T> {
        self.closed_by_server &= before.is_none();
        self.announced.clone_from(&self.model_id);
        self.wall = Wall::of(&*self.clock);
        let (hub, device_id) = match &self.assignment {
            Some(assignment) => (assignment.hub.clone(), assignment.device_id.clone()),
            None => Default::default(),
        };
        let token = Token::minted(
            self.settings.token_life,
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
            keep_alive: self.settings.keep_alive,
        };
        tracing::info!(hub, device = &*self.device, "connecting");
        Phase::Connecting(Box::pin(async move {
            let mut transport = transport;
            if let Some(before) = before {
                before.disconnect().await;
            }
            let result = transport.connect(&request).await;
            (transport, token, result)
        }))
    }

    pub(super) fn provisioned(
        &mut self,
        transport: T,
        result: Result<Assignment, ProvisionError>,
    ) -> Result<Progress, Refusal> {
        match result {
            Ok(assignment) => {
                self.assignment = Some(assignment.clone());
                self.ask_dps = false;
                self.fresh = true;
                self.failed = 0;
                self.begin(transport);
                Ok(Progress::Assigned(assignment))
            }
            Err(ProvisionError::TryAgain { after, cause, why }) => {
                self.leave_dps();
                let after = after.unwrap_or_default();
                self.dps_after = self.clock.monotonic() + after;
                let least = if self.ask_dps { after } else { Duration::ZERO };
                Ok(self.try_again(transport, "DPS", cause, &why, least))
            }
            Err(ProvisionError::Tls(why)) => {
                self.leave_dps();
                self.refused(transport, "DPS", Cause::Certificate, why)
            }
            Err(ProvisionError::Refused(refusal)) => {
                self.leave_dps();
                self.refused(transport, "DPS", Cause::Refused, refusal.to_string())
            }
        }
    }

    pub(super) fn connected(
        &mut self,
        transport: T,
        token: Token,
        result: Result<T::Link, ConnectError>,
    ) -> Result<Progress, Refusal> {
        let error = match result {
            // Another version has taken over meanwhile, with another model.
            Ok(_) if self.announced != self.model_id => {
                self.begin(transport);
                return Ok(Progress::Lost);
            }
            Ok(link) => return Ok(self.online(transport, token, link)),
            Err(error) => error,
        };
        self.failed = self.failed.saturating_add(1);
        let by_dps = matches!(self.identity, Identity::Dps(_));
        let hub = self.hub();
        let cause = Cause::from(&error);
        match error {
            ConnectError::Refused(4 | 5) if by_dps && !self.fresh => {
                let failure = Failure {
                    server: &hub,
                    cause,
                    why: &error.to_string(),
                    was_connected: false,
                    pause: Duration::ZERO,
                };
                self.outages.count(&failure, self.clock.now());
                tracing::warn!(hub, "the hub does not take the device any more; asking DPS");
                self.assignment = None;
                self.ask_dps = true;
                self.begin(transport);
                Ok(Progress::Lost)
            }
            ConnectError::Refused(1 | 2 | 4 | 5) => {
                // By then it may belong to another hub.
                self.ask_dps = by_dps;
                let why = format!(
                    "{hub} does not take the device: {error}; check that the key is this device's, that the device is \
                     enabled, and this machine's clock"
                );
                self.refused(transport, &hub, cause, why)
            }
            ConnectError::Tls(why) => {
                self.ask_dps = by_dps;
                self.refused(transport, &hub, cause, why)
            }
            error => {
                self.ask_dps = by_dps && self.failed.is_multiple_of(PROVISION_AFTER);
                let why = error.to_string();
                Ok(self.try_again(transport, &hub, cause, &why, Duration::ZERO))
            }
        }
    }

    fn online(&mut self, transport: T, token: Token, link: T::Link) -> Progress {
        let Some(assignment) = self.assignment.clone() else {
            return Progress::Lost;
        };
        let now = self.clock.monotonic();
        let keep_alive = self.settings.keep_alive;
        match Session::begin(link, &assignment.device_id, self.messages, keep_alive, now) {
            Ok(session) => {
                self.known = true;
                self.fresh = false;
                self.failed = 0;
                self.epoch += 1;
                if self.standing.is_none() {
                    self.standing = Some(now);
                    self.changed = Some(self.clock.now());
                }
                self.outages.over(&self.device, &assignment.hub, now);
                self.phase = Phase::Online {
                    transport,
                    session,
                    token,
                };
                Progress::Connected(assignment)
            }
            Err(error) => {
                let cause = Cause::from(&error);
                let why = error.to_string();
                self.try_again(transport, &assignment.hub, cause, &why, Duration::ZERO)
            }
        }
    }

    /// The next try is at the hub, if one is known: it may take the device although DPS does not.
    fn leave_dps(&mut self) {
        self.ask_dps = self.assignment.is_none();
    }

    /// A refusal ends an identity that has never worked; one that has is tried again, because what a person has done
    /// to it a person may undo. A machine that does not know the time cannot be believed.
    fn refused(
        &mut self,
        transport: T,
        server: &str,
        cause: Cause,
        why: String,
    ) -> Result<Progress, Refusal> {
        if !self.known && is_set(self.clock.now()) {
            return Err(Refusal(why));
        }
        Ok(self.try_again(transport, server, cause, &why, Duration::ZERO))
    }

    /// Waits for the next try, for `least` at least.
    fn try_again(
        &mut self,
        transport: T,
        server: &str,
        cause: Cause,
        why: &str,
        least: Duration,
    ) -> Progress {
        // A renewal that fails ends a connection that had worked.
        let worked = self.stood(self.clock.monotonic());
        let pause = self.backoff.pause(cause, worked, rand::random());
        self.wait(
            transport,
            &Failure {
                server,
                cause,
                why,
                was_connected: false,
                pause: pause.max(least),
            },
        );
        Progress::Lost
    }

    pub(super) fn wait(&mut self, transport: T, failure: &Failure<'_>) {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        if self.standing.take().is_some() {
            self.changed = Some(today);
        }
        self.outages.failed(&self.device, failure, now, today);
        let what = match failure.cause {
            Cause::Refused | Cause::Certificate => Wait::Clock,
            _ => Wait::Pause,
        };
        self.phase = Phase::Waiting {
            transport,
            until: now + failure.pause,
            what,
        };
    }
}
