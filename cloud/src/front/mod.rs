//! The device side of the network: accepts connections, does the TLS handshake, and hands them to MQTT.
//!
//! All network faults take effect here: `listener` refuses connections, `link` delays, blocks and cuts them.

mod direction;
mod link;
mod listener;

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

use self::{
    link::{CloseMode, ConnectedDevice, NetworkLink},
    listener::DeviceListener,
};
use crate::{
    dps::Dps,
    faults::{Fault, Faults},
    hub::Hub,
    mqtt,
    tls::Certificates,
};

/// The time a client has for its TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// The size of the pipe between a connection and its link, each way, in bytes.
const PIPE_SIZE: usize = 16 * 1024;

/// The server for devices. Each connection has a clone.
#[derive(Clone)]
pub(crate) struct DeviceServer {
    pub(crate) tls: Certificates,
    pub(crate) hub: Hub,
    pub(crate) dps: Dps,
}

impl DeviceServer {
    /// Accepts connections until `shutdown` is true, then drops them all.
    pub(crate) async fn serve(self, listener: TcpListener, mut shutdown: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let mut listener = DeviceListener::new(listener, self.faults());
        loop {
            tokio::select! {
                (tcp, peer) = listener.accept() => {
                    // Made before the connection's task runs, so that no one-shot fault is missed.
                    let link = NetworkLink::new(self.faults().clone());
                    // Enabled at the level of warnings, which show the fields.
                    let span = warn_span!("connection", %peer, device = field::Empty);
                    connections.spawn(self.clone().connection(tcp, link).instrument(span));
                }
                Some(_) = connections.join_next() => {}
                () = stopped(&mut shutdown) => break,
            }
        }
        drop(listener);
        connections.shutdown().await;
    }

    fn faults(&self) -> &Faults {
        self.hub.faults()
    }

    /// Serves one connection until it ends or is reset.
    async fn connection(self, mut tcp: TcpStream, link: NetworkLink) {
        // The connection may have been accepted just before the listener was closed.
        if self.faults().is_on(&Fault::Refuse, None) {
            return reset(&tcp);
        }
        // Packets are small and whole; waiting for more to send only delays them.
        let _ = tcp.set_nodelay(true);
        let (near, far) = duplex(PIPE_SIZE);
        let serve = self.serve_stream(near, link.device());
        match link.run(&mut tcp, far, serve).await {
            CloseMode::Reset => reset(&tcp),
            CloseMode::Finish => {}
        }
    }

    async fn serve_stream(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        device: ConnectedDevice,
    ) {
        if self.faults().is_on(&Fault::TlsStall, None) {
            return discard(stream).await;
        }
        match timeout(HANDSHAKE_TIMEOUT, self.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                let on_connect = |id: &str| {
                    Span::current().record("device", field::debug(id));
                    device.set(id);
                };
                match mqtt::serve(stream, &self.hub, &self.dps, on_connect).await {
                    reason if reason.is_client_error() => warn!(%reason, "connection closed"),
                    reason => debug!(%reason, "connection closed"),
                }
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
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
