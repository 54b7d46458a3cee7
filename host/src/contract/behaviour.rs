//! The seam between the device loop and the behaviour.

use std::{fmt, future::Future, sync::Arc};

use serde_json::{Map, Value};

use super::{OutboxQuota, effect::Effect};
use crate::{
    clock::Clock,
    hub::{reply::Reply, twin::Acknowledgment},
};

/// A loaded component, or a stand-in in tests. One value serves any number of devices.
pub trait Behaviour: Clone + Send + Sync + 'static {
    /// The instance of one device.
    type Instance: Instance;

    /// Returns the description.
    fn description(&self) -> &Description;

    /// Returns the SHA-256 of the component's file in hexadecimal digits, which identifies the version.
    fn sha256(&self) -> &str;

    /// Returns true if the behaviour accepts cloud-to-device messages.
    fn takes_messages(&self) -> bool;

    /// Makes an instance and calls its `init`. The outcome's answer is [`Answer::None`].
    ///
    /// # Errors
    /// `init` failed.
    fn start(
        &self,
        context: InstanceContext,
        start: Start,
    ) -> impl Future<Output = Result<(Self::Instance, Outcome), CallFailure>> + Send + 'static;
}

/// A running behaviour. Each call consumes the instance, and only a successful one returns it.
pub trait Instance: Sized + Send + 'static {
    /// Handles an event.
    ///
    /// # Errors
    /// The call failed, and the instance is gone.
    fn handle(
        self,
        event: Event,
    ) -> impl Future<Output = Result<(Self, Outcome), CallFailure>> + Send + 'static;

    /// Returns the memory in use, in bytes.
    fn memory(&self) -> usize;
}

/// The description a behaviour gives of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The name.
    pub name: String,
    /// The version number.
    pub version: String,
    /// The Plug and Play model to announce.
    pub model_id: String,
}

/// The context of an instance.
#[derive(Clone)]
pub struct InstanceContext {
    /// The device's name in logs.
    pub device: Arc<str>,
    /// The device's clock.
    pub clock: Arc<dyn Clock>,
    /// Seed of the instance's randomness; `None` takes it from the operating system.
    pub seed: Option<u64>,
    /// The outbox space left; `None` if the outbox evicts instead of rejecting.
    pub outbox_quota: Option<Arc<OutboxQuota>>,
}

/// The arguments of a start.
#[derive(Clone, Debug)]
pub struct Start {
    /// The reason of the start.
    pub reason: Reason,
    /// Settings, in the order given.
    pub config: Arc<[(String, String)]>,
    /// The last committed record.
    pub record: Option<String>,
}

/// The reason of a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// First start of the device.
    Fresh,
    /// Restart of the host.
    Restart,
    /// Swap from another version.
    Swap,
    /// Failure of the previous instance.
    Recovered,
}

/// An event for a behaviour.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The timer of this name is due.
    Timer(String),
    /// Desired properties to apply.
    Desired {
        /// The Plug and Play component; `None` for the device itself.
        component: Option<String>,
        /// Values by name; `null` was removed.
        properties: Map<String, Value>,
    },
    /// A command to carry out.
    Command {
        /// The Plug and Play component; `None` for the device itself.
        component: Option<String>,
        /// The name.
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

impl Event {
    /// Returns the name of the component's export that handles the event.
    #[must_use]
    pub fn export(&self) -> &'static str {
        match self {
            Self::Timer(_) => "on-timer",
            Self::Desired { .. } => "on-desired",
            Self::Command { .. } => "on-command",
            Self::Message { .. } => "on-message",
        }
    }
}

/// The outcome of a successful call.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The answer to the event.
    pub answer: Answer,
    /// The staged effects, in order.
    pub effects: Vec<Effect>,
    /// The record after the call.
    pub record: String,
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

/// The failure of a call. The instance is gone, and the effects of the call are discarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallFailure {
    /// Error returned by the behaviour.
    Error(String),
    /// Trap, or exceeded limit.
    Trap(String),
    /// Trap at the memory limit.
    OutOfMemory(String),
}

impl CallFailure {
    /// Returns true for a trap, false for an error the behaviour returned.
    #[must_use]
    pub fn is_trap(&self) -> bool {
        !matches!(self, Self::Error(_))
    }

    /// Adds a remedy to the reason.
    #[must_use]
    pub fn with_remedy(mut self, remedy: &str) -> Self {
        let (Self::Error(reason) | Self::Trap(reason) | Self::OutOfMemory(reason)) = &mut self;
        *reason = format!("{reason}; {remedy}");
        self
    }

    /// Describes the failure without naming the component.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Error(reason) => reason.clone(),
            Self::Trap(reason) | Self::OutOfMemory(reason) => format!("stopped: {reason}"),
        }
    }
}

impl fmt::Display for CallFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(reason) => write!(f, "component returned an error: {reason}"),
            Self::Trap(reason) | Self::OutOfMemory(reason) => {
                write!(f, "component stopped: {reason}")
            }
        }
    }
}
