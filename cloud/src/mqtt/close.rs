//! Why a connection ends.

use super::{DecodeError, EncodeError};

/// The reason a device's connection ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Close {
    /// It sent DISCONNECT.
    #[error("the device disconnected")]
    ByDevice,
    /// The link broke, or the cloud stopped.
    #[error("the connection was lost")]
    Lost,
    /// It broke the protocol or one of the hub's rules.
    #[error("the device sent {0}")]
    Protocol(String),
    /// It opened with another version of MQTT.
    #[error("the device speaks another version of MQTT than 3.1.1")]
    Version,
    /// It was silent for one and a half times its keep-alive.
    #[error("the device was silent for too long")]
    KeepAlive,
    /// It did not send a CONNECT in time.
    #[error("the device did not connect in time")]
    NoConnect,
    /// It was not let in.
    #[error("the device was refused")]
    Refused,
    /// Its token's time is over.
    #[error("the device's token expired")]
    TokenExpired,
    /// Another connection of the same device came (400027).
    #[error("another connection of the device took over")]
    TakenOver,
    /// The device was disabled.
    #[error("the device was disabled")]
    Disabled,
    /// The device was removed.
    #[error("the device was removed")]
    Removed,
    /// The hub closed it without a fault of the device's.
    #[error("the hub closed the connection")]
    ByHub,
    /// The cloud's process was ended while the device was connected.
    #[error("the cloud ended without a warning")]
    CloudEnded,
    /// It does not read what it is sent.
    #[error("the device does not read what it is sent")]
    NotReading,
}

/// So much of what a device sent is shown, in characters.
const SHOWN: usize = 200;

impl Close {
    /// It published to a topic nobody here takes.
    pub(crate) fn foreign_topic(topic: &str) -> Self {
        let shown: String = topic
            .chars()
            .take(SHOWN)
            .flat_map(char::escape_debug)
            .collect();
        Self::Protocol(format!("to a topic that is not its own: {shown}"))
    }

    /// Whether the client is to blame, and its author would like to know.
    pub(crate) fn is_misbehaviour(&self) -> bool {
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
