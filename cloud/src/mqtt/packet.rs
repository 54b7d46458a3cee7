//! The packets of MQTT 3.1.1, without those of QoS 2.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Quality of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Qos {
    /// 0: delivered at most once.
    AtMostOnce,
    /// 1: sent again until acknowledged.
    AtLeastOnce,
    /// 2: never granted, and an error in a PUBLISH.
    ExactlyOnce,
}

impl From<Qos> for u8 {
    fn from(qos: Qos) -> Self {
        match qos {
            Qos::AtMostOnce => 0,
            Qos::AtLeastOnce => 1,
            Qos::ExactlyOnce => 2,
        }
    }
}

impl TryFrom<u8> for Qos {
    type Error = ();

    fn try_from(bits: u8) -> Result<Self, ()> {
        match bits {
            0 => Ok(Self::AtMostOnce),
            1 => Ok(Self::AtLeastOnce),
            2 => Ok(Self::ExactlyOnce),
            _ => Err(()),
        }
    }
}

/// A packet in either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// CONNECT, from the client.
    Connect(Connect),
    /// The server answers.
    ConnAck {
        /// True if a previous session continues.
        session_present: bool,
        /// Return code.
        code: ConnectReturn,
    },
    /// PUBLISH.
    Publish(Publish),
    /// PUBACK of a message with QoS 1.
    PubAck {
        /// Packet id of the message.
        packet_id: u16,
    },
    /// SUBSCRIBE, from the client.
    Subscribe(Subscribe),
    /// SUBACK, from the server: per filter the granted QoS, or 0x80.
    SubAck {
        /// Packet id of the SUBSCRIBE.
        packet_id: u16,
        /// Return codes in the order of the filters.
        codes: Vec<u8>,
    },
    /// UNSUBSCRIBE, from the client.
    Unsubscribe(Unsubscribe),
    /// The server answers.
    UnsubAck {
        /// Packet id of the UNSUBSCRIBE.
        packet_id: u16,
    },
    /// PINGREQ, from the client.
    PingReq,
    /// PINGRESP, from the server.
    PingResp,
    /// DISCONNECT, from the client.
    Disconnect,
}

/// CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// Client id.
    pub client_id: String,
    /// True to drop the previous session, and not to continue this one.
    pub clean_session: bool,
    /// Keep-alive in seconds; 0 is none.
    pub keep_alive: u16,
    /// Message published by the server if the client disconnects without DISCONNECT.
    pub will: Option<Will>,
    /// User name; for Azure: service, device and API version.
    pub username: Option<String>,
    /// Password; for Azure: a SAS token.
    pub password: Option<Password>,
}

impl Connect {
    /// Returns the password, if it is text.
    pub fn password_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.password.as_ref()?.0).ok()
    }
}

/// A password. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub Bytes);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A will message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Bytes,
    /// Quality of service.
    pub qos: Qos,
    /// Retain flag.
    pub retain: bool,
}

/// The return code of a CONNACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectReturn {
    /// 0
    Accepted,
    /// 1: unsupported MQTT version.
    UnacceptableVersion,
    /// 2: invalid client id.
    IdentifierRejected,
    /// 3: service unavailable.
    ServerUnavailable,
    /// 4
    BadUserNameOrPassword,
    /// 5
    NotAuthorized,
}

impl From<ConnectReturn> for u8 {
    fn from(code: ConnectReturn) -> Self {
        match code {
            ConnectReturn::Accepted => 0,
            ConnectReturn::UnacceptableVersion => 1,
            ConnectReturn::IdentifierRejected => 2,
            ConnectReturn::ServerUnavailable => 3,
            ConnectReturn::BadUserNameOrPassword => 4,
            ConnectReturn::NotAuthorized => 5,
        }
    }
}

impl TryFrom<u8> for ConnectReturn {
    type Error = ();

    fn try_from(code: u8) -> Result<Self, ()> {
        match code {
            0 => Ok(Self::Accepted),
            1 => Ok(Self::UnacceptableVersion),
            2 => Ok(Self::IdentifierRejected),
            3 => Ok(Self::ServerUnavailable),
            4 => Ok(Self::BadUserNameOrPassword),
            5 => Ok(Self::NotAuthorized),
            _ => Err(()),
        }
    }
}

/// PUBLISH.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// True if the message may have been sent before.
    pub dup: bool,
    /// Quality of service.
    pub qos: Qos,
    /// Retain flag.
    pub retain: bool,
    /// Topic without wildcards.
    pub topic: String,
    /// Packet id, present exactly if the QoS is above 0. Never 0.
    pub packet_id: Option<u16>,
    /// Payload.
    pub payload: Bytes,
}

impl Publish {
    /// Makes a message with QoS 0.
    pub fn at_most_once(topic: String, payload: impl Into<Bytes>) -> Self {
        Self {
            dup: false,
            qos: Qos::AtMostOnce,
            retain: false,
            topic,
            packet_id: None,
            payload: payload.into(),
        }
    }

    /// Makes a message with QoS 1.
    pub fn at_least_once(topic: String, packet_id: u16, payload: impl Into<Bytes>) -> Self {
        Self {
            qos: Qos::AtLeastOnce,
            packet_id: Some(packet_id),
            ..Self::at_most_once(topic, payload)
        }
    }
}

/// SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Packet id, never 0.
    pub packet_id: u16,
    /// At least one filter, with the requested QoS.
    pub filters: Vec<(String, Qos)>,
}

/// UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Packet id, never 0.
    pub packet_id: u16,
    /// At least one filter.
    pub filters: Vec<String>,
}
