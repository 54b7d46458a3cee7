//! Errors of the REST API, with Azure's codes and names.

use dtdl::ModelError;

use crate::{dps, hub, models::AddError, templates::TemplateError};

/// A request that is refused or fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// An error of the hub.
    #[error(transparent)]
    Hub(#[from] hub::Error),
    /// The request names no api-version.
    #[error("api-version is missing")]
    InvalidProtocolVersion,
    /// The token is missing, expired, for another resource, or of a policy without the permission.
    #[error("unauthorized")]
    Unauthorized,
    /// An enrollment or an enrollment group has this id already.
    #[error("{0}")]
    EnrollmentExists(String),
    /// No enrollment or enrollment group has this id.
    #[error("{0}")]
    EnrollmentNotFound(String),
    /// No device has registered under this id.
    #[error("{0}")]
    RegistrationNotFound(String),
    /// The device model is missing or invalid. The text says which, and why.
    #[error("{0}")]
    ModelNotFound(String),
    /// No template exists for the model.
    #[error("{0}")]
    TemplateNotFound(String),
    /// The cloud runs without the control socket of a host.
    #[error("no host configured: start the cloud with --host-control")]
    HostNotFound,
    /// The host does not reply, or rejects the command. The text says why.
    #[error("{0}")]
    HostUnavailable(String),
    /// The database cannot be written. The text says why, and what became of the change.
    #[error("{0}")]
    ServiceUnavailable(String),
}

impl Error {
    /// Makes the error for an argument that is not allowed.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        hub::Error::ArgumentInvalid(message.into()).into()
    }

    /// Returns the HTTP status: the first three digits of [`Error::code`].
    pub(super) fn status(&self) -> u16 {
        (self.code() / 1000) as u16
    }

    /// Returns Azure's error code of six digits.
    pub(super) fn code(&self) -> u32 {
        self.code_and_name().0
    }

    /// Returns Azure's name, as in the header `iothub-errorcode`.
    pub(super) fn name(&self) -> &'static str {
        self.code_and_name().1
    }

    fn code_and_name(&self) -> (u32, &'static str) {
        match self {
            Self::Hub(error) => (error.code(), error.name()),
            Self::InvalidProtocolVersion => (400_001, "InvalidProtocolVersion"),
            Self::Unauthorized => (401_002, "IotHubUnauthorizedAccess"),
            Self::EnrollmentExists(_) => (409_201, "EnrollmentAlreadyExists"),
            Self::EnrollmentNotFound(_) => (404_201, "EnrollmentNotFound"),
            Self::RegistrationNotFound(_) => (404_202, "RegistrationNotFound"),
            Self::ModelNotFound(_) => (404_203, "ModelNotFound"),
            Self::TemplateNotFound(_) => (404_204, "TemplateNotFound"),
            Self::HostNotFound => (404_205, "HostNotFound"),
            Self::HostUnavailable(_) => (503_001, "HostUnavailable"),
            Self::ServiceUnavailable(_) => (503_002, "ServiceUnavailable"),
        }
    }
}

impl From<dps::Error> for Error {
    fn from(error: dps::Error) -> Self {
        match error {
            dps::Error::Hub(error) => Self::Hub(error),
            dps::Error::EnrollmentExists(_) => Self::EnrollmentExists(error.to_string()),
            dps::Error::EnrollmentNotFound(_) => Self::EnrollmentNotFound(error.to_string()),
            dps::Error::RegistrationNotFound(_) => Self::RegistrationNotFound(error.to_string()),
        }
    }
}

impl From<TemplateError> for Error {
    fn from(error: TemplateError) -> Self {
        match error {
            TemplateError::Hub(error) => Self::Hub(error),
            TemplateError::NotFound(_) => Self::TemplateNotFound(error.to_string()),
        }
    }
}

impl From<AddError> for Error {
    fn from(error: AddError) -> Self {
        Self::invalid(error.to_string())
    }
}

impl From<ModelError> for Error {
    fn from(error: ModelError) -> Self {
        Self::ModelNotFound(error.to_string())
    }
}
