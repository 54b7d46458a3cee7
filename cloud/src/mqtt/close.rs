//! Reasons for the end of a connection.

use super::{DecodeError, EncodeError};
use crate::excerpt::excerpt;

/// The reason for the end of a device's connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// The device sent DISCONNECT.
    #[error("device disconnected")]
    ByDevice,
    /// The network connection broke, or the cloud stopped.
    #[error("connection lost")]
    Lost,
    /// The device violated the protocol or one of the hub's rules.
    #[error("protocol violation: {0}")]
    Protocol(String),
    /// The device uses another version of MQTT.
    #[error("unsupported MQTT version, 3.1.1 is required")]
    Version,
    /// The device was silent for one and a half times its keep-alive.
    #[error("keep-alive timeout")]
    KeepAlive,
    /// The device did not send a CONNECT in time.
    #[error("no CONNECT in time")]
    NoConnect,
    /// The CONNECT was refused.
    #[error("connection refused: {0}")]
    Refused(String),
    /// The SAS token expired.
    #[error("SAS token expired")]
    TokenExpired,
    /// Another connection of the same device took over (400027).
    #[error("session taken over by another connection of the device")]
    TakenOver,
    /// The device was disabled.
    #[error("device disabled")]
    Disabled,
    /// The device was deleted.
    #[error("device deleted")]
    Removed,
    /// The hub closed it, without an error of the device.
    #[error("connection closed by the hub")]
    ByHub,
    /// The process of the cloud ended while the device was connected.
    #[error("cloud terminated unexpectedly")]
    CloudEnded,
    /// The device does not read what it is sent.
    #[error("device does not read its input")]
    NotReading,
}

impl Close {
    /// Makes the reason for a publish to a topic that is not the device's own.
    pub(crate) fn foreign_topic(topic: &str) -> Self {
        Self::Protocol(format!(
            "publish to a topic that is not its own: {}",
            excerpt(topic)
        ))
    }

    /// Returns true if the client is to blame.
    pub(crate) fn is_client_error(&self) -> bool {
        matches!(
            self,
            Self::Protocol(_)
                | Self::Version
                | Self::Refused(_)
                | Self::NoConnect
                | Self::NotReading
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
