//! What became of a device's request to be assigned.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::now;
use crate::hub::{self, etag};

/// A registration, as it last ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registration {
    /// The id the device registered under.
    pub registration_id: String,
    /// How it ended.
    pub status: RegistrationStatus,
    /// The enrolment group that let it in, if it was one.
    pub group: Option<String>,
    /// What the device sent along: for Plug and Play its model id.
    pub payload: Option<Value>,
    /// When it first registered.
    pub created: Timestamp,
    /// When it last did.
    pub updated: Timestamp,
    /// Changes with every registration.
    pub etag: String,
    pub(super) operation_id: String,
    revision: u64,
}

/// How a registration ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RegistrationStatus {
    /// The device belongs to a hub.
    Assigned {
        /// Which one, as the device is to connect to it.
        hub: String,
        /// Under which id.
        device_id: String,
    },
    /// Its enrolment is disabled.
    Disabled,
    /// It could not be assigned.
    Failed {
        /// Azure's number for the reason.
        code: u32,
        /// The reason.
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
    /// Azure's word for it.
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
                "errorCode": 403_001, "errorMessage": "the enrolment is disabled",
            }),
            Self::Failed { code, message } => json!({
                "errorCode": code, "errorMessage": message,
            }),
        }
    }
}

impl Registration {
    /// Not decided yet: the caller sets how it ended.
    pub(super) fn new(id: &str, old: Option<&Self>, payload: Option<Value>) -> Self {
        let now = now();
        let revision = old.map_or(1, |old| old.revision + 1);
        Self {
            registration_id: id.to_owned(),
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

    /// Azure's `DeviceRegistrationState`.
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

    /// What the device gets when it asks.
    pub(super) fn operation_json(&self) -> Value {
        json!({
            "operationId": self.operation_id,
            "status": self.status.name(),
            "registrationState": self.to_json(),
        })
    }
}
