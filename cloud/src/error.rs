//! What the hub and the provisioning service refuse, with Azure's numbers and names.

use std::time::Duration;

/// Why an operation on a device, a twin or an enrolment did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HubError {
    /// The request itself is wrong; the text says what and what is allowed.
    #[error("{0}")]
    ArgumentInvalid(String),
    /// The request names no api-version.
    #[error("api-version is missing")]
    InvalidProtocolVersion,
    /// Azure has this, and the local cloud does not.
    #[error("{0}: Azure has this, the local cloud does not")]
    NotSupported(&'static str),
    /// No token, an expired one, or one for something else.
    #[error("unauthorized")]
    Unauthorized,
    /// No device has this id.
    #[error("no device with the id {0:?} is registered")]
    DeviceNotFound(String),
    /// The device was not connected, or had not subscribed to methods, when the time to connect was over.
    #[error("timed out waiting for device to connect")]
    DeviceNotOnline {
        /// How long the hub waited.
        waited: Duration,
    },
    /// The device's connection ended while it had the call in hand.
    #[error("the device closed its connection before it answered")]
    DeviceConnectionClosedRemotely,
    /// A device of this id exists.
    #[error("a device with ID '{0}' is already registered")]
    DeviceAlreadyExists(String),
    /// The thing has changed since its etag was read.
    #[error("precondition failed: the etag is {existing:?}, not {given:?}: read it again")]
    PreconditionFailed {
        /// The etag it has now.
        existing: String,
        /// The etag the request named.
        given: String,
    },
    /// As many messages wait for the device as the hub keeps.
    #[error("{limit} messages wait for the device, and no more are kept: wait until it takes some")]
    QueueFull {
        /// How many the hub keeps.
        limit: usize,
    },
    /// There were too many requests.
    #[error("too many requests: try again later")]
    Throttled,
    /// A body or payload is larger than the hub takes.
    #[error("{what} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// How large it is, in bytes.
        bytes: usize,
        /// How large it may be, in bytes.
        limit: usize,
    },
    /// The device did not answer within the response time.
    #[error("timed out waiting for the response from device")]
    GatewayTimeout,
    /// No enrolment or enrolment group has this id.
    #[error("no enrolment with the id {0:?}")]
    EnrollmentNotFound(String),
    /// There is no such device model, or it cannot be used; the text says which and why.
    #[error("{0}")]
    ModelNotFound(String),
    /// No template was made for this model.
    #[error("no template was made for the model {0}")]
    TemplateNotFound(String),
    /// The cloud was not told where the host of a device is.
    #[error("this cloud knows no host: start it with --host-control")]
    HostNotFound,
    /// The host of a device does not answer, or refuses; the text says why.
    #[error("{0}")]
    HostUnavailable(String),
    /// Nothing was registered under this id.
    #[error("no registration with the id {0:?}")]
    RegistrationNotFound(String),
}

impl HubError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        (self.code() / 1000) as u16
    }

    /// Azure's number: the HTTP status and three digits more.
    pub fn code(&self) -> u32 {
        self.figures().0
    }

    /// Azure's name, as in the header `iothub-errorcode`.
    pub fn name(&self) -> &'static str {
        self.figures().1
    }

    fn figures(&self) -> (u32, &'static str) {
        match self {
            Self::InvalidProtocolVersion => (400_001, "InvalidProtocolVersion"),
            Self::ArgumentInvalid(_) => (400_004, "ArgumentInvalid"),
            // 401003 is no longer sent: azure-iot-sdk-csharp, ErrorCode.cs.
            Self::Unauthorized => (401_002, "IotHubUnauthorizedAccess"),
            Self::QueueFull { .. } => (403_004, "DeviceMaximumQueueDepthExceeded"),
            Self::DeviceNotFound(_) => (404_001, "DeviceNotFound"),
            Self::DeviceNotOnline { .. } => (404_103, "DeviceNotOnline"),
            Self::DeviceConnectionClosedRemotely => (404_104, "DeviceConnectionClosedRemotely"),
            Self::EnrollmentNotFound(_) => (404_201, "EnrollmentNotFound"),
            Self::ModelNotFound(_) => (404_203, "ModelNotFound"),
            Self::TemplateNotFound(_) => (404_204, "TemplateNotFound"),
            Self::HostNotFound => (404_205, "HostNotFound"),
            Self::HostUnavailable(_) => (503_001, "HostUnavailable"),
            Self::RegistrationNotFound(_) => (404_202, "RegistrationNotFound"),
            Self::DeviceAlreadyExists(_) => (409_001, "DeviceAlreadyExists"),
            Self::PreconditionFailed { .. } => (412_001, "PreconditionFailed"),
            Self::TooLarge { .. } => (413_001, "MessageTooLarge"),
            Self::Throttled => (429_001, "ThrottlingException"),
            Self::NotSupported(_) => (501_001, "NotSupported"),
            Self::GatewayTimeout => (504_101, "GatewayTimeout"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_status_is_the_head_of_the_code() {
        assert_eq!(HubError::GatewayTimeout.status(), 504);
        assert_eq!(HubError::DeviceNotFound("x".into()).status(), 404);
        assert_eq!(
            HubError::DeviceNotFound("x".into()).name(),
            "DeviceNotFound"
        );
    }
}
