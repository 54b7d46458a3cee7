//! The devices' side of the network: connections are accepted, given TLS, and handed to MQTT.
//!
//! Faults of the network take effect here and nowhere else: `door` refuses, `wire` slows down, holds back and cuts.

mod door;
mod lane;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, copy, duplex, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use self::door::Door;
use self::wire::{End, Owner, Wire};
use crate::dps::Dps;
use crate::faults::{Fault, Faults};
use crate::hub::Hub;
use crate::mqtt;
use crate::tls::Certificates;

/// A client that has not finished its handshake by then is dropped.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(30);
/// What may be on its way between a connection and the network, each way, in bytes.
const IN_TRANSIT: usize = 16 * 1024;

/// What every device connection is given.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) tls: Certificates,
    pub(crate) hub: Hub,
    pub(crate) dps: Dps,
}

impl Front {
    /// Accepts devices until the cloud ends, then drops them all.
    pub(crate) async fn serve(self, listener: TcpListener, mut ends: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        let mut door = Door::new(listener, self.faults());
        loop {
            tokio::select! {
                (tcp, peer) = door.accept() => {
                    // Made before the connection's task runs, so that it misses no stroke.
                    let wire = Wire::new(self.faults().clone());
                    connections.spawn(self.clone().connection(tcp, peer, wire));
                }
                Some(_) = connections.join_next() => {}
                () = ended(&mut ends) => break,
            }
        }
        drop(door);
        connections.shutdown().await;
    }

    fn faults(&self) -> &Faults {
        self.hub.faults()
    }

    /// One connection, until it ends or is to be reset.
    async fn connection(self, mut tcp: TcpStream, peer: SocketAddr, wire: Wire) {
        // One that came in just before the door was closed.
        if self.faults().is_on(&Fault::Refuse, None) {
            return reset(&tcp);
        }
        // Packets are small and whole; waiting for more to send only delays them.
        let _ = tcp.set_nodelay(true);
        let (near, far) = duplex(IN_TRANSIT);
        let talk = self.talk(near, peer, wire.owner());
        match wire.carry(&mut tcp, far, talk).await {
            End::Reset => reset(&tcp),
            End::Close => {}
        }
    }

    async fn talk(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: SocketAddr,
        owner: Owner,
    ) {
        if self.faults().is_on(&Fault::TlsStall, None) {
            return ignore(stream).await;
        }
        match timeout(HANDSHAKE_PATIENCE, self.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                let known = |id: &str| owner.is(id);
                match mqtt::serve(stream, &self.hub, &self.dps, known).await {
                    reason if reason.is_misbehaviour() => warn!(%peer, %reason, "connection ended"),
                    reason => debug!(%peer, %reason, "connection ended"),
                }
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                warn!(%peer, %error, "tls handshake failed");
            }
            Ok(Err(error)) => debug!(%peer, %error, "tls handshake broken off"),
            Err(_) => debug!(%peer, "tls handshake took too long"),
        }
    }

    fn acceptor(&self) -> TlsAcceptor {
        let flaw = self.faults().find(None, |fault| match fault {
            Fault::WrongCertificate { flaw } => Some(*flaw),
            _ => None,
        });
        let config = flaw.map_or(self.tls.right(), |flaw| self.tls.wrong(flaw));
        TlsAcceptor::from(config.clone())
    }
}

/// Reads until the other side leaves, and says nothing.
async fn ignore(mut stream: impl AsyncRead + Unpin) {
    // However it leaves, it is gone.
    let _ = copy(&mut stream, &mut sink()).await;
}

async fn ended(ends: &mut watch::Receiver<bool>) {
    // The sender gone is an end too.
    let _ = ends.wait_for(|ended| *ended).await;
}

/// Closing the socket now sends RST, and nothing that was still to be sent.
fn reset(tcp: &TcpStream) {
    if let Err(error) = tcp.set_zero_linger() {
        debug!(%error, "cannot reset a connection");
    }
}
