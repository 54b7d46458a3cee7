//! Registrations: the results of provisioning.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{RegistrationId, now};
use crate::hub::{self, etag};

/// The last registration of a device.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The id the device registered under.
    pub registration_id: RegistrationId,
    /// Result.
    pub status: RegistrationStatus,
    /// The enrollment group, if it was not an individual enrollment.
    pub group: Option<RegistrationId>,
    /// Payload from the device: for Plug and Play its model ID.
    pub payload: Option<Value>,
    /// Time of the first registration.
    pub created: Timestamp,
    /// Time of the last registration.
    pub updated: Timestamp,
    /// The etag.
    pub etag: String,
    pub(super) operation_id: String,
    revision: u64,
}

/// The result of a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RegistrationStatus {
    /// The device is assigned to a hub.
    Assigned {
        /// Host name of the hub, with its port.
        hub: String,
        /// Device ID in the hub.
        device_id: String,
    },
    /// The enrollment is disabled.
    Disabled,
    /// The assignment failed.
    Failed {
        /// Azure's error code.
        code: u32,
        /// Error message.
        message: String,
    },
}

impl From<hub::Error> for RegistrationStatus {
    fn from(error: hub::Error) -> Self {
        Self::Failed {
            code: error.code(),
            message: error.to_string(),
        }
    }
}

impl RegistrationStatus {
    /// Returns Azure's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assigned { .. } => "assigned",
            Self::Disabled => "disabled",
            Self::Failed { .. } => "failed",
        }
    }

    fn details(&self) -> Value {
        match self {
            Self::Assigned { hub, device_id } => json!({
                "assignedHub": hub, "deviceId": device_id, "substatus": "initialAssignment",
            }),
            Self::Disabled => json!({
                "errorCode": 403_001, "errorMessage": "the enrollment is disabled",
            }),
            Self::Failed { code, message } => json!({
                "errorCode": code, "errorMessage": message,
            }),
        }
    }
}

impl Registration {
    /// Makes a registration, whose result the caller sets.
    pub(super) fn new(id: RegistrationId, old: Option<&Self>, payload: Option<Value>) -> Self {
        let now = now();
        let revision = old.map_or(1, |old| old.revision + 1);
        Self {
            registration_id: id,
            status: RegistrationStatus::Disabled,
            group: None,
            payload,
            created: old.map_or(now, |old| old.created),
            updated: now,
            etag: etag(revision),
            operation_id: format!("5.{:032x}", rand::random::<u128>()),
            revision,
        }
    }

    /// Returns Azure's `DeviceRegistrationState`.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            "registrationId": self.registration_id,
            "createdDateTimeUtc": self.created,
            "lastUpdatedDateTimeUtc": self.updated,
            "status": self.status.name(),
            "etag": self.etag,
        });
        if let (Some(json), Value::Object(details)) = (json.as_object_mut(), self.status.details())
        {
            json.extend(details);
        }
        json
    }

    /// Returns the operation status for the device.
    pub(super) fn operation_json(&self) -> Value {
        json!({
            "operationId": self.operation_id,
            "status": self.status.name(),
            "registrationState": self.to_json(),
        })
    }
}
