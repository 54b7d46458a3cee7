//! The device side of the network: accepts connections, does the TLS handshake, and connects each to
//! the service it is for.
//!
//! All network faults take effect here: `listener` refuses connections, `link` delays, blocks and cuts them.

mod admission;
mod connection;
mod direction;
mod dispatch;
mod link;
mod listener;
mod log_limit;
mod output;

use std::{io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, copy, duplex, sink},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tracing::{Instrument, Span, debug, field, warn, warn_span};

pub(crate) use self::dispatch::DeviceServices;
use self::{
    admission::{Admission, Admissions},
    connection::ConnectObserver,
    link::{CloseMode, ConnectedDevice, NetworkLink},
    listener::DeviceListener,
    log_limit::LogLimit,
};
use crate::{
    connection_limits::ConnectionLimits,
    excerpt::excerpt,
    faults::{Fault, Faults},
    tls::Certificates,
};

/// The time a client has for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// The size of the pipe between a connection and its link, each way, in bytes.
const PIPE_SIZE: usize = 16 * 1024;

/// The server for devices. Each connection has a clone.
#[derive(Clone)]
pub(crate) struct DeviceServer {
    tls: Certificates,
    services: DeviceServices,
    log: LogLimit,
}

/// A connection that has not been accepted yet.
struct NewConnection<'a> {
    device: ConnectedDevice,
    admission: &'a Admission,
}

impl ConnectObserver for NewConnection<'_> {
    fn connecting(&self, client_id: &str) {
        Span::current().record("device", excerpt(client_id));
        self.device.set(client_id);
    }

    fn accepted(&self) {
        self.admission.accepted();
    }
}

impl DeviceServer {
    pub(crate) fn new(tls: Certificates, services: DeviceServices) -> Self {
        Self {
            tls,
            services,
            log: LogLimit::new(),
        }
    }

    /// Accepts connections until `shutdown` is true, then drops them all.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        limits: ConnectionLimits,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let mut connections = JoinSet::new();
        let admissions = Admissions::new(limits);
        let mut listener = DeviceListener::new(listener, self.faults());
        loop {
            tokio::select! {
                (tcp, peer) = async { admissions.room().await; listener.accept().await } => {
                    // Made before the connection's task runs, so that no one-shot fault is missed.
                    let link = NetworkLink::new(self.faults().clone());
                    // Enabled at the level of warnings, which show the fields.
                    let span = warn_span!("connection", %peer, device = field::Empty);
                    let admission = admissions.admit();
                    let connection = self.clone().connection(tcp, link, admission);
                    connections.spawn(connection.instrument(span));
                }
                suppressed = self.log.suppressed() => {
                    warn!(suppressed, "log lines about connections suppressed");
                }
                Some(_) = connections.join_next() => {}
                () = stopped(&mut shutdown) => break,
            }
        }
        drop(listener);
        connections.shutdown().await;
    }

    fn faults(&self) -> &Faults {
        self.services.hub.faults()
    }

    /// Serves one connection until it ends or is reset.
    async fn connection(self, mut tcp: TcpStream, link: NetworkLink, admission: Admission) {
        // The connection may have been accepted just before the listener was closed.
        if self.faults().is_on(&Fault::Refuse, None) {
            return reset(&tcp);
        }
        // Packets are small and whole; waiting for more to send only delays them.
        let _ = tcp.set_nodelay(true);
        let (near, far) = duplex(PIPE_SIZE);
        let new = NewConnection {
            device: link.device(),
            admission: &admission,
        };
        let serve = self.serve_stream(near, new);
        tokio::select! {
            mode = link.run(&mut tcp, far, serve) => match mode {
                CloseMode::Reset => reset(&tcp),
                CloseMode::Finish => {}
            },
            () = admission.evicted() => {
                if self.log.allows() {
                    warn!("connection closed: too many connections without CONNECT");
                }
            }
        }
    }

    async fn serve_stream(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        new: NewConnection<'_>,
    ) {
        if self.faults().is_on(&Fault::TlsStall, None) {
            return discard(stream).await;
        }
        match timeout(HANDSHAKE_TIMEOUT, self.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => match connection::serve(stream, &self.services, &new).await {
                reason if reason.is_client_error() && self.log.allows() => {
                    warn!(%reason, "connection closed");
                }
                reason => debug!(%reason, "connection closed"),
            },
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData && self.log.allows() => {
                warn!(%error, "TLS handshake failed");
            }
            Ok(Err(error)) => debug!(%error, "TLS handshake aborted by the client"),
            Err(_) => debug!("TLS handshake timed out"),
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let flaw = self.faults().find(None, |fault| match fault {
            Fault::WrongCertificate { flaw } => Some(*flaw),
            _ => None,
        });
        let config = flaw.map_or(self.tls.valid(), |flaw| self.tls.flawed(flaw));
        TlsAcceptor::from(config.clone())
    }
}

/// Reads and discards until the client closes the connection.
async fn discard(mut stream: impl AsyncRead + Unpin) {
    // An error is an end too.
    let _ = copy(&mut stream, &mut sink()).await;
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // A dropped sender means shutdown too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

/// Makes the close of the socket send RST and discard pending bytes.
fn reset(tcp: &TcpStream) {
    if let Err(error) = tcp.set_zero_linger() {
        debug!(%error, "cannot reset the connection");
    }
}
