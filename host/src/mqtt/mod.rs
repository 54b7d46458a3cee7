//! MQTT 3.1.1, as far as a device of Azure IoT needs it, behind one trait.

mod addresses;
mod codec;
pub mod connection;
pub mod connector;
mod error;
mod packet_stream;
pub mod pem;
pub mod scripted;
pub mod tls;
pub mod trust_roots;

use std::{fmt, future::Future, time::Duration};

use bytes::Bytes;
use secrecy::SecretString;

/// Makes connections to a broker. One value serves one device; each connection is new from the socket up.
pub trait Transport: Send + 'static {
    /// The connection.
    type Link: Link;

    /// Resolves the name, connects, checks the certificate and waits for CONNACK.
    fn connect(
        &mut self,
        request: &Connect,
    ) -> impl Future<Output = Result<Self::Link, ConnectError>> + Send;
}

/// A standing connection. Dropping it closes the socket without DISCONNECT.
pub trait Link: Send + 'static {
    /// Returns the next packet of the server, and sends what was handed over. Cancel safe. Nothing is sent, received or kept
    /// alive except while it is polled. After an error the link is dead.
    fn next(&mut self) -> impl Future<Output = Result<Incoming, LinkError>> + Send;

    /// Asks for these topics with QoS 1; [`Incoming::Subscribed`] answers.
    fn subscribe(&mut self, topics: &[String]) -> Result<(), LinkError>;

    /// Hands over a message for sending, in order of the calls. Never waits; while much is unsent,
    /// [`next`](Self::next) receives nothing.
    fn publish(
        &mut self,
        topic: String,
        payload: Bytes,
        delivery: Delivery,
    ) -> Result<(), LinkError>;

    /// Returns the number of bytes handed over that have not left for the server.
    fn unsent(&self) -> usize;

    /// Acknowledges a message received with QoS 1.
    fn acknowledge(&mut self, receipt: Receipt) -> Result<(), LinkError>;

    /// Sends what was handed over, then DISCONNECT, and closes.
    fn disconnect(self) -> impl Future<Output = ()> + Send;
}

/// The content of CONNECT. The session is never clean: the hub keeps subscriptions and cloud-to-device messages.
#[derive(Clone, Debug)]
pub struct Connect {
    /// The server.
    pub endpoint: Endpoint,
    /// MQTT client id.
    pub client_id: String,
    /// MQTT user name.
    pub username: String,
    /// MQTT password: a freshly minted SAS token.
    pub password: SecretString,
    /// Longest idle_timeout before a PINGREQ.
    pub keep_alive: Duration,
}

/// A server as people write it: `name` or `name:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name or address; what TLS checks the certificate against.
    pub host: String,
    /// 8883 where none was given.
    pub port: u16,
}

impl Endpoint {
    /// Reads `name` or `name:port`; none if the port is not a number, or the name is empty or has characters that no
    /// host name has.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (text, 8883),
        };
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || "-._".contains(character);
        let is_name = !host.is_empty() && host.chars().all(allowed);
        is_name.then(|| Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// The quality of service of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// QoS 0: the answer, if any, is a message of its own.
    AtMostOnce,
    /// QoS 1: the server's PUBACK comes back as [`Incoming::Acknowledged`] with this number.
    AtLeastOnce(u64),
}

/// Proof of receipt, to give back with [`Link::acknowledge`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt(pub u16);

/// A packet that the server sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A message; `receipt` is there if it came with QoS 1.
    Message {
        /// The topic, as sent.
        topic: String,
        /// The body.
        payload: Bytes,
        /// The receipt for the acknowledgment.
        receipt: Option<Receipt>,
    },
    /// The server has the message that was published with this number.
    Acknowledged(u64),
    /// The answer to a subscribe: the topics the server refused.
    Subscribed {
        /// Empty when all were granted.
        refused: Vec<String>,
    },
}

/// The error of a connect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The server answered CONNECT with this return code (1 to 5).
    #[error("connection refused: {}", ConnackCode(*.0))]
    Refused(u8),
    /// The server's certificate is not trusted, is for another name, or is not valid now.
    #[error("{0}")]
    Certificate(String),
    /// The name cannot be resolved.
    #[error("{0}")]
    Dns(String),
    /// No address of the server takes a connection.
    #[error("{0}")]
    Unreachable(String),
    /// The server answers, but the handshake of TLS or MQTT broke.
    #[error("{0}")]
    Handshake(String),
    /// The connect timed out.
    #[error("{0}")]
    TimedOut(String),
}

/// The error that ended a connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The server ended it.
    #[error("the server closed the connection")]
    Closed,
    /// The connection was reset, by the server or a middlebox.
    #[error("the connection was reset")]
    Reset,
    /// The server has been silent for too long.
    #[error("{0}")]
    KeepAliveTimeout(String),
    /// The server violated the protocol, or the socket failed.
    #[error("{0}")]
    Protocol(String),
}

/// The return code of a CONNACK, shown with its meaning (MQTT 3.1.1, table 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnackCode(pub u8);

impl fmt::Display for ConnackCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(code) = self;
        let meaning = match code {
            0 => "accepted",
            1 => "unacceptable protocol version",
            2 => "identifier rejected",
            3 => "server unavailable",
            4 => "bad user name or password",
            5 => "not authorized",
            _ => "unknown return code",
        };
        write!(f, "{meaning} (CONNACK {code})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_name_or_address_with_or_without_a_port() {
        let read = |text| Endpoint::parse(text).map(|endpoint| endpoint.to_string());
        assert_eq!(read("hub.example").unwrap(), "hub.example:8883");
        assert_eq!(read("127.0.0.1:1").unwrap(), "127.0.0.1:1");
        for wrong in [
            "",
            ":1",
            "a:b",
            "a:65536",
            "a b",
            "https://a",
            "c2VjcmV0IGtleQ==",
        ] {
            assert_eq!(read(wrong), None, "{wrong:?}");
        }
    }
}
