//! Errors of the provisioning service.

use crate::hub;

/// A refused operation on an enrollment or a registration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An error that hub and provisioning service have in common: an invalid argument, a failed precondition.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// An enrollment or an enrollment group has this id already, and the request does not name its etag.
    #[error("enrollment {0:?} already exists; to change it, send its etag or * as If-Match")]
    EnrollmentExists(String),
    /// No enrollment or enrollment group has this id.
    #[error("enrollment {0:?} not found")]
    EnrollmentNotFound(String),
    /// No device has registered under this id.
    #[error("registration {0:?} not found")]
    RegistrationNotFound(String),
}
