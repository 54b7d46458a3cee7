//! Where devices come in, and where they find nobody while connections are to be refused.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::warn;

use crate::faults::{Fault, Faults, Standing};

/// How long to wait when the machine has no more file descriptors, or the port is not to be had.
const PAUSE: Duration = Duration::from_millis(100);
/// Connections the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;

/// A port that devices connect to.
pub(super) struct Door {
    address: Option<SocketAddr>,
    state: State,
    changes: watch::Receiver<Vec<Standing>>,
    faults: Faults,
    /// Whether the last attempt to accept a connection failed: one line tells of it, not ten a second.
    fails: bool,
}

enum State {
    Open(TcpListener),
    /// The port stays ours, but whoever connects is refused by the kernel. Without a socket it could not be kept.
    Closed(Option<TcpSocket>),
}

impl Door {
    pub(super) fn new(listener: TcpListener, faults: &Faults) -> Self {
        Self {
            address: listener.local_addr().ok(),
            state: State::Open(listener),
            changes: faults.changes(),
            faults: faults.clone(),
            fails: false,
        }
    }

    /// Waits for the next connection. Can be cancelled without losing one.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            self.turn();
            tokio::select! {
                _ = self.changes.changed() => {}
                accepted = self.state.accept() => match accepted {
                    Ok(accepted) => {
                        self.fails = false;
                        return accepted;
                    }
                    Err(error) => {
                        self.failed(&error);
                        sleep(PAUSE).await;
                    }
                }
            }
        }
    }

    fn failed(&mut self, error: &io::Error) {
        if !self.fails {
            warn!(%error, "devices cannot connect");
        }
        self.fails = true;
    }

    /// Opens or closes, as the faults want it.
    fn turn(&mut self) {
        let refuse = self.faults.is_on(&Fault::Refuse, None);
        match &mut self.state {
            State::Open(_) if refuse => {
                // The listener goes first: while one listens, nothing else can be bound to its port.
                self.state = State::Closed(None);
                self.state = State::Closed(self.bound());
            }
            State::Closed(socket) if !refuse => {
                let socket = socket.take().or_else(|| self.bound());
                match socket.map(|socket| socket.listen(BACKLOG)) {
                    Some(Ok(listener)) => self.state = State::Open(listener),
                    Some(Err(error)) => warn!(%error, "cannot listen again"),
                    None => {}
                }
            }
            _ => {}
        }
    }

    fn bound(&self) -> Option<TcpSocket> {
        bound(self.address?)
            .inspect_err(|error| warn!(%error, "cannot keep the devices' port"))
            .ok()
    }
}

impl State {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await,
            Self::Closed(Some(_)) => std::future::pending().await,
            Self::Closed(None) => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }
}

/// Connections that were accepted before may still use the address.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
