//! Enrolments: of one device, or of every device that has a key derived from a group's.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{SymmetricKeys, now};
use crate::hub::twin::TwinPatch;
use crate::hub::{self, Status, check_id, etag};

/// Whom an enrolment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EnrollmentKind {
    /// One registration id.
    Individual,
    /// Every registration id whose key derives from the group's.
    Group,
}

impl EnrollmentKind {
    /// What the store calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Group => "group",
        }
    }

    /// What Azure calls the id.
    fn id_name(self) -> &'static str {
        match self {
            Self::Individual => "registrationId",
            Self::Group => "enrollmentGroupId",
        }
    }
}

/// What a request to make or change an enrolment says. The id comes with the path.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EnrollmentSpec {
    /// The id the device gets in the hub, if it is not the registration id. Not for groups.
    pub device_id: Option<String>,
    /// How devices prove who they are.
    pub attestation: Attestation,
    /// Whether they may register.
    pub provisioning_status: Status,
    /// What the twin of a new device starts with: `{tags, properties: {desired}}`.
    pub initial_twin: Option<Value>,
    /// How a hub is chosen. There is one hub; whoever wants to choose by a function of his own is refused.
    pub allocation_policy: Option<String>,
}

/// Azure's `attestation`, of which the symmetric key counts here.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Attestation {
    /// `symmetricKey`, or nothing.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its keys.
    pub symmetric_key: Option<SymmetricKeys>,
}

impl Attestation {
    /// These keys.
    pub fn keys(keys: SymmetricKeys) -> Self {
        Self {
            kind: None,
            symmetric_key: Some(keys),
        }
    }
}

/// An enrolment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrollment {
    /// Whom it is for.
    pub kind: EnrollmentKind,
    /// The registration id, or the group's.
    pub id: String,
    /// The id the device gets in the hub, if it is not the registration id.
    pub device_id: Option<String>,
    /// Its keys, or those that its devices' keys derive from.
    pub keys: SymmetricKeys,
    /// Whether devices may register.
    pub status: Status,
    /// What the twin of a new device starts with.
    pub initial_twin: Option<TwinPatch>,
    /// Changes with every change.
    pub etag: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    revision: u64,
}

impl Enrollment {
    pub(super) fn new(
        kind: EnrollmentKind,
        id: &str,
        spec: EnrollmentSpec,
        old: Option<&Self>,
    ) -> Result<Self, hub::Error> {
        check(kind, id, &spec)?;
        let now = now();
        let keys = spec.attestation.symmetric_key.unwrap_or_default();
        let keys = keys.or_else(old.map(|old| &old.keys)).completed()?;
        let revision = old.map_or(1, |old| old.revision + 1);
        let initial_twin = spec.initial_twin.as_ref().map(TwinPatch::from_json);
        Ok(Self {
            kind,
            id: id.to_owned(),
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

    /// Azure's `IndividualEnrollment` or `EnrollmentGroup`, keys included.
    pub fn to_json(&self) -> Value {
        let mut json = json!({
            self.kind.id_name(): self.id,
            "attestation": self.attestation_json(),
            "provisioningStatus": self.status,
            "reprovisionPolicy": {"updateHubAssignment": true, "migrateDeviceData": true},
            "allocationPolicy": "hashed",
            "etag": self.etag,
            "createdDateTimeUtc": self.created,
            "lastUpdatedDateTimeUtc": self.updated,
        });
        let device_id = self.device_id.as_deref().map(Value::from);
        let initial_twin = self.initial_twin.as_ref().map(TwinPatch::to_json);
        if let Some(json) = json.as_object_mut() {
            json.extend(device_id.map(|id| ("deviceId".into(), id)));
            json.extend(initial_twin.map(|twin| ("initialTwin".into(), twin)));
        }
        json
    }

    /// Azure's `AttestationMechanism`.
    pub fn attestation_json(&self) -> Value {
        json!({"type": "symmetricKey", "symmetricKey": self.keys})
    }

    /// The group it is, if it is one.
    pub(super) fn group(&self) -> Option<String> {
        (self.kind == EnrollmentKind::Group).then(|| self.id.clone())
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.status == Status::Enabled
    }

    /// The keys of one registration under this enrolment.
    pub(super) fn keys_of(&self, registration_id: &str) -> SymmetricKeys {
        match self.kind {
            EnrollmentKind::Individual => self.keys.clone(),
            EnrollmentKind::Group => self.keys.derived(registration_id),
        }
    }
}

fn check(kind: EnrollmentKind, id: &str, spec: &EnrollmentSpec) -> Result<(), hub::Error> {
    check_id(kind.id_name(), id)?;
    if let Some(device_id) = &spec.device_id {
        if kind == EnrollmentKind::Group {
            return Err(hub::Error::ArgumentInvalid(
                "an enrolment group has no deviceId: its devices are named by their registration ids".into(),
            ));
        }
        check_id("deviceId", device_id)?;
    }
    if spec.allocation_policy.as_deref() == Some("custom") {
        return Err(hub::Error::NotSupported("custom allocation"));
    }
    match spec.attestation.kind.as_deref() {
        None | Some("symmetricKey") => Ok(()),
        Some("x509" | "tpm") => Err(hub::Error::NotSupported(
            "certificates and TPMs as a device's proof",
        )),
        Some(_) => Err(hub::Error::ArgumentInvalid(
            "attestation.type must be \"symmetricKey\"".into(),
        )),
    }
}
