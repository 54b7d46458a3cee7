//! Who a device is.

use crate::{
    provision::{
        dps::{Assignment, Registration},
        sas::Key,
    },
    store::Place,
};

/// Who the device is, and how it finds its hub.
#[derive(Clone, Debug)]
pub enum Identity {
    /// DPS tells the hub.
    Dps(Registration),
    /// A connection string names it.
    Hub {
        /// Hub and device id.
        assignment: Assignment,
        /// The device's key.
        key: Key,
    },
}

impl Identity {
    /// Where the device belongs once a hub of this identity has accepted it.
    pub(super) fn place(&self, assignment: Assignment) -> Place {
        let enrolment = match self {
            Self::Dps(registration) => Some(registration.enrolment()),
            Self::Hub { .. } => None,
        };
        Place {
            enrolment,
            assignment,
        }
    }

    /// Whether this is the identity the hub has accepted there.
    pub(super) fn is_of(&self, place: &Place) -> bool {
        match self {
            Self::Dps(registration) => place.enrolment.as_ref() == Some(&registration.enrolment()),
            Self::Hub { assignment, .. } => {
                place.enrolment.is_none() && place.assignment == *assignment
            }
        }
    }

    /// What the device signs its tokens with.
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Dps(registration) => &registration.key,
            Self::Hub { key, .. } => key,
        }
    }

    /// The name the device is known by: its id at the hub, or the one it registers with.
    #[must_use]
    pub fn device_id(&self) -> &str {
        match self {
            Self::Dps(registration) => &registration.registration_id,
            Self::Hub { assignment, .. } => &assignment.device_id,
        }
    }
}

/// Why a device will not get to its hub by trying again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub String);
