//! The device's way to its hub: provision, connect, renew the token, try again.

mod outage;
mod status;
mod token;
mod wall;

use std::{future::pending, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use jiff::Timestamp;

use self::{
    outage::{Failure, Outages},
    token::Token,
    wall::Wall,
};
use super::identity::{Identity, Refusal};
use crate::{
    clock::{Clock, is_set},
    hub::{
        pace::Pace,
        poison::is_by_server,
        reconnect::{Backoff, Cause, Rivalry},
        session::Session,
        topic,
    },
    mqtt::{Connect, ConnectError, Endpoint, Incoming, LinkError, Transport},
    provision::{self, ProvisionError, dps::Assignment},
    store::Place,
};

/// Failed connects in a row after which a device asks DPS again where it belongs.
const PROVISION_AFTER: u32 = 10;
/// Longest time after which a change of the time of day is noticed.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

/// How a device connects.
#[derive(Clone, Debug)]
pub struct Connecting {
    /// Longest silence on the wire. A hub that is gone without a word is found out within twice that.
    pub keep_alive: Duration,
    /// How long a token is good for; it is renewed before it ends.
    pub token_life: Duration,
    /// Shared by all devices of a process.
    pub pace: Arc<Pace>,
}

impl Default for Connecting {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(60),
            token_life: Duration::from_secs(3600),
            pace: Arc::default(),
        }
    }
}

/// What a connection has to tell.
pub(super) enum Progress {
    /// DPS has answered.
    Assigned(Assignment),
    /// The hub has accepted the device.
    Connected(Assignment),
    /// Something came in.
    Incoming(Incoming),
    /// The connection is gone or was not made, and will be tried again.
    Lost,
}

/// One device's connection, through all its losses.
pub(super) struct Connection<T: Transport> {
    pub(super) identity: Identity,
    device: Arc<str>,
    settings: Connecting,
    model_id: String,
    /// The model the last CONNECT announced.
    announced: String,
    messages: bool,
    clock: Arc<dyn Clock>,
    wall: Wall,
    assignment: Option<Assignment>,
    /// Whether DPS is to be asked again although an assignment is known.
    ask_dps: bool,
    /// Whether DPS has named the hub since the hub last accepted the device: then a refusal is meant.
    fresh: bool,
    /// Whether the hub has ever accepted this identity.
    known: bool,
    /// Failed connects in a row.
    failed: u32,
    backoff: Backoff,
    rivalry: Rivalry,
    outages: Outages,
    renewals: u64,
    phase: Phase<T>,
    /// Whether it was connected, and since when it is or is not.
    was_connected: bool,
    changed: Option<Timestamp>,
    /// Whether the last connection was ended by the server.
    pub(super) closed_by_server: bool,
    /// Counts connections, so that an answer never leaves on another one than its question.
    pub(super) epoch: u64,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per device, and nearly always it is the large one"
)]
enum Phase<T: Transport> {
    Waiting {
        transport: T,
        until: Duration,
        /// What for.
        what: Wait,
    },
    Provisioning(BoxFuture<'static, (T, Result<Assignment, ProvisionError>)>),
    Connecting(BoxFuture<'static, (T, Token, Result<T::Link, ConnectError>)>),
    Online {
        transport: T,
        session: Session<T::Link>,
        since: Duration,
        token: Token,
    },
    /// Only while one phase is replaced by another.
    Changing,
}

/// What a device that is not connected waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// The end of a pause.
    Pause,
    /// The end of a pause after something the time of day may be the reason of.
    Clock,
    /// Its turn among the devices of this process.
    Turn,
}

impl<T: Transport + Sync> Connection<T> {
    /// A connection to be made at the first deadline; `place` is where the device was last connected.
    pub(super) fn new(
        transport: T,
        device: Arc<str>,
        identity: Identity,
        settings: Connecting,
        place: Option<&Place>,
        (model_id, messages): (String, bool),
        clock: Arc<dyn Clock>,
    ) -> Self {
        let place = place.filter(|place| identity.is_of(place));
        let assignment = match &identity {
            Identity::Hub { assignment, .. } => Some(assignment.clone()),
            Identity::Dps(_) => place.map(|place| place.assignment.clone()),
        };
        let known = place.is_some();
        Self {
            identity,
            device,
            settings,
            model_id,
            announced: String::new(),
            messages,
            wall: Wall::of(&*clock),
            clock,
            ask_dps: assignment.is_none(),
            assignment,
            fresh: false,
            known,
            failed: 0,
            backoff: Backoff::default(),
            rivalry: Rivalry::default(),
            outages: Outages::default(),
            renewals: 0,
            phase: Phase::Waiting {
                transport,
                until: Duration::ZERO,
                what: Wait::Pause,
            },
            was_connected: false,
            changed: None,
            closed_by_server: false,
            epoch: 0,
        }
    }

    /// The standing connection, if there is one.
    pub(super) fn session(&mut self) -> Option<&mut Session<T::Link>> {
        match &mut self.phase {
            Phase::Online { session, .. } => Some(session),
            _ => None,
        }
    }

    /// When [`on_deadline`](Self::on_deadline) or [`renew`](Self::renew) has something to do.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let now = self.clock.monotonic();
        match &self.phase {
            Phase::Waiting {
                until,
                what: Wait::Clock,
                ..
            } => Some((now + LOOK_AT_CLOCK).min(*until)),
            Phase::Waiting { until, .. } => Some(*until),
            Phase::Online { session, token, .. } => {
                let look = token.deadline(now).min(now + LOOK_AT_CLOCK);
                Some(session.deadline().map_or(look, |at| at.min(look)))
            }
            _ => None,
        }
    }

    /// Begins the next try, if its time has come.
    pub(super) fn on_deadline(&mut self) {
        let now = self.clock.monotonic();
        let was_set = self.wall.was_set(&*self.clock);
        let what = match self.phase {
            Phase::Waiting {
                what: Wait::Clock, ..
            } if was_set => {
                tracing::info!(device = &*self.device, "the clock was set; trying again");
                Wait::Clock
            }
            Phase::Waiting { until, what, .. } if until <= now => what,
            _ => return,
        };
        if let Phase::Waiting { transport, .. } = self.leave_phase() {
            match what {
                Wait::Turn => self.open(transport),
                Wait::Pause | Wait::Clock => self.begin(transport),
            }
        }
    }

    /// Renews the token of a standing connection, if it is time. Nothing more leaves then, and once nothing is on its way
    /// (`quiet` says it for the device), or the time for that is over, a new connection takes the old one's place. Says
    /// whether it does.
    pub(super) fn renew(&mut self, quiet: bool) -> bool {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        let Phase::Online { session, token, .. } = &mut self.phase else {
            return false;
        };
        if !token.is_due(today, now) {
            return false;
        }
        session.hold();
        if !(quiet && session.is_quiet() || token.is_overdue(today, now)) {
            return false;
        }
        let Phase::Online {
            transport, session, ..
        } = self.leave_phase()
        else {
            return false;
        };
        tracing::info!(device = &*self.device, "renewing the token");
        self.renewals += 1;
        self.phase = self.connecting(transport, Some(session));
        true
    }

    /// The next thing that happens. Cancel safe. An error is a refusal of an identity that has never worked.
    pub(super) async fn next(&mut self) -> Result<Progress, Refusal> {
        match &mut self.phase {
            Phase::Waiting { .. } | Phase::Changing => pending().await,
            Phase::Provisioning(provisioning) => {
                let (transport, result) = provisioning.await;
                self.provisioned(transport, result)
            }
            Phase::Connecting(connecting) => {
                let (transport, token, result) = connecting.await;
                self.connected(transport, token, result)
            }
            Phase::Online { session, .. } => match session.next().await {
                Ok(incoming) => Ok(Progress::Incoming(incoming)),
                Err(error) => Ok(self.lost(&error)),
            },
        }
    }

    /// Announces this model and takes messages or not, from the next connection on. What a standing one cannot be told ends
    /// it, and the next one is made at once; says whether it does.
    pub(super) fn announce(&mut self, model_id: String, messages: bool) -> bool {
        let anew = self.model_id != model_id || (messages && !self.messages);
        self.model_id = model_id;
        self.messages = messages;
        if !anew || !matches!(self.phase, Phase::Online { .. }) {
            return false;
        }
        if let Phase::Online {
            transport, session, ..
        } = self.leave_phase()
        {
            tracing::info!(
                device = &*self.device,
                "connecting anew: the device announces something else"
            );
            self.phase = self.connecting(transport, Some(session));
        }
        true
    }

    /// Gives up a standing connection that has failed, and tries again.
    pub(super) fn lost(&mut self, error: &LinkError) -> Progress {
        self.closed_by_server = is_by_server(error);
        if let Phase::Online {
            transport,
            session,
            since,
            token,
        } = self.leave_phase()
        {
            let (now, today) = (self.clock.monotonic(), self.clock.now());
            let stood = now.saturating_sub(since);
            let cause = match Cause::from(error) {
                Cause::Closed if token.is_due(today, now) => Cause::Expired,
                cause => self.rivalry.judge(cause, stood, session.was_well()),
            };
            let why = match cause {
                Cause::TakenOver => format!(
                    "{error}, again and again while all was well; most likely another client connects as this device: give \
                     each device an id of its own"
                ),
                _ => error.to_string(),
            };
            let pause = self.backoff.pause(cause, stood, rand::random());
            let server = self.hub();
            self.wait(
                transport,
                &Failure {
                    server: &server,
                    cause,
                    why: &why,
                    was_connected: true,
                    pause,
                },
            );
        }
        Progress::Lost
    }

    /// Ends a standing connection cleanly.
    pub(super) async fn end(self) {
        if let Phase::Online { session, .. } = self.phase {
            session.disconnect().await;
        }
    }

    fn leave_phase(&mut self) -> Phase<T> {
        std::mem::replace(&mut self.phase, Phase::Changing)
    }

    fn hub(&self) -> String {
        self.assignment
            .as_ref()
            .map(|assignment| assignment.hub.clone())
            .unwrap_or_default()
    }

    /// Takes a turn, and connects when it comes.
    fn begin(&mut self, transport: T) {
        let server = match (&self.identity, self.ask_dps) {
            (Identity::Dps(registration), true) => registration.endpoint.to_string(),
            _ => self.hub(),
        };
        let now = self.clock.monotonic();
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

    fn open(&mut self, transport: T) {
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
    fn connecting(&mut self, transport: T, before: Option<Session<T::Link>>) -> Phase<T> {
        self.closed_by_server &= before.is_none();
        self.announced.clone_from(&self.model_id);
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

    fn provisioned(
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
                // The hub may be reached where DPS is not.
                self.ask_dps = self.assignment.is_none();
                let least = after.unwrap_or_default();
                Ok(self.try_again(transport, "DPS", cause, &why, least))
            }
            Err(ProvisionError::Tls(why)) => {
                self.refused(transport, "DPS", Cause::Certificate, why)
            }
            Err(ProvisionError::Refused(refusal)) => {
                self.refused(transport, "DPS", Cause::Refused, refusal.to_string())
            }
        }
    }

    fn connected(
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
                tracing::warn!(hub, "the hub does not take the device any more; asking DPS");
                self.assignment = None;
                self.ask_dps = true;
                self.begin(transport);
                Ok(Progress::Lost)
            }
            ConnectError::Refused(1 | 2 | 4 | 5) => {
                let why = format!(
                    "{hub} does not take the device: {error}; check that the key is this device's, that the device is \
                     enabled, and this machine's clock"
                );
                self.refused(transport, &hub, cause, why)
            }
            ConnectError::Tls(why) => self.refused(transport, &hub, cause, why),
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
                self.was_connected = true;
                self.changed = Some(self.clock.now());
                self.outages.over(&self.device, &assignment.hub, now);
                self.phase = Phase::Online {
                    transport,
                    session,
                    since: now,
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
        // By then it may belong to another hub.
        self.ask_dps = matches!(self.identity, Identity::Dps(_));
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
        let pause = self.backoff.pause(cause, Duration::ZERO, rand::random());
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

    fn wait(&mut self, transport: T, failure: &Failure<'_>) {
        let (now, today) = (self.clock.monotonic(), self.clock.now());
        if std::mem::take(&mut self.was_connected) {
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
