//! Errors of the hub, with IoT Hub's codes and names.

use std::time::Duration;

use crate::identity::InvalidKey;

/// A refused or failed operation on a device or its twin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An invalid argument. The text says which, and what is allowed.
    #[error("{0}")]
    ArgumentInvalid(String),
    /// A feature of Azure that the local cloud does not have.
    #[error("{0}: supported by Azure, not by the local cloud")]
    NotSupported(&'static str),
    /// No device has this id.
    #[error("device {0:?} is not registered")]
    DeviceNotFound(String),
    /// The device is disabled and may not connect.
    #[error("the device is disabled")]
    DeviceDisabled,
    /// The device did not connect, or did not subscribe to methods, within the connect timeout.
    #[error("timed out waiting for device to connect")]
    DeviceNotOnline {
        /// The connect timeout of the call.
        waited: Duration,
    },
    /// The connection ended while a method call was pending.
    #[error("the device disconnected before it responded")]
    DeviceConnectionClosedRemotely,
    /// A device with this id exists.
    #[error("a device with ID '{0}' is already registered")]
    DeviceAlreadyExists(String),
    /// The etag of the request is not the current one.
    #[error(
        "precondition failed: the etag is {existing:?}, not {given:?}; read the resource again"
    )]
    PreconditionFailed {
        /// The current etag.
        existing: String,
        /// The etag in the request.
        given: String,
    },
    /// The device's queue of cloud-to-device messages is full.
    #[error(
        "cloud-to-device queue full: {limit} messages are queued; wait until the device acknowledges some"
    )]
    QueueFull {
        /// The queue's limit.
        limit: usize,
    },
    /// Too many requests.
    #[error("too many requests: try again later")]
    Throttled,
    /// A body or payload above its size limit.
    #[error("{what} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// The body or payload in question.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// Its limit in bytes.
        limit: usize,
    },
    /// The device responded to a method with a payload that is not JSON.
    #[error(
        "the device responded with status {status} and a payload that is not JSON ({error}): {payload}"
    )]
    InvalidResponse {
        /// The status set by the device.
        status: i64,
        /// The beginning of the payload, as text.
        payload: String,
        /// The error of the parser.
        error: String,
    },
    /// The device did not respond within the response timeout.
    #[error("timed out waiting for the response from device")]
    GatewayTimeout,
}

impl From<InvalidKey> for Error {
    fn from(error: InvalidKey) -> Self {
        Self::ArgumentInvalid(error.to_string())
    }
}

impl Error {
    /// Returns the status: the first three digits of [`Error::code`].
    pub fn status(&self) -> u16 {
        (self.code() / 1000) as u16
    }

    /// Returns Azure's error code of six digits.
    pub fn code(&self) -> u32 {
        self.code_and_name().0
    }

    /// Returns Azure's name, as in the header `iothub-errorcode`.
    pub fn name(&self) -> &'static str {
        self.code_and_name().1
    }

    fn code_and_name(&self) -> (u32, &'static str) {
        match self {
            Self::ArgumentInvalid(_) => (400_004, "ArgumentInvalid"),
            // 401003 is no longer sent: azure-iot-sdk-csharp, ErrorCode.cs.
            Self::DeviceDisabled => (401_002, "IotHubUnauthorizedAccess"),
            Self::QueueFull { .. } => (403_004, "DeviceMaximumQueueDepthExceeded"),
            Self::DeviceNotFound(_) => (404_001, "DeviceNotFound"),
            Self::DeviceNotOnline { .. } => (404_103, "DeviceNotOnline"),
            Self::DeviceConnectionClosedRemotely => (404_104, "DeviceConnectionClosedRemotely"),
            Self::DeviceAlreadyExists(_) => (409_001, "DeviceAlreadyExists"),
            Self::PreconditionFailed { .. } => (412_001, "PreconditionFailed"),
            Self::TooLarge { .. } => (413_001, "MessageTooLarge"),
            Self::Throttled => (429_001, "ThrottlingException"),
            Self::NotSupported(_) => (501_001, "NotSupported"),
            Self::InvalidResponse { .. } => (502_001, "InvalidResponseWhileProxying"),
            Self::GatewayTimeout => (504_101, "GatewayTimeout"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_http_status_is_the_head_of_the_code() {
        assert_eq!(Error::GatewayTimeout.status(), 504);
        assert_eq!(Error::DeviceNotFound("x".into()).status(), 404);
        assert_eq!(Error::DeviceNotFound("x".into()).name(), "DeviceNotFound");
    }
}
