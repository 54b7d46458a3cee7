//! Events of devices.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    identity::Status,
    json::{JsonObject, JsonText},
};

/// An event.
#[derive(Clone, Debug)]
pub struct Event {
    /// Counts from 1, without gaps, over all devices.
    pub sequence: u64,
    /// Time at which the hub recorded the event.
    pub enqueued: Timestamp,
    /// Device ID; empty for a fault of all devices.
    pub device_id: String,
    /// Kind and details.
    pub kind: EventKind,
}

/// The kind of an event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum EventKind {
    /// A device connected.
    Connected {
        /// Announced model.
        model_id: Option<String>,
        /// True if a previous session continues.
        session_present: bool,
    },
    /// A device disconnected.
    Disconnected {
        /// Reason, for people.
        reason: String,
        /// Last time the connection was known to exist, if the cloud ended without recording its end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
    },
    /// A device sent telemetry.
    Telemetry(D2cMessage),
    /// A fault, of the device of this event, or of all devices if that is empty.
    Fault {
        /// Started, ended or triggered.
        phase: FaultPhase,
        /// The fault and its settings, as `/api/faults` has them.
        fault: Value,
    },
    /// A device reported properties.
    Reported {
        /// The patch: `null` removes.
        patch: JsonObject,
        /// The new reported `$version`.
        version: u64,
        /// The new version of the twin.
        twin_version: u64,
    },
    /// The service changed desired properties.
    Desired(TwinChange),
    /// The service changed tags.
    Tags(TwinChange),
    /// The service called a command (a direct method).
    Command {
        /// Name; `component*command` for a component's.
        name: String,
        /// Payload of the request.
        payload: Option<JsonText>,
        /// Response of the device, or the reason for its absence.
        outcome: Result<MethodReply, String>,
        /// Duration in milliseconds.
        milliseconds: u64,
    },
    /// The device registry changed.
    Registry {
        /// The change.
        change: RegistryChange,
        /// Distinguishes the device from a deleted one with the same id.
        generation_id: String,
        /// The etag of the identity.
        etag: String,
        /// Permission to connect.
        status: Status,
    },
}

/// The response of a device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MethodReply {
    /// Status set by the device, negative too.
    pub status: i64,
    /// Payload of the response.
    pub payload: Option<JsonText>,
}

/// A change of a twin by the service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TwinChange {
    /// The patch: `null` removes.
    pub patch: JsonObject,
    /// True if the patch replaces all else.
    pub replaced: bool,
    /// The new `$version` of the desired properties; meaningless for tags.
    pub version: u64,
    /// The new version of the twin.
    pub twin_version: u64,
}

/// A change in the device registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryChange {
    /// The device was registered.
    Created,
    /// The identity was updated.
    Updated,
    /// The device was deleted.
    Deleted,
}

impl EventKind {
    /// The names of all kinds.
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

    /// Returns the name of the kind.
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
    /// `$.ctime`: creation time set by the device.
    pub creation_time: Option<String>,
    /// `$.sub`: Plug and Play component.
    pub component: Option<String>,
    /// `$.uid`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// `$.exp`: expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expiry_time: Option<String>,
    /// `$.to`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Application properties, in their order.
    pub properties: Vec<(String, String)>,
    /// Body. The store has a column of its own for it.
    #[serde(skip)]
    pub body: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stored_by_an_earlier_version_is_read() {
        for stored in [
            r#"{"Reported":{"patch":{"a":1.5,"gone":null},"version":2,"twin_version":2}}"#,
            r#"{"Desired":{"patch":{"a":{"b":[1]}},"replaced":true,"version":2,"twin_version":2}}"#,
            r#"{"Command":{"name":"m","payload":null,"outcome":{"Ok":{"status":4294967295,"payload":"hello"}},"milliseconds":3}}"#,
            r#"{"Command":{"name":"m","payload":{"a":1},"outcome":{"Err":"timed out"},"milliseconds":3}}"#,
            r#"{"Fault":{"phase":"Started","fault":{"slow":{"latency":"200ms"}}}}"#,
        ] {
            let event: EventKind = serde_json::from_str(stored).unwrap();
            assert_eq!(serde_json::to_string(&event).unwrap(), stored);
        }
    }
}
