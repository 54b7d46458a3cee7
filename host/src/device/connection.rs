//! The device's way to its hub: provision, connect, try again.

use std::{future::pending, sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    hub::{reconnect::Backoff, session::Session, topic},
    mqtt::{Connect, ConnectError, Endpoint, Incoming, LinkError, Transport},
    provision::{
        self, ProvisionError,
        dps::{Assignment, Registration},
        sas::Key,
    },
    store::Place,
};
use futures::future::BoxFuture;

/// How long a token is good for.
const TOKEN_LIFE: Duration = Duration::from_secs(3600);
/// Longest silence on the wire.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
/// Failed connects in a row after which a device asks DPS again where it belongs.
const PROVISION_AFTER: u32 = 10;
/// Time between tries of an identity that has worked and is now refused.
const REFUSED_PAUSE: Duration = Duration::from_secs(300);

/// Who the device is, and how it finds its hub.
#[derive(Clone, Debug)]
pub enum Identity {
    /// DPS tells the hub.
    Dps(Registration),
    /// A connection string names it.
    Hub {
        /// Hub and device id.
        assignment: Assignment,
        /// The device's key.
        key: Key,
    },
}

impl Identity {
    /// Where the device belongs once a hub of this identity has accepted it.
    pub(super) fn place(&self, assignment: Assignment) -> Place {
        let enrolment = match self {
            Self::Dps(registration) => Some(registration.enrolment()),
            Self::Hub { .. } => None,
        };
        Place {
            enrolment,
            assignment,
        }
    }

    /// Whether this is the identity the hub has accepted there.
    fn is_of(&self, place: &Place) -> bool {
        match self {
            Self::Dps(registration) => place.enrolment.as_ref() == Some(&registration.enrolment()),
            Self::Hub { assignment, .. } => {
                place.enrolment.is_none() && place.assignment == *assignment
            }
        }
    }

    /// The name the device is known by: its id at the hub, or the one it registers with.
    #[must_use]
    pub fn device_id(&self) -> &str {
        match self {
            Self::Dps(registration) => &registration.registration_id,
            Self::Hub { assignment, .. } => &assignment.device_id,
        }
    }
}

/// Why a device will not get to its hub by trying again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);

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
    model_id: String,
    /// The model the last CONNECT announced.
    announced: String,
    messages: bool,
    clock: Arc<dyn Clock>,
    assignment: Option<Assignment>,
    /// Whether DPS has named the hub since the hub last accepted the device: then a refusal is meant.
    fresh: bool,
    /// Whether the hub has ever accepted this identity.
    known: bool,
    /// Failed connects in a row.
    failed: u32,
    backoff: Backoff,
    phase: Phase<T>,
    /// Counts connections, so that an answer never leaves on another one than its question.
    pub(super) epoch: u64,
}

enum Phase<T: Transport> {
    Waiting {
        transport: T,
        until: Duration,
    },
    Provisioning(BoxFuture<'static, (T, Result<Assignment, ProvisionError>)>),
    Connecting(BoxFuture<'static, (T, Result<T::Link, ConnectError>)>),
    Online {
        transport: T,
        session: Session<T::Link>,
        since: Duration,
    },
    /// Only while one phase is replaced by another.
    Changing,
}

impl<T: Transport + Sync> Connection<T> {
    /// A connection to be made at the first deadline; `place` is where the device was last connected.
    pub(super) fn new(
        transport: T,
        identity: Identity,
        place: Option<&Place>,
        model_id: String,
        messages: bool,
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
            model_id,
            announced: String::new(),
            messages,
            clock,
            assignment,
            fresh: false,
            known,
            failed: 0,
            backoff: Backoff::default(),
            phase: Phase::Waiting {
                transport,
                until: Duration::ZERO,
            },
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

    /// When [`on_deadline`](Self::on_deadline) has something to do.
    pub(super) fn deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Waiting { until, .. } => Some(*until),
            Phase::Online { session, .. } => session.deadline(),
            _ => None,
        }
    }

    /// Begins the next try, if its time has come.
    pub(super) fn on_deadline(&mut self) {
        let now = self.clock.monotonic();
        if matches!(self.phase, Phase::Waiting { until, .. } if until <= now)
            && let Phase::Waiting { transport, .. } = self.leave_phase()
        {
            self.begin(transport);
        }
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
                let (transport, result) = connecting.await;
                self.connected(transport, result)
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
        if let Phase::Online { transport, .. } = self.leave_phase() {
            tracing::info!(
                hub = self.hub(),
                "connecting anew: the device announces something else"
            );
            self.phase = Phase::Waiting {
                transport,
                until: self.clock.monotonic(),
            };
        }
        true
    }

    /// Gives up a standing connection that has failed, and tries again.
    pub(super) fn lost(&mut self, error: &LinkError) -> Progress {
        if let Phase::Online {
            transport, since, ..
        } = self.leave_phase()
        {
            let stood = self.clock.monotonic().saturating_sub(since);
            let pause = self.backoff.pause(stood, rand::random());
            self.wait(transport, self.hub(), &error.to_string(), pause);
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

    fn begin(&mut self, transport: T) {
        self.announced.clone_from(&self.model_id);
        self.phase = match (&self.assignment, &self.identity) {
            (None, Identity::Dps(registration)) => {
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
            (Some(assignment), _) => self.connecting(transport, assignment),
            (None, Identity::Hub { assignment, .. }) => self.connecting(transport, assignment),
        };
    }

    fn connecting(&self, transport: T, assignment: &Assignment) -> Phase<T> {
        let Assignment { hub, device_id } = assignment;
        let key = match &self.identity {
            Identity::Dps(registration) => &registration.key,
            Identity::Hub { key, .. } => key,
        };
        let expiry = self.clock.now() + TOKEN_LIFE;
        let request = Connect {
            endpoint: Endpoint::parse(hub).unwrap_or(Endpoint {
                host: hub.clone(),
                port: 8883,
            }),
            client_id: device_id.clone(),
            username: topic::username(hub, device_id, &self.model_id),
            password: key.token(&format!("{hub}/devices/{device_id}"), expiry, None),
            keep_alive: KEEP_ALIVE,
        };
        tracing::info!(hub, device = device_id, "connecting");
        Phase::Connecting(Box::pin(async move {
            let mut transport = transport;
            let result = transport.connect(&request).await;
            (transport, result)
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
                self.fresh = true;
                self.failed = 0;
                self.begin(transport);
                Ok(Progress::Assigned(assignment))
            }
            Err(ProvisionError::TryAgain { after, why }) => {
                let pause = self.backoff.pause(Duration::ZERO, rand::random());
                self.wait(
                    transport,
                    "DPS".to_owned(),
                    &why,
                    pause.max(after.unwrap_or_default()),
                );
                Ok(Progress::Lost)
            }
            Err(refusal) => self.refused(transport, "DPS", refusal.to_string()),
        }
    }

    fn connected(
        &mut self,
        transport: T,
        result: Result<T::Link, ConnectError>,
    ) -> Result<Progress, Refusal> {
        let hub = self.hub();
        let error = match result {
            // Another version has taken over meanwhile, with another model.
            Ok(_) if self.announced != self.model_id => {
                self.begin(transport);
                return Ok(Progress::Lost);
            }
            Ok(link) => return Ok(self.online(transport, link)),
            Err(error) => error,
        };
        self.failed += 1;
        let by_dps = matches!(self.identity, Identity::Dps(_));
        match error {
            ConnectError::Refused(4 | 5) if by_dps && !self.fresh => {
                tracing::warn!(hub, "the hub does not take the device any more; asking DPS");
                self.assignment = None;
                self.begin(transport);
                Ok(Progress::Lost)
            }
            ConnectError::Refused(1 | 2 | 4 | 5) => {
                let why = format!(
                    "{hub} does not take the device: {error}; check that the key is this device's, that the device is \
                     enabled, and this machine's clock"
                );
                self.refused(transport, &hub, why)
            }
            ConnectError::Tls(why) => self.refused(transport, &hub, why),
            ConnectError::Refused(_) | ConnectError::Unreachable(_) => {
                if by_dps && self.failed.is_multiple_of(PROVISION_AFTER) {
                    self.assignment = None;
                }
                let pause = self.backoff.pause(Duration::ZERO, rand::random());
                self.wait(transport, hub, &error.to_string(), pause);
                Ok(Progress::Lost)
            }
        }
    }

    fn online(&mut self, transport: T, link: T::Link) -> Progress {
        let Some(assignment) = self.assignment.clone() else {
            return Progress::Lost;
        };
        let now = self.clock.monotonic();
        match Session::begin(link, &assignment.device_id, self.messages, now) {
            Ok(session) => {
                self.known = true;
                self.fresh = false;
                self.failed = 0;
                self.epoch += 1;
                self.phase = Phase::Online {
                    transport,
                    session,
                    since: now,
                };
                Progress::Connected(assignment)
            }
            Err(error) => {
                let pause = self.backoff.pause(Duration::ZERO, rand::random());
                self.wait(transport, assignment.hub, &error.to_string(), pause);
                Progress::Lost
            }
        }
    }

    /// A refusal ends an identity that has never worked; one that has is tried again, because what a person has done
    /// to it a person may undo.
    fn refused(&mut self, transport: T, whom: &str, why: String) -> Result<Progress, Refusal> {
        if !self.known {
            return Err(Refusal(why));
        }
        self.wait(transport, whom.to_owned(), &why, REFUSED_PAUSE);
        Ok(Progress::Lost)
    }

    fn wait(&mut self, transport: T, whom: String, why: &str, pause: Duration) {
        let milliseconds = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            server = whom,
            next_try_in_ms = milliseconds,
            "not connected: {why}"
        );
        self.phase = Phase::Waiting {
            transport,
            until: self.clock.monotonic() + pause,
        };
    }
}
