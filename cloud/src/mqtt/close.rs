//! Reasons for the end of a connection.

use super::{DecodeError, EncodeError};

/// The reason for the end of a device's connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// The device sent DISCONNECT.
    #[error("the device disconnected")]
    ByDevice,
    /// The network connection broke, or the cloud stopped.
    #[error("the connection was lost")]
    Lost,
    /// The device violated the protocol or one of the hub's rules.
    #[error("the device sent {0}")]
    Protocol(String),
    /// The device uses another version of MQTT.
    #[error("the device speaks another version of MQTT than 3.1.1")]
    Version,
    /// The device was silent for one and a half times its keep-alive.
    #[error("the device was silent for too long")]
    KeepAlive,
    /// The device did not send a CONNECT in time.
    #[error("the device did not connect in time")]
    NoConnect,
    /// The CONNECT was refused.
    #[error("the device was refused")]
    Refused,
    /// The SAS token expired.
    #[error("the device's token expired")]
    TokenExpired,
    /// Another connection of the same device took over (400027).
    #[error("another connection of the device took over")]
    TakenOver,
    /// The device was disabled.
    #[error("the device was disabled")]
    Disabled,
    /// The device was deleted.
    #[error("the device was removed")]
    Removed,
    /// The hub closed it, without an error of the device.
    #[error("the hub closed the connection")]
    ByHub,
    /// The process of the cloud ended while the device was connected.
    #[error("the cloud ended without a warning")]
    CloudEnded,
    /// The device does not read what it is sent.
    #[error("the device does not read what it is sent")]
    NotReading,
}

/// The longest excerpt of a topic in a reason, in characters.
const MAX_EXCERPT: usize = 200;

impl Close {
    /// Makes the reason for a publish to a topic that is not the device's own.
    pub(crate) fn foreign_topic(topic: &str) -> Self {
        let excerpt: String = topic
            .chars()
            .take(MAX_EXCERPT)
            .flat_map(char::escape_debug)
            .collect();
        Self::Protocol(format!("to a topic that is not its own: {excerpt}"))
    }

    /// Returns true if the client is to blame.
    pub(crate) fn is_client_error(&self) -> bool {
        matches!(
            self,
            Self::Protocol(_) | Self::Version | Self::NoConnect | Self::NotReading
        )
    }
}

impl From<std::io::Error> for Close {
    fn from(_: std::io::Error) -> Self {
        Self::Lost
    }
}

impl From<DecodeError> for Close {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Version => Self::Version,
            error => Self::Protocol(error.to_string()),
        }
    }
}

impl From<EncodeError> for Close {
    /// The only text of the cloud's that could be too long is one the device chose: its `$rid`.
    fn from(error: EncodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}
