//! The identity of a device.

use crate::{
    provision::{
        dps::{Assignment, Registration},
        sas::SymmetricKey,
    },
    store::HubBinding,
};

/// The identity of a device, and its way to find the hub.
#[derive(Clone, Debug)]
pub enum Identity {
    /// Provisioned by DPS.
    Dps(Registration),
    /// Named by a connection string.
    Hub {
        /// Hub and device ID.
        assignment: Assignment,
        /// The device's key.
        key: SymmetricKey,
    },
}

impl Identity {
    /// Returns the binding to a hub that has accepted this identity.
    pub(super) fn hub_binding(&self, assignment: Assignment) -> HubBinding {
        let enrollment = match self {
            Self::Dps(registration) => Some(registration.enrollment()),
            Self::Hub { .. } => None,
        };
        HubBinding {
            enrollment,
            assignment,
        }
    }

    /// Returns true if the hub of this binding has accepted this identity.
    pub(super) fn is_bound_by(&self, binding: &HubBinding) -> bool {
        match self {
            Self::Dps(registration) => {
                binding.enrollment.as_ref() == Some(&registration.enrollment())
            }
            Self::Hub { assignment, .. } => {
                binding.enrollment.is_none() && binding.assignment == *assignment
            }
        }
    }

    /// Returns the key that signs SAS tokens.
    pub(super) fn key(&self) -> &SymmetricKey {
        match self {
            Self::Dps(registration) => &registration.key,
            Self::Hub { key, .. } => key,
        }
    }

    /// Returns the id at the hub, or the registration ID.
    #[must_use]
    pub fn device_id(&self) -> &str {
        match self {
            Self::Dps(registration) => &registration.registration_id,
            Self::Hub { assignment, .. } => &assignment.device_id,
        }
    }
}

/// The rejection of an identity, which a retry does not mend.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityRejected {
    /// DPS or the hub does not accept the device.
    #[error("{0}")]
    Refused(String),
    /// DPS has assigned a device ID that cannot be connected.
    #[error("{0}")]
    Unusable(String),
}
