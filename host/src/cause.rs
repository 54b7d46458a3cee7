//! Causes of failed and lost connections.

use serde::{Deserialize, Serialize};

use crate::mqtt::{ConnectError, LinkError};

/// The cause of a failed or lost connection, by which the reaction is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The server's name cannot be resolved.
    Dns,
    /// No TCP connection.
    Tcp,
    /// The handshake of TLS or MQTT broke.
    Tls,
    /// The server's certificate is not accepted.
    Certificate,
    /// The server refuses the device: CONNACK 1, 2, 4 or 5, or a rejection by DPS.
    Refused,
    /// The server throttles the device: CONNACK 3, or a 429 of DPS.
    Throttled,
    /// DPS failed, or sent an invalid response.
    Provisioning,
    /// The connect timed out.
    TimedOut,
    /// The server closed the connection.
    Closed,
    /// The server closed the connection when the SAS token was due for renewal.
    TokenExpired,
    /// The server closed healthy connections in a row: a duplicate client has taken over the session.
    TakenOver,
    /// The connection was reset.
    Reset,
    /// The server did not respond in time.
    KeepAliveTimeout,
    /// The server violated the protocol, or rejected a subscription.
    Protocol,
}

impl Cause {
    /// All causes.
    pub const ALL: [Self; 14] = [
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Certificate,
        Self::Refused,
        Self::Throttled,
        Self::Provisioning,
        Self::TimedOut,
        Self::Closed,
        Self::TokenExpired,
        Self::TakenOver,
        Self::Reset,
        Self::KeepAliveTimeout,
        Self::Protocol,
    ];

    /// Returns the name in logs, status and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Certificate => "certificate",
            Self::Refused => "refused",
            Self::Throttled => "throttled",
            Self::Provisioning => "provisioning",
            Self::TimedOut => "timed-out",
            Self::Closed => "closed",
            Self::TokenExpired => "token-expired",
            Self::TakenOver => "taken-over",
            Self::Reset => "reset",
            Self::KeepAliveTimeout => "keep-alive-timeout",
            Self::Protocol => "protocol",
        }
    }
}

impl From<&ConnectError> for Cause {
    fn from(error: &ConnectError) -> Self {
        match error {
            ConnectError::Refused(3) => Self::Throttled,
            ConnectError::Refused(_) => Self::Refused,
            ConnectError::Certificate(_) => Self::Certificate,
            ConnectError::Dns(_) => Self::Dns,
            ConnectError::Unreachable(_) => Self::Tcp,
            ConnectError::Handshake(_) => Self::Tls,
            ConnectError::TimedOut(_) => Self::TimedOut,
        }
    }
}

impl From<&LinkError> for Cause {
    fn from(error: &LinkError) -> Self {
        match error {
            LinkError::Closed => Self::Closed,
            LinkError::Reset => Self::Reset,
            LinkError::KeepAliveTimeout(_) => Self::KeepAliveTimeout,
            LinkError::Protocol(_) => Self::Protocol,
        }
    }
}
