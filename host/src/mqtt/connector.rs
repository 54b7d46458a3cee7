//! The transport over TCP and TLS: resolves the name, races its addresses, and checks the certificate for each connection
//! anew.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    Connect, ConnectError, Endpoint, Transport, addresses,
    codec::{self, ServerPacket},
    connection::Connection,
    error::{io_reason, tls_error, wrong_protocol},
    packet_stream::PacketStream,
    trust_roots::TrustRoots,
};

/// The time limit of a connect, from the name to the CONNACK, and of a socket that accepts no data; twice the keep-alive,
/// if that is less.
const NETWORK_TIMEOUT: Duration = Duration::from_secs(30);
/// The number of addresses listed in an error.
const MAX_LISTED: usize = 4;

/// Makes connections over TCP and TLS.
#[derive(Clone)]
pub struct Connector {
    trust_roots: Arc<TrustRoots>,
    /// The address whose server took the last connection and then failed; it is dialed last.
    failed: Option<SocketAddr>,
}

impl Connector {
    /// Returns a connector that verifies servers with `trust_roots`.
    #[must_use]
    pub fn new(trust_roots: Arc<TrustRoots>) -> Self {
        Self {
            trust_roots,
            failed: None,
        }
    }
}

impl Transport for Connector {
    type Link = Connection;

    async fn connect(&mut self, request: &Connect) -> Result<Connection, ConnectError> {
        let attempt = Attempt::new(request);
        let name = server_name(&request.endpoint)?;
        let addresses = addresses::interleave(attempt.resolve().await?, self.failed);
        let tls = self.trust_roots.current().await;
        let connected = self.open(&attempt, &addresses, &name, &tls).await;
        if !matches!(connected, Err(ConnectError::Certificate(_))) {
            return connected;
        }
        // The server may have come back with another authority since the files were read.
        let renewed = self.trust_roots.reread().await;
        match Arc::ptr_eq(&tls, &renewed) {
            true => connected,
            false => self.open(&attempt, &addresses, &name, &renewed).await,
        }
    }
}

impl Connector {
    /// Makes a connection to one of these addresses.
    async fn open(
        &mut self,
        attempt: &Attempt<'_>,
        addresses: &[SocketAddr],
        name: &ServerName<'static>,
        tls: &Arc<ClientConfig>,
    ) -> Result<Connection, ConnectError> {
        let (address, tcp) = attempt.dial(addresses).await?;
        let tls = TlsConnector::from(tls.clone());
        // Also if the handshake hangs and is canceled.
        self.failed = Some(address);
        let connected = attempt.handshake(address, tcp, name.clone(), tls).await;
        if let Ok(_) | Err(ConnectError::Refused(_)) = &connected {
            self.failed = None;
        }
        connected
    }
}

/// One connect and its time limit.
struct Attempt<'a> {
    request: &'a Connect,
    limit: Duration,
    deadline: Instant,
}

impl<'a> Attempt<'a> {
    fn new(request: &'a Connect) -> Self {
        let limit = NETWORK_TIMEOUT.min(request.keep_alive * 2);
        Self {
            request,
            limit,
            deadline: Instant::now() + limit,
        }
    }

    /// Returns the addresses of the server's name.
    async fn resolve(&self) -> Result<Vec<SocketAddr>, ConnectError> {
        let Endpoint { host, port } = &self.request.endpoint;
        let failed = |why: &str| {
            ConnectError::Dns(format!(
                "cannot resolve {host}: {why}; check the name, and the network and DNS of this machine"
            ))
        };
        let looked_up = timeout_at(self.deadline, lookup_host((host.as_str(), *port))).await;
        let addresses: Vec<_> = match looked_up {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => return Err(failed(&io_reason(&error))),
            Err(_) => return Err(failed("timed out")),
        };
        match addresses.is_empty() {
            true => Err(failed("no address")),
            false => Ok(addresses),
        }
    }

    /// Returns the first TCP connection to one of these addresses.
    async fn dial(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<(SocketAddr, TcpStream), ConnectError> {
        let racing = addresses::race(addresses, connect_tcp);
        match timeout_at(self.deadline, racing).await {
            Ok(Ok(connected)) => Ok(connected),
            Ok(Err(failures)) => Err(unreachable(&failures)),
            Err(_) => Err(ConnectError::TimedOut(format!(
                "no response{} within {} s; check that no firewall blocks port {}",
                from_all(addresses),
                self.limit.as_secs(),
                self.request.endpoint.port
            ))),
        }
    }

    /// Encrypts a TCP connection, sends CONNECT and waits for the CONNACK.
    async fn handshake(
        &self,
        address: SocketAddr,
        tcp: TcpStream,
        name: ServerName<'static>,
        tls: TlsConnector,
    ) -> Result<Connection, ConnectError> {
        let timed_out = |what: &str| {
            ConnectError::TimedOut(format!(
                "{} accepted the connection, but sent no {what} within {} s; check name and port",
                address.ip(),
                self.limit.as_secs()
            ))
        };
        let encrypted = timeout_at(self.deadline, tls.connect(name, tcp)).await;
        let stream: TlsStream<TcpStream> = encrypted
            .map_err(|_| timed_out("TLS handshake"))?
            .map_err(|error| tls_error(&error, &self.request.endpoint.host))?;
        let introduced = timeout_at(self.deadline, introduce(stream, self.request)).await;
        let packets = introduced.map_err(|_| timed_out("CONNACK"))??;
        let keep_alive = self.request.keep_alive;
        Ok(Connection::new(packets, keep_alive, self.limit))
    }
}

/// Returns the name that the server's certificate must have.
fn server_name(endpoint: &Endpoint) -> Result<ServerName<'static>, ConnectError> {
    let host = &endpoint.host;
    ServerName::try_from(host.clone()).map_err(|_| {
        ConnectError::Certificate(format!(
            "{host:?} is not a server name; use the name its certificate is for"
        ))
    })
}

async fn connect_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(address).await?;
    // Packets are queued until they are to leave.
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// Sends CONNECT and waits for the CONNACK.
async fn introduce(
    stream: TlsStream<TcpStream>,
    request: &Connect,
) -> Result<PacketStream, ConnectError> {
    let broken = |error: super::LinkError| ConnectError::Handshake(error.to_string());
    let mut packets = PacketStream::new(stream);
    codec::connect(request, packets.output()).map_err(broken)?;
    match packets.exchange().await.map_err(broken)? {
        ServerPacket::ConnAck(0) => Ok(packets),
        ServerPacket::ConnAck(code) => Err(ConnectError::Refused(code)),
        _ => Err(wrong_protocol("MQTT")),
    }
}

fn unreachable(failures: &[(SocketAddr, io::Error)]) -> ConnectError {
    let reason = match failures {
        [(_, error)] => io_reason(error),
        _ => list(failures.iter().map(|(address, error)| {
            let reason = io_reason(error);
            format!("{}: {reason}", address.ip())
        })),
    };
    ConnectError::Unreachable(format!("{reason}; check name, port and network"))
}

/// Returns the addresses of a server that has several.
fn from_all(addresses: &[SocketAddr]) -> String {
    match addresses {
        [_] => String::new(),
        _ => {
            let addresses = addresses.iter().map(SocketAddr::ip);
            format!(" from {}", list(addresses.map(|ip: IpAddr| ip.to_string())))
        }
    }
}

/// Joins the first items of a list.
fn list(items: impl ExactSizeIterator<Item = String>) -> String {
    let more = items.len().saturating_sub(MAX_LISTED);
    let mut listed: Vec<_> = items.take(MAX_LISTED).collect();
    if more > 0 {
        listed.push(format!("{more} more"));
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncReadExt, net::TcpSocket};

    use super::*;

    fn request(host: &str, keep_alive: u64) -> Connect {
        Connect {
            endpoint: Endpoint::parse(host).unwrap(),
            client_id: "d".to_owned(),
            username: "u".to_owned(),
            password: "p".to_owned().into(),
            keep_alive: Duration::from_secs(keep_alive),
        }
    }

    /// A listener whose queue is full, so that the kernel answers no further SYN; with what fills the queue.
    async fn swallowing() -> (Listening, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut held = Vec::new();
        let patience = Duration::from_millis(200);
        while let Ok(connected) = tokio::time::timeout(patience, TcpStream::connect(address)).await
        {
            held.push(connected.unwrap());
        }
        (Listening(address, listener), held)
    }

    /// An address and its listener, which accepts nothing.
    struct Listening(
        SocketAddr,
        #[expect(dead_code, reason = "it is open while it is held")] tokio::net::TcpListener,
    );

    #[tokio::test]
    async fn of_two_addresses_the_first_of_which_swallows_packets_the_second_is_used_alone() {
        let (dead, _held) = swallowing().await;
        let listener = tokio::net::TcpListener::bind("127.0.0.2:0").await.unwrap();
        let alive = listener.local_addr().unwrap();
        let request = request("hub.example", 60);
        let attempt = Attempt::new(&request);
        let begun = Instant::now();
        let (address, tcp) = attempt.dial(&[dead.0, alive]).await.unwrap();
        assert_eq!(address, alive);
        assert!(begun.elapsed() < Duration::from_secs(20));
        // The other attempt is over: once there is room, nothing comes.
        drop(tcp);
        let (mut stream, _) = listener.accept().await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
        let next = tokio::time::timeout(Duration::from_millis(10), listener.accept());
        assert!(next.await.is_err(), "a second connection was made");
    }

    #[tokio::test]
    async fn addresses_that_do_not_answer_are_named_with_the_time() {
        let (dead, _held) = swallowing().await;
        let (other, _held_too) = swallowing().await;
        let request = request("hub.example", 1);
        let attempt = Attempt::new(&request);
        let error = attempt.dial(&[dead.0, other.0]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "no response from 127.0.0.1, 127.0.0.1 within 2 s; check that no firewall blocks port 8883"
        );
        let attempt = Attempt::new(&request);
        let error = attempt.dial(&[dead.0]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "no response within 2 s; check that no firewall blocks port 8883"
        );
    }

    #[test]
    fn addresses_that_fail_are_named_with_their_reasons_a_few_of_them() {
        let failure = |number: u8| {
            let address = SocketAddr::from(([10, 0, 0, number], 8883));
            (address, io::Error::from(io::ErrorKind::ConnectionRefused))
        };
        let one = unreachable(&[failure(1)]).to_string();
        assert_eq!(one, "connection refused; check name, port and network");
        let many: Vec<_> = (1..=9).map(failure).collect();
        let many = unreachable(&many).to_string();
        assert!(many.starts_with("10.0.0.1: connection refused, 10.0.0.2: "));
        assert!(
            many.ends_with(", 5 more; check name, port and network"),
            "{many}"
        );
    }

    #[test]
    fn a_name_that_no_certificate_can_have_is_an_error_of_the_certificate() {
        let endpoint = Endpoint::parse("hub..example").unwrap();
        let error = server_name(&endpoint).unwrap_err();
        assert!(matches!(error, ConnectError::Certificate(_)), "{error:?}");
        for name in ["hub.example", "127.0.0.1", "localhost"] {
            server_name(&Endpoint::parse(name).unwrap()).unwrap();
        }
    }
}
