//! The packets of MQTT 3.1.1, without those of QoS 2.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Quality of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Qos {
    /// 0: sent, and that is it.
    AtMostOnce,
    /// 1: until acknowledged.
    AtLeastOnce,
    /// 2: which the cloud never grants and closes connections for.
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

/// One packet, either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// A client opens.
    Connect(Connect),
    /// The server answers.
    ConnAck {
        /// Whether the client's session goes on.
        session_present: bool,
        /// Accepted, or why not.
        code: ConnectReturn,
    },
    /// A message.
    Publish(Publish),
    /// A message with QoS 1 has arrived.
    PubAck {
        /// Which one.
        packet_id: u16,
    },
    /// A client subscribes.
    Subscribe(Subscribe),
    /// The server answers: per filter the QoS granted, or 0x80.
    SubAck {
        /// To which SUBSCRIBE.
        packet_id: u16,
        /// In the order of the filters.
        codes: Vec<u8>,
    },
    /// A client unsubscribes.
    Unsubscribe(Unsubscribe),
    /// The server answers.
    UnsubAck {
        /// To which UNSUBSCRIBE.
        packet_id: u16,
    },
    /// A client shows that it is there.
    PingReq,
    /// So does the server.
    PingResp,
    /// A client leaves in good order.
    Disconnect,
}

/// CONNECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connect {
    /// The client's own name.
    pub client_id: String,
    /// Whether an earlier session is dropped and this one not kept.
    pub clean_session: bool,
    /// In seconds; 0 is none.
    pub keep_alive: u16,
    /// Published by the server if the client goes without DISCONNECT.
    pub will: Option<Will>,
    /// For Azure: which service, which device, which API version.
    pub username: Option<String>,
    /// For Azure: a shared access signature.
    pub password: Option<Password>,
}

impl Connect {
    /// The password, if it is text.
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

/// A last will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Will {
    /// Where it is published.
    pub topic: String,
    /// Its body.
    pub payload: Bytes,
    /// Its quality of service.
    pub qos: Qos,
    /// Whether it is to be retained.
    pub retain: bool,
}

/// What a CONNACK says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectReturn {
    /// 0
    Accepted,
    /// 1: another version of MQTT.
    UnacceptableVersion,
    /// 2: the client id cannot be used.
    IdentifierRejected,
    /// 3: later, perhaps.
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
    /// Whether it may have been sent before.
    pub dup: bool,
    /// Its quality of service.
    pub qos: Qos,
    /// Whether it is to be, or was, retained.
    pub retain: bool,
    /// Where it goes. No wildcards.
    pub topic: String,
    /// There if, and only if, the QoS is above 0. Never 0.
    pub packet_id: Option<u16>,
    /// Its body.
    pub payload: Bytes,
}

impl Publish {
    /// A message with QoS 0.
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

    /// A message with QoS 1.
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
    /// Never 0.
    pub packet_id: u16,
    /// At least one filter, with the QoS asked for.
    pub filters: Vec<(String, Qos)>,
}

/// UNSUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsubscribe {
    /// Never 0.
    pub packet_id: u16,
    /// At least one filter.
    pub filters: Vec<String>,
}
