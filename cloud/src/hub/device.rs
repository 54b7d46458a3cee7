//! What the registry knows of a device.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::Error;
use super::written;
use crate::sas;

/// How Azure writes a time that never was.
const NEVER: &str = "0001-01-01T00:00:00Z";
const ID_LIMIT: usize = 128;
/// Sizes of a symmetric key, decoded, in bytes.
const KEY_SIZES: std::ops::RangeInclusive<usize> = 16..=64;

/// A pair of keys of which either signs, in base64. `Debug` does not show them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SymmetricKeys {
    /// The one tools use.
    #[serde(deserialize_with = "null_is_empty")]
    pub primary_key: String,
    /// The one to change over to.
    #[serde(deserialize_with = "null_is_empty")]
    pub secondary_key: String,
}

impl SymmetricKeys {
    /// Both keys, to verify a signature with.
    pub fn each(&self) -> [&str; 2] {
        [&self.primary_key, &self.secondary_key]
    }

    /// The keys of one registration under this pair, the keys of a group.
    pub(crate) fn derived(&self, registration_id: &str) -> Self {
        let derive = |key| sas::derive_key(key, registration_id).unwrap_or_default();
        Self {
            primary_key: derive(&self.primary_key),
            secondary_key: derive(&self.secondary_key),
        }
    }

    /// Takes the other pair's keys where its own are missing.
    pub(crate) fn or_else(mut self, other: Option<&Self>) -> Self {
        if let Some(other) = other {
            if self.primary_key.is_empty() {
                self.primary_key.clone_from(&other.primary_key);
            }
            if self.secondary_key.is_empty() {
                self.secondary_key.clone_from(&other.secondary_key);
            }
        }
        self
    }

    /// Makes a random key for each that is missing, and refuses what cannot be a key.
    pub(crate) fn completed(mut self) -> Result<Self, Error> {
        for key in [&mut self.primary_key, &mut self.secondary_key] {
            if key.is_empty() {
                *key = sas::random_key();
            }
            let size = BASE64.decode(key.as_str()).map(|bytes| bytes.len());
            if !size.is_ok_and(|size| KEY_SIZES.contains(&size)) {
                return Err(Error::ArgumentInvalid(
                    "a symmetric key must be the base64 of 16 to 64 bytes".into(),
                ));
            }
        }
        Ok(self)
    }
}

impl fmt::Debug for SymmetricKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymmetricKeys(..)")
    }
}

/// Microsoft's tools send `null` for a key to be made.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Whether a device, or an enrolment, may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It may.
    #[default]
    Enabled,
    /// It is refused.
    Disabled,
}

/// What a request to create or update a device says: the part of Azure's `Device` that a caller may choose.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DeviceSpec {
    /// Up to 128 characters: letters, digits and `-:.+%_#*?!(),=@$'`.
    pub device_id: String,
    /// Whether it may connect.
    pub status: Status,
    /// Why, in the operator's words.
    pub status_reason: Option<String>,
    /// How it proves who it is. Missing keys are made on creation and kept on update.
    pub authentication: Authentication,
    /// What else it is.
    pub capabilities: Option<Capabilities>,
}

/// Azure's `capabilities`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Capabilities {
    /// Whether it is an IoT Edge device.
    pub iot_edge: bool,
}

/// Azure's `authentication`, of which the symmetric key counts here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Authentication {
    /// `sas`, or nothing.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its keys.
    pub symmetric_key: Option<SymmetricKeys>,
}

impl DeviceSpec {
    /// A device as the registry makes it when nothing but its id is given.
    pub fn named(device_id: impl Into<String>) -> Self {
        Self {
            device_id: device_id.into(),
            ..Self::default()
        }
    }

    /// The same with these keys.
    pub fn with_keys(mut self, keys: SymmetricKeys) -> Self {
        self.authentication.symmetric_key = Some(keys);
        self
    }

    pub(super) fn checked(self) -> Result<Self, Error> {
        check_id("deviceId", &self.device_id)?;
        if self.capabilities.as_ref().is_some_and(|with| with.iot_edge) {
            return Err(Error::NotSupported("IoT Edge"));
        }
        match self.authentication.kind.as_deref() {
            None | Some("sas") => Ok(self),
            Some("selfSigned" | "certificateAuthority") => {
                Err(Error::NotSupported("certificates as a device's proof"))
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

/// Refuses an id (of a device, a registration, an enrolment group) that Azure would refuse.
pub(crate) fn check_id(what: &str, id: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-:.+%_#*?!(),=@$'".contains(c);
    if (1..=ID_LIMIT).contains(&id.len()) && id.chars().all(allowed) {
        return Ok(());
    }
    Err(Error::ArgumentInvalid(format!(
        "{what} must have 1 to {ID_LIMIT} characters: letters, digits and -:.+%_#*?!(),=@$'"
    )))
}

/// A registered device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub device_id: String,
    /// Tells a device from one of the same id that was there before.
    pub generation_id: String,
    /// Changes with every change of the registration.
    pub etag: String,
    /// Whether it may connect.
    pub status: Status,
    /// Why, in the operator's words.
    pub status_reason: Option<String>,
    /// When `status` last changed, if ever.
    pub status_updated: Option<Timestamp>,
    /// Whether it is connected.
    pub connected: bool,
    /// When `connected` last changed, if ever.
    pub connection_updated: Option<Timestamp>,
    /// When it last connected or sent anything, if ever.
    pub last_activity: Option<Timestamp>,
    /// How many messages wait for it.
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

    /// Azure's `Device`, keys included.
    pub fn to_json(&self) -> Value {
        json!({
            "deviceId": self.device_id,
            "generationId": self.generation_id,
            "etag": self.etag,
            "connectionState": self.connection_state(),
            "status": self.status,
            "statusReason": self.status_reason,
            "connectionStateUpdatedTime": time(self.connection_updated),
            "statusUpdatedTime": time(self.status_updated),
            "lastActivityTime": time(self.last_activity),
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

/// A time as Azure writes it.
pub(crate) fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| NEVER.to_owned(), written)
}
