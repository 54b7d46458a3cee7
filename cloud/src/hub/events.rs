//! What happens to devices, and what they say.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MethodReply, Status};

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Counts from 1, without gaps, over all devices.
    pub sequence: u64,
    /// When the hub took note of it.
    pub enqueued: Timestamp,
    /// Of which device; empty for a fault of all devices.
    pub device_id: String,
    /// What it was.
    pub kind: EventKind,
}

/// What can happen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum EventKind {
    /// The device connected.
    Connected {
        /// The model it announced.
        model_id: Option<String>,
        /// Whether the hub still had its session.
        session_present: bool,
    },
    /// Its connection ended.
    Disconnected {
        /// Why, in words.
        reason: String,
        /// When the hub was last known to have it, if the cloud itself ended then and could take note of nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// It sent a message.
    Telemetry(D2cMessage),
    /// A fault, of the device of this event, or of all devices if that is empty.
    Fault {
        /// Started, ended or triggered.
        phase: FaultPhase,
        /// The fault and its settings, as `/api/faults` has them.
        fault: Value,
    },
    /// It reported properties.
    Reported {
        /// What it sent: `null` removes.
        patch: Value,
        /// The reported `$version` this made.
        version: u64,
        /// The version of the whole twin this made.
        twin_version: u64,
    },
    /// An operator changed desired properties.
    Desired(TwinChange),
    /// An operator changed tags.
    Tags(TwinChange),
    /// An operator called a command (a direct method).
    Command {
        /// Its name; `component*command` for a component's.
        name: String,
        /// What it got.
        payload: Option<Value>,
        /// What the device answered, or why it did not.
        outcome: Result<MethodReply, String>,
        /// How long that took.
        milliseconds: u64,
    },
    /// The registry changed.
    Registry {
        /// What became of the device.
        change: RegistryChange,
        /// Tells it from others of the same id.
        generation_id: String,
        /// The etag of its registration.
        etag: String,
        /// Whether it may connect.
        status: Status,
    },
}

/// What an operator changed of a twin.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TwinChange {
    /// What was sent: `null` removes.
    pub patch: Map<String, Value>,
    /// Whether all else was removed.
    pub replaced: bool,
    /// The `$version` this made of the desired properties; of no meaning for tags.
    pub version: u64,
    /// The version of the whole twin this made.
    pub twin_version: u64,
}

/// What became of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryChange {
    /// It was registered.
    Created,
    /// Its registration was changed.
    Updated,
    /// It was removed.
    Deleted,
}

impl EventKind {
    /// Every name there is.
    pub const NAMES: [&str; 13] = [
        "connected",
        "disconnected",
        "telemetry",
        "reported",
        "desired",
        "tags",
        "command",
        "created",
        "updated",
        "deleted",
        "fault-started",
        "fault-ended",
        "fault-triggered",
    ];

    /// What operators call it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connected { .. } => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::Telemetry(_) => "telemetry",
            Self::Reported { .. } => "reported",
            Self::Desired(_) => "desired",
            Self::Tags(_) => "tags",
            Self::Command { .. } => "command",
            Self::Registry { change, .. } => match change {
                RegistryChange::Created => "created",
                RegistryChange::Updated => "updated",
                RegistryChange::Deleted => "deleted",
            },
            Self::Fault { phase, .. } => match phase {
                FaultPhase::Started => "fault-started",
                FaultPhase::Ended => "fault-ended",
                FaultPhase::Triggered => "fault-triggered",
            },
        }
    }
}

/// The phase of a fault in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FaultPhase {
    /// A lasting fault started.
    Started,
    /// A lasting fault ended.
    Ended,
    /// A one-shot fault took effect.
    Triggered,
}

/// A device-to-cloud message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct D2cMessage {
    /// `$.mid`
    pub message_id: Option<String>,
    /// `$.cid`
    pub correlation_id: Option<String>,
    /// `$.ct`
    pub content_type: Option<String>,
    /// `$.ce`
    pub content_encoding: Option<String>,
    /// `$.ctime`: when the device says it made it.
    pub creation_time: Option<String>,
    /// `$.sub`: the Plug and Play component it comes from.
    pub component: Option<String>,
    /// Every other property, in the order they came.
    pub properties: Vec<(String, String)>,
    /// The body as it came. The store keeps it beside the rest.
    #[serde(skip)]
    pub body: Bytes,
}
