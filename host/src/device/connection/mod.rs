//! The device's way to its hub: provision, connect, renew the token, try again.

mod attempt;
mod outage;
mod status;
mod token;
mod wall;

use std::{future::pending, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use jiff::Timestamp;

use self::{
    outage::{Failure, Outages},
    token::{Due, Token},
    wall::Wall,
};
use super::identity::{Identity, Refusal};
use crate::{
    clock::Clock,
    hub::{
        pace::Pace,
        poison::is_by_server,
        reconnect::{Backoff, Cause, Rivalry},
        session::Session,
    },
    mqtt::{ConnectError, Incoming, LinkError, Transport},
    provision::{ProvisionError, dps::Assignment},
    status::ConnectionState,
    store::Place,
};

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
    /// Whether DPS is to be asked again although an assignment is known, and not before when.
    ask_dps: bool,
    dps_after: Duration,
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
    /// Since when it has been connected, in monotonic time; renewals do not count as an end.
    standing: Option<Duration>,
    /// When it last was connected or lost.
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
            dps_after: Duration::ZERO,
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
            standing: None,
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
                let look = token.deadline().min(now + LOOK_AT_CLOCK);
                Some(session.deadline().map_or(look, |at| at.min(look)))
            }
            _ => None,
        }
    }

    /// Begins the next try, if its time has come.
    pub(super) fn on_deadline(&mut self) {
        let now = self.clock.monotonic();
        let what = match self.phase {
            Phase::Waiting {
                what: Wait::Clock, ..
            } if self.wall.was_set(&*self.clock) => {
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
        let due = token.due(today, now);
        session.hold(due != Due::NotYet);
        let is_time = match due {
            Due::NotYet => false,
            Due::Finish => quiet && session.is_quiet(),
            Due::Now => true,
        };
        if is_time && self.replace("the token is to be renewed") {
            self.renewals += 1;
        }
        is_time
    }

    /// Ends a standing connection cleanly and makes another at once; says whether there was one.
    fn replace(&mut self, why: &str) -> bool {
        match self.leave_phase() {
            Phase::Online {
                transport, session, ..
            } => {
                tracing::info!(device = &*self.device, "connecting anew: {why}");
                self.phase = self.connecting(transport, Some(session));
                true
            }
            phase => {
                self.phase = phase;
                false
            }
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
        anew && self.replace("the device announces something else")
    }

    /// Ends a pause, or replaces a standing connection at once. Says what the connection was doing.
    pub(super) fn reconnect(&mut self) -> ConnectionState {
        let was = self.state();
        if self.replace("it is asked for") {
            return was;
        }
        match self.leave_phase() {
            Phase::Waiting {
                transport,
                what: Wait::Pause | Wait::Clock,
                ..
            } => self.begin(transport),
            phase => self.phase = phase,
        }
        was
    }

    /// Gives up a standing connection that has failed, and tries again.
    pub(super) fn lost(&mut self, error: &LinkError) -> Progress {
        self.closed_by_server = is_by_server(error);
        if let Phase::Online {
            transport,
            session,
            token,
        } = self.leave_phase()
        {
            let (now, today) = (self.clock.monotonic(), self.clock.now());
            let stood = self.stood(now).unwrap_or_default();
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
            let worked = session.was_answered().then_some(stood);
            let pause = self.backoff.pause(cause, worked, rand::random());
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

    /// How long the device has been connected, renewals aside.
    fn stood(&self, now: Duration) -> Option<Duration> {
        self.standing.map(|since| now.saturating_sub(since))
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
}
