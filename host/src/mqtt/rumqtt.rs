//! The transport on rumqttc: TLS to the server, one fresh event loop per connection.
//!
//! rumqttc reconnects, resends and forgets by rules of its own. None of that is used here: an event loop lives for one
//! connection, what is pending belongs to the outbox, and the polling task does nothing but poll.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions,
    Outgoing, Packet, Publish, QoS, StateError, SubscribeFilter, SubscribeReasonCode,
    TlsConfiguration, mqttbytes::Error as MqttError,
};
use rustls::{CertificateError, ClientConfig};
use secrecy::ExposeSecret;
use tokio::{net::lookup_host, sync::mpsc, task::JoinHandle};

use super::{
    Connect, ConnectError, Delivery, Endpoint, Incoming, Link, LinkError, Receipt, Transport,
    tls::describe_validity,
};

/// The timeout of the name resolution, of TCP, TLS and CONNACK together, and of each flush; twice the keep-alive, if that
/// is less.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(30);
/// Larger than the largest message (256 KB) with its topic, so that the event loop never meets a packet it refuses.
const MAX_PACKET: usize = 300 * 1024;
/// Packet ids in use. Larger than any window of unacknowledged messages, so that ids never collide.
const PACKET_IDS: u16 = 64;
/// The capacity for requests not yet written. A session hands over at most a window of messages and its replies.
const REQUEST_CAPACITY: usize = 1024;
/// The capacity for packets received and not yet handled; beyond it the socket is no longer read.
const RECEIVE_CAPACITY: usize = 64;
/// The error of a connection whose server does not answer.
const SILENT: &str = "the server does not respond (keep-alive timeout)";
/// The timeout of a clean disconnect.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects over TLS with rumqttc.
#[derive(Clone)]
pub struct Rumqtt {
    tls: Arc<ClientConfig>,
}

impl Rumqtt {
    /// Connections verified by `tls`.
    #[must_use]
    pub fn new(tls: Arc<ClientConfig>) -> Self {
        Self { tls }
    }
}

impl Transport for Rumqtt {
    type Link = RumqttLink;

    async fn connect(&mut self, request: &Connect) -> Result<RumqttLink, ConnectError> {
        let mut options = MqttOptions::new(
            &request.client_id,
            &request.endpoint.host,
            request.endpoint.port,
        );
        options
            .set_credentials(&request.username, request.password.expose_secret())
            .set_keep_alive(request.keep_alive)
            .set_clean_session(false)
            .set_manual_acks(true)
            .set_inflight(PACKET_IDS)
            .set_max_packet_size(MAX_PACKET, MAX_PACKET)
            .set_transport(rumqttc::Transport::tls_with_config(
                TlsConfiguration::Rustls(self.tls.clone()),
            ));
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(network_timeout(request).as_secs());
        let (client, mut events) = AsyncClient::new(options, REQUEST_CAPACITY);
        events.set_network_options(network);

        resolve(request).await?;
        match events.poll().await {
            Ok(_) => Ok(RumqttLink::new(client, events, request.keep_alive * 2)),
            Err(error) => Err(connect_error(&error, request)),
        }
    }
}

/// A connection of [`Rumqtt`].
pub struct RumqttLink {
    client: AsyncClient,
    received: mpsc::Receiver<Result<Event, LinkError>>,
    poller: JoinHandle<()>,
    /// Numbers of messages handed over, in order, that have no packet id yet.
    unsent: VecDeque<u64>,
    /// Numbers of messages sent, by packet id.
    unacknowledged: HashMap<u16, u64>,
    /// Topics of each SUBSCRIBE without a SUBACK, in order.
    pending_subscribes: VecDeque<Vec<String>>,
}

fn network_timeout(request: &Connect) -> Duration {
    NETWORK_TIMEOUT.min(request.keep_alive * 2)
}

/// Resolves the name for each connection, so that a DNS failure is distinguished from an unreachable server; the client
/// library does not.
async fn resolve(request: &Connect) -> Result<(), ConnectError> {
    let Endpoint { host, port } = &request.endpoint;
    let failed = |why: &str| {
        ConnectError::Dns(format!(
            "cannot resolve {host}: {why}; check the name, and the network and DNS of this machine"
        ))
    };
    let looked_up = lookup_host((host.as_str(), *port));
    match tokio::time::timeout(network_timeout(request), looked_up).await {
        Ok(Ok(mut addresses)) => match addresses.next() {
            Some(_) => Ok(()),
            None => Err(failed("no address")),
        },
        Ok(Err(error)) => Err(failed(&io_reason(&error))),
        Err(_) => Err(failed("timed out")),
    }
}

impl RumqttLink {
    /// Wraps an event loop; the link ends without any event for `idle_timeout`, in which two pings would have been answered.
    fn new(client: AsyncClient, events: EventLoop, idle_timeout: Duration) -> Self {
        let (sender, received) = mpsc::channel(RECEIVE_CAPACITY);
        Self {
            client,
            received,
            poller: tokio::spawn(poll(events, sender, idle_timeout)),
            unsent: VecDeque::new(),
            unacknowledged: HashMap::new(),
            pending_subscribes: VecDeque::new(),
        }
    }

    /// Returns the meaning of an event for the session; `None` if it has none.
    fn interpret(&mut self, event: Event) -> Result<Option<Incoming>, LinkError> {
        Ok(match event {
            Event::Outgoing(Outgoing::Publish(id)) if id != 0 => {
                // The event loop tells the id only after the fact; messages get theirs in the order of the calls.
                if let Some(number) = self.unsent.pop_front() {
                    self.unacknowledged.insert(id, number);
                }
                None
            }
            Event::Incoming(Packet::PubAck(ack)) => self
                .unacknowledged
                .remove(&ack.pkid)
                .map(Incoming::Acknowledged),
            Event::Incoming(Packet::Publish(message)) => Some(Incoming::Message {
                receipt: (message.qos != QoS::AtMostOnce).then_some(Receipt(message.pkid)),
                topic: message.topic,
                payload: message.payload,
            }),
            Event::Incoming(Packet::SubAck(ack)) => Some(Incoming::Subscribed {
                refused: self.refused(&ack.return_codes)?,
            }),
            _ => None,
        })
    }

    /// Returns the topics a SUBACK refuses. It must have as many codes as topics were requested: one too few would leave
    /// a topic that is silently not delivered.
    fn refused(&mut self, codes: &[SubscribeReasonCode]) -> Result<Vec<String>, LinkError> {
        let topics = self.pending_subscribes.pop_front().unwrap_or_default();
        if topics.len() != codes.len() {
            return Err(LinkError::Protocol(format!(
                "the server acknowledged {} topics of {} in a subscription (SUBACK)",
                codes.len(),
                topics.len()
            )));
        }
        let answered = topics.into_iter().zip(codes);
        let refused = answered.filter(|(_, code)| **code == SubscribeReasonCode::Failure);
        Ok(refused.map(|(topic, _)| topic).collect())
    }
}

impl Link for RumqttLink {
    async fn next(&mut self) -> Result<Incoming, LinkError> {
        loop {
            let event = self
                .received
                .recv()
                .await
                .unwrap_or(Err(LinkError::Closed))?;
            if let Some(incoming) = self.interpret(event)? {
                return Ok(incoming);
            }
        }
    }

    fn subscribe(&mut self, topics: &[String]) -> Result<(), LinkError> {
        let filters = topics
            .iter()
            .map(|topic| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce));
        self.client
            .try_subscribe_many(filters)
            .map_err(|_| overrun())?;
        self.pending_subscribes.push_back(topics.to_vec());
        Ok(())
    }

    fn publish(
        &mut self,
        topic: String,
        payload: Bytes,
        delivery: Delivery,
    ) -> Result<(), LinkError> {
        let qos = match delivery {
            Delivery::AtMostOnce => QoS::AtMostOnce,
            Delivery::AtLeastOnce(_) => QoS::AtLeastOnce,
        };
        self.client
            .try_publish(topic, qos, false, payload)
            .map_err(|_| overrun())?;
        if let Delivery::AtLeastOnce(number) = delivery {
            self.unsent.push_back(number);
        }
        Ok(())
    }

    fn acknowledge(&mut self, receipt: Receipt) -> Result<(), LinkError> {
        let mut message = Publish::new("", QoS::AtLeastOnce, "");
        message.pkid = receipt.0;
        self.client.try_ack(&message).map_err(|_| overrun())
    }

    async fn disconnect(mut self) {
        if self.client.try_disconnect().is_ok() {
            let drained = async { while self.received.recv().await.is_some() {} };
            // A server that takes nothing more is left without DISCONNECT.
            let _ = tokio::time::timeout(DISCONNECT_TIMEOUT, drained).await;
        }
    }
}

impl Drop for RumqttLink {
    fn drop(&mut self) {
        self.poller.abort();
    }
}

/// Polls one connection until it ends; polling on would reconnect.
async fn poll(
    mut events: EventLoop,
    received: mpsc::Sender<Result<Event, LinkError>>,
    idle_timeout: Duration,
) {
    loop {
        // The library waits without end for space in the socket's buffer, pings or not.
        let event = match tokio::time::timeout(idle_timeout, events.poll()).await {
            Ok(event) => event.map_err(|error| link_error(&error)),
            Err(_) => Err(LinkError::KeepAliveTimeout(SILENT.to_owned())),
        };
        let last = matches!(event, Err(_) | Ok(Event::Outgoing(Outgoing::Disconnect)));
        let taken = received.send(event).await;
        if last || taken.is_err() {
            return;
        }
    }
}

/// The error of a connection that leaves too many requests unsent.
fn overrun() -> LinkError {
    LinkError::Protocol("too many requests are unsent".to_owned())
}

fn connect_error(error: &ConnectionError, request: &Connect) -> ConnectError {
    match error {
        ConnectionError::ConnectionRefused(code) => ConnectError::Refused(match code {
            ConnectReturnCode::Success => 0,
            ConnectReturnCode::RefusedProtocolVersion => 1,
            ConnectReturnCode::BadClientId => 2,
            ConnectReturnCode::ServiceUnavailable => 3,
            ConnectReturnCode::BadUserNamePassword => 4,
            ConnectReturnCode::NotAuthorized => 5,
        }),
        ConnectionError::NetworkTimeout => ConnectError::TimedOut(format!(
            "no response within {} s; check that no firewall blocks port {}",
            network_timeout(request).as_secs(),
            request.endpoint.port
        )),
        ConnectionError::Tls(rumqttc::TlsError::Io(error)) => {
            tls_error(error, &request.endpoint.host)
        }
        ConnectionError::Tls(rumqttc::TlsError::DNSName(_)) => ConnectError::Certificate(format!(
            "{:?} is not a server name; use the name its certificate is for",
            request.endpoint.host
        )),
        ConnectionError::Io(error) => ConnectError::Unreachable(format!(
            "{}; check name, port and network",
            io_reason(error)
        )),
        ConnectionError::MqttState(state) => {
            ConnectError::Handshake(state_error(state).to_string())
        }
        ConnectionError::NotConnAck(_) => wrong_protocol("MQTT"),
        other => ConnectError::Handshake(other.to_string()),
    }
}

/// The error of a server that speaks another protocol.
fn wrong_protocol(protocol: &str) -> ConnectError {
    ConnectError::Handshake(format!(
        "the server does not speak {protocol}; check name and port"
    ))
}

/// Distinguishes a certificate that is not accepted, where retrying does not help, from a handshake that broke.
fn tls_error(error: &io::Error, host: &str) -> ConnectError {
    let rustls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::InvalidMessage(_)) = rustls {
        return wrong_protocol("TLS");
    }
    let Some(rustls::Error::InvalidCertificate(certificate)) = rustls else {
        return ConnectError::Handshake(format!("the TLS handshake failed: {}", io_reason(error)));
    };
    ConnectError::Certificate(match certificate {
        // A known name with another key: most likely an authority that was made anew.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "the certificate of {host} is signed by an unknown authority; trust the authority's certificate with \
             --ca FILE or SSL_CERT_FILE"
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!("the certificate is not valid for {host}; use the name it was issued for")
        }
        other => describe_validity(other, host)
            .unwrap_or_else(|| format!("the certificate of {host} is not accepted: {other}")),
    })
}

fn link_error(error: &ConnectionError) -> LinkError {
    match error {
        ConnectionError::MqttState(state) => state_error(state),
        ConnectionError::FlushTimeout => {
            LinkError::KeepAliveTimeout("no data could be sent (flush timeout)".to_owned())
        }
        other => LinkError::Protocol(other.to_string()),
    }
}

fn state_error(error: &StateError) -> LinkError {
    match error {
        StateError::ConnectionAborted => LinkError::Closed,
        StateError::AwaitPingResp => LinkError::KeepAliveTimeout(SILENT.to_owned()),
        StateError::Io(error) | StateError::Deserialization(MqttError::Io(error)) => {
            match error.kind() {
                // Many servers close a connection without close_notify.
                io::ErrorKind::UnexpectedEof => LinkError::Closed,
                io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::BrokenPipe => LinkError::Reset,
                io::ErrorKind::TimedOut => LinkError::KeepAliveTimeout(SILENT.to_owned()),
                _ => LinkError::Protocol(io_reason(error)),
            }
        }
        StateError::Unsolicited(id) => LinkError::Protocol(format!(
            "the server acknowledged a packet that was not sent (packet id {id})"
        )),
        StateError::WrongPacket => LinkError::Protocol(
            "the server sent a packet only clients send, or a second CONNACK".to_owned(),
        ),
        StateError::Deserialization(MqttError::PayloadSizeLimitExceeded(size)) => {
            LinkError::Protocol(format!(
                "the server sent a packet of {size} bytes, more than the limit of {MAX_PACKET}"
            ))
        }
        StateError::Deserialization(other) => {
            LinkError::Protocol(format!("the server sent invalid MQTT: {other}"))
        }
        other => LinkError::Protocol(other.to_string()),
    }
}

/// Returns the message of an I/O error without its error number.
fn io_reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => "the server closed the connection".to_owned(),
        // The words of the packet reader.
        io::ErrorKind::Other if error.to_string() == "bytes remaining on stream" => {
            "the server closed the connection in the middle of a packet".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshake(error: rustls::Error) -> ConnectError {
        tls_error(
            &io::Error::new(io::ErrorKind::InvalidData, error),
            "hub.example",
        )
    }

    #[test]
    fn a_certificate_that_must_not_be_accepted_is_told_with_the_remedy() {
        for (error, words) in [
            (
                CertificateError::UnknownIssuer,
                "--ca FILE or SSL_CERT_FILE",
            ),
            (
                CertificateError::NotValidForName,
                "is not valid for hub.example",
            ),
            (CertificateError::Expired, "has expired"),
            (CertificateError::NotValidYet, "is not valid yet"),
            (CertificateError::BadSignature, "--ca FILE or SSL_CERT_FILE"),
            (CertificateError::Revoked, "is not accepted"),
        ] {
            let told = handshake(rustls::Error::InvalidCertificate(error));
            assert!(
                matches!(&told, ConnectError::Certificate(text) if text.contains(words)),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_handshake_that_breaks_may_go_well_another_time() {
        let told = handshake(rustls::Error::HandshakeNotComplete);
        assert!(matches!(told, ConnectError::Handshake(_)), "{told:?}");
        let eof = io::Error::from(io::ErrorKind::UnexpectedEof);
        assert!(matches!(
            tls_error(&eof, "hub.example"),
            ConnectError::Handshake(_)
        ));
    }
}
