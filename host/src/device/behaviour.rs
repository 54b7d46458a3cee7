//! The seam between the device loop and what the device does.

use std::{fmt, future::Future, sync::Arc};

use serde_json::{Map, Value};

use super::effect::Effect;
use crate::{
    clock::Clock,
    hub::twin::Acknowledgment,
    store::{
        Room,
        batch::{Batch, TimerChange},
    },
};

/// What a device does: a loaded component, or a stand-in in tests. One value serves any number of devices.
pub trait Behaviour: Clone + Send + Sync + 'static {
    /// What runs for one device.
    type Instance: Instance;

    /// What it is.
    fn description(&self) -> &Description;

    /// What tells this version of it from every other: the SHA-256 of the component's file in hexadecimal digits.
    fn sha256(&self) -> &str;

    /// Whether it takes cloud-to-device messages.
    fn takes_messages(&self) -> bool;

    /// Makes an instance and calls its `init`. The outcome's answer is [`Answer::None`].
    fn start(
        &self,
        surroundings: Surroundings,
        start: Start,
    ) -> impl Future<Output = Result<(Self::Instance, Outcome), Failure>> + Send + 'static;
}

/// A running behaviour. It is given away for each call and comes back only from one that went well.
pub trait Instance: Sized + Send + 'static {
    /// Lets it handle an event.
    fn handle(
        self,
        event: Event,
    ) -> impl Future<Output = Result<(Self, Outcome), Failure>> + Send + 'static;

    /// Bytes of memory it holds.
    fn memory(&self) -> usize;
}

/// What a behaviour says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// For people.
    pub name: String,
    /// Version of the behaviour.
    pub version: String,
    /// The Plug and Play model to announce.
    pub model_id: String,
}

/// What an instance is given of its device.
#[derive(Clone)]
pub struct Surroundings {
    /// The device's name in logs.
    pub device: Arc<str>,
    /// The device's time.
    pub clock: Arc<dyn Clock>,
    /// Seeds the instance's randomness; none takes it from the operating system.
    pub seed: Option<u64>,
    /// What the outbox still takes; none if it takes everything.
    pub room: Option<Arc<Room>>,
}

/// What an instance begins with.
#[derive(Clone, Debug)]
pub struct Start {
    /// Why it begins.
    pub reason: Reason,
    /// Settings, in the order given.
    pub config: Arc<[(String, String)]>,
    /// The last committed record.
    pub record: Option<String>,
}

/// Why an instance begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The device has never run.
    Fresh,
    /// The host was started again.
    Restart,
    /// Another version ran before.
    Swap,
    /// The instance before failed.
    Recovered,
}

/// What a behaviour handles.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The timer of this name is due.
    Timer(String),
    /// Desired properties to apply.
    Desired {
        /// The Plug and Play component; none for the device itself.
        component: Option<String>,
        /// By name; `null` was removed.
        properties: Map<String, Value>,
    },
    /// A command to carry out.
    Command {
        /// The Plug and Play component; none for the device itself.
        component: Option<String>,
        /// Its name.
        name: String,
        /// The request as JSON text.
        payload: Option<String>,
    },
    /// A cloud-to-device message.
    Message {
        /// The body.
        body: Vec<u8>,
        /// Application and system properties.
        properties: Vec<(String, String)>,
    },
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The answer, in the kind of the event.
    pub answer: Answer,
    /// What it staged, in order.
    pub effects: Vec<Effect>,
    /// The record after it.
    pub record: String,
}

impl Outcome {
    /// The answer, and everything else as one batch; `fired` is the timer the call was for.
    #[must_use]
    pub fn into_batch(self, fired: Option<String>) -> (Answer, Batch) {
        let mut batch = Batch {
            record: Some(self.record),
            // Before what it staged, which may set the same timer again.
            timers: fired.map(TimerChange::Fired).into_iter().collect(),
            ..Batch::default()
        };
        batch.stage(self.effects);
        (self.answer, batch)
    }
}

/// The answer to an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// To a timer or message.
    None,
    /// To desired properties.
    Acknowledgments(Vec<Acknowledgment>),
    /// To a command.
    Reply(Reply),
}

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// An HTTP-like status.
    pub status: u32,
    /// The response as JSON text; empty for none.
    pub payload: String,
}

impl Reply {
    /// A refusal or failure with its reason.
    #[must_use]
    pub fn because(status: u32, reason: &str) -> Self {
        Self {
            status,
            payload: serde_json::json!({ "error": reason }).to_string(),
        }
    }
}

/// Why a call went wrong. The instance is gone and nothing of the call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The behaviour returned this error.
    Error(String),
    /// It trapped or exceeded a limit.
    Trap(String),
}

impl Failure {
    /// What was wrong, for whoever knows that it is about a component.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Error(reason) => reason.clone(),
            Self::Trap(reason) => format!("it was stopped: {reason}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(reason) => write!(f, "the component returned an error: {reason}"),
            Self::Trap(reason) => write!(f, "the component was stopped: {reason}"),
        }
    }
}
