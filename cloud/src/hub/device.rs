//! Device identities in the registry.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Error;
use crate::{
    clock::format_timestamp,
    identity::{Status, SymmetricKeys},
};

/// The time that Azure writes for "never".
const NEVER: &str = "0001-01-01T00:00:00Z";
const MAX_ID: usize = 128;

/// The part of Azure's `Device` that a request to create or update it may set.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeviceSpec {
    /// Up to 128 characters: letters, digits and `-:.+%_#*?!(),=@$'`.
    pub device_id: String,
    /// Permission to connect.
    pub status: Status,
    /// The operator's reason for the status.
    pub status_reason: Option<String>,
    /// Credentials. Missing keys are generated on creation and kept on update.
    pub authentication: Authentication,
    /// Capabilities.
    pub capabilities: Option<Capabilities>,
}

/// Azure's `capabilities`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Capabilities {
    /// True for an IoT Edge device.
    pub iot_edge: bool,
}

/// Azure's `authentication`, of which only symmetric keys are supported.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Authentication {
    /// `sas`, or absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its keys.
    pub symmetric_key: Option<SymmetricKeys>,
}

impl DeviceSpec {
    /// Makes a spec with defaults for all but the id.
    pub fn new(device_id: impl Into<String>) -> Self {
        Self {
            device_id: device_id.into(),
            ..Self::default()
        }
    }

    /// Sets the keys.
    pub fn with_keys(mut self, keys: SymmetricKeys) -> Self {
        self.authentication.symmetric_key = Some(keys);
        self
    }

    pub(super) fn validated(self) -> Result<Self, Error> {
        check_id("deviceId", &self.device_id)?;
        if self.capabilities.as_ref().is_some_and(|with| with.iot_edge) {
            return Err(Error::NotSupported("IoT Edge"));
        }
        match self.authentication.kind.as_deref() {
            None | Some("sas") => Ok(self),
            Some("selfSigned" | "certificateAuthority") => {
                Err(Error::NotSupported("X.509 device authentication"))
            }
            Some(_) => Err(Error::ArgumentInvalid(
                "authentication.type must be \"sas\"".into(),
            )),
        }
    }

    pub(super) fn keys(&self) -> SymmetricKeys {
        self.authentication
            .symmetric_key
            .clone()
            .unwrap_or_default()
    }
}

/// Validates the id of a device, a registration or an enrollment group by Azure's rules.
///
/// # Errors
/// `ArgumentInvalid`, which begins with `name`.
pub(crate) fn check_id(name: &str, id: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-:.+%_#*?!(),=@$'".contains(c);
    if (1..=MAX_ID).contains(&id.len()) && id.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::ArgumentInvalid(format!(
        "{name} must have 1 to {MAX_ID} characters: letters, digits and -:.+%_#*?!(),=@$'"
    )))
}

/// A registered device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub device_id: String,
    /// Distinguishes this device from a deleted one with the same id.
    pub generation_id: String,
    /// The etag of the identity.
    pub etag: String,
    /// Permission to connect.
    pub status: Status,
    /// The operator's reason for the status.
    pub status_reason: Option<String>,
    /// Time of the last change of `status`.
    pub status_updated: Option<Timestamp>,
    /// True while it is connected.
    pub connected: bool,
    /// Time of the last change of `connected`.
    pub connection_updated: Option<Timestamp>,
    /// Time of its last connection or packet.
    pub last_activity: Option<Timestamp>,
    /// The number of queued cloud-to-device messages.
    pub cloud_to_device_messages: usize,
    /// Its keys.
    pub keys: SymmetricKeys,
}

impl Device {
    /// `Connected` or `Disconnected`.
    pub fn connection_state(&self) -> &'static str {
        if self.connected {
            "Connected"
        } else {
            "Disconnected"
        }
    }

    /// Returns Azure's `Device`, keys included.
    pub fn to_json(&self) -> Value {
        json!({
            "deviceId": self.device_id,
            "generationId": self.generation_id,
            "etag": self.etag,
            "connectionState": self.connection_state(),
            "status": self.status,
            "statusReason": self.status_reason,
            "connectionStateUpdatedTime": format_optional_timestamp(self.connection_updated),
            "statusUpdatedTime": format_optional_timestamp(self.status_updated),
            "lastActivityTime": format_optional_timestamp(self.last_activity),
            "cloudToDeviceMessageCount": self.cloud_to_device_messages,
            "authentication": {
                "symmetricKey": self.keys,
                "x509Thumbprint": {"primaryThumbprint": null, "secondaryThumbprint": null},
                "type": "sas",
            },
            "capabilities": {"iotEdge": false},
            "deviceScope": "",
            "parentScopes": [],
        })
    }
}

/// Formats a time as Azure does, "never" included.
pub(crate) fn format_optional_timestamp(at: Option<Timestamp>) -> String {
    at.map_or_else(|| NEVER.to_owned(), format_timestamp)
}
