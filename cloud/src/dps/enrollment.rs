//! Individual enrollments and enrollment groups.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{RegistrationId, SymmetricKeys, now};
use crate::{
    hub::{self, check_id, etag, twin::TwinPatch},
    identity::Status,
    json::JsonValue,
};

/// The kind of an enrollment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnrollmentKind {
    /// One registration ID.
    Individual,
    /// Every registration ID whose key derives from the group's.
    Group,
}

impl EnrollmentKind {
    /// Returns the name in the store.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Group => "group",
        }
    }

    /// Returns Azure's name for the id.
    fn id_name(self) -> &'static str {
        match self {
            Self::Individual => "registrationId",
            Self::Group => "enrollmentGroupId",
        }
    }
}

/// The part of an enrollment that a request may set. The id is in the path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EnrollmentSpec {
    /// The id the device gets in the hub, if it is not the registration ID. Not for groups.
    pub device_id: Option<String>,
    /// Attestation mechanism.
    pub attestation: Attestation,
    /// Permission to register.
    pub provisioning_status: Status,
    /// Initial twin of a new device: `{tags, properties: {desired}}`.
    pub initial_twin: Option<JsonValue>,
    /// Allocation policy. There is one hub, so all are equivalent; `custom` is not supported.
    pub allocation_policy: Option<String>,
}

/// Azure's `attestation`, of which only symmetric keys are supported.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attestation {
    /// `symmetricKey`, or absent.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its keys.
    pub symmetric_key: Option<SymmetricKeys>,
}

impl Attestation {
    /// Makes an attestation with these keys.
    pub fn keys(keys: SymmetricKeys) -> Self {
        Self {
            kind: None,
            symmetric_key: Some(keys),
        }
    }
}

/// An enrollment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrollment {
    /// Individual or group.
    pub kind: EnrollmentKind,
    /// The registration ID, or the group's.
    pub id: RegistrationId,
    /// The id the device gets in the hub, if it is not the registration ID.
    pub device_id: Option<String>,
    /// Keys; for a group, those from which device keys are derived.
    pub keys: SymmetricKeys,
    /// Permission to register.
    pub status: Status,
    /// Initial twin of a new device.
    pub initial_twin: Option<TwinPatch>,
    /// The etag.
    pub etag: String,
    /// Time of creation.
    pub created: Timestamp,
    /// Time of the last change.
    pub updated: Timestamp,
    revision: u64,
}

impl Enrollment {
    pub(super) fn new(
        kind: EnrollmentKind,
        id: RegistrationId,
        spec: EnrollmentSpec,
        old: Option<&Self>,
    ) -> Result<Self, hub::Error> {
        check(kind, &spec)?;
        let now = now();
        let keys = spec.attestation.symmetric_key.unwrap_or_default();
        let keys = keys.or(old.map(|old| &old.keys)).or_generated()?;
        let revision = old.map_or(1, |old| old.revision + 1);
        let initial_twin = spec.initial_twin.as_ref().map(TwinPatch::from_json);
        Ok(Self {
            kind,
            id: old.map_or(id, |old| old.id.clone()),
            device_id: spec.device_id,
            keys,
            status: spec.provisioning_status,
            initial_twin: initial_twin.transpose()?,
            etag: etag(revision),
            created: old.map_or(now, |old| old.created),
            updated: now,
            revision,
        })
    }

    /// Returns Azure's `IndividualEnrollment` or `EnrollmentGroup`, keys included.
    pub fn to_json(&self) -> JsonValue {
        let mut json = JsonValue::from(json!({
            self.kind.id_name(): self.id,
            "attestation": self.attestation_json(),
            "provisioningStatus": self.status,
            "reprovisionPolicy": {"updateHubAssignment": true, "migrateDeviceData": true},
            "allocationPolicy": "hashed",
            "etag": self.etag,
            "createdDateTimeUtc": self.created,
            "lastUpdatedDateTimeUtc": self.updated,
        }));
        let device_id = self.device_id.as_deref().map(JsonValue::from);
        let initial_twin = self.initial_twin.as_ref().map(TwinPatch::to_json);
        if let Some(json) = json.as_object_mut() {
            json.extend(device_id.map(|id| ("deviceId".into(), id)));
            json.extend(initial_twin.map(|twin| ("initialTwin".into(), twin)));
        }
        json
    }

    /// Returns Azure's `AttestationMechanism`.
    pub fn attestation_json(&self) -> Value {
        json!({"type": "symmetricKey", "symmetricKey": self.keys})
    }

    /// Returns the group id, if it is a group.
    pub(super) fn group(&self) -> Option<RegistrationId> {
        (self.kind == EnrollmentKind::Group).then(|| self.id.clone())
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.status == Status::Enabled
    }

    /// Returns the keys that a device with this registration ID may have. Those of a group are derived from the id as the
    /// device spells it, or from its lower case.
    pub(super) fn possible_keys(&self, id: &RegistrationId) -> Vec<SymmetricKeys> {
        match self.kind {
            EnrollmentKind::Individual => vec![self.keys.clone()],
            EnrollmentKind::Group => {
                let mut keys = vec![self.keys.derived(id.as_str())];
                let lowercase = id.lowercase();
                if lowercase != id.as_str() {
                    keys.push(self.keys.derived(&lowercase));
                }
                keys
            }
        }
    }
}

fn check(kind: EnrollmentKind, spec: &EnrollmentSpec) -> Result<(), hub::Error> {
    if let Some(device_id) = &spec.device_id {
        if kind == EnrollmentKind::Group {
            return Err(hub::Error::ArgumentInvalid(
                "deviceId is not allowed in an enrollment group: the registration ID becomes the device ID".into(),
            ));
        }
        check_id("deviceId", device_id)?;
    }
    if spec.allocation_policy.as_deref() == Some("custom") {
        return Err(hub::Error::NotSupported("custom allocation policies"));
    }
    match spec.attestation.kind.as_deref() {
        None | Some("symmetricKey") => Ok(()),
        Some("x509" | "tpm") => Err(hub::Error::NotSupported("X.509 and TPM attestation")),
        Some(_) => Err(hub::Error::ArgumentInvalid(
            "attestation.type must be \"symmetricKey\"".into(),
        )),
    }
}
