//! The listener for devices, which the fault `refuse` closes.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    time::sleep,
};
use tracing::warn;

use crate::faults::{ActiveFault, Fault, Faults};

/// The pause after a failed accept: no file descriptors left, or the port not available.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Connections the kernel holds until they are accepted.
const BACKLOG: u32 = 1024;

/// The port devices connect to.
pub(super) struct DeviceListener {
    address: Option<SocketAddr>,
    state: ListenerState,
    changes: watch::Receiver<Vec<ActiveFault>>,
    faults: Faults,
    /// True after a failed accept. Failures in a row are logged once, not ten times a second.
    failing: bool,
}

enum ListenerState {
    Open(TcpListener),
    /// The port stays bound, so the kernel refuses connections to it. `None` if it could not be bound.
    Closed(Option<TcpSocket>),
}

impl DeviceListener {
    pub(super) fn new(listener: TcpListener, faults: &Faults) -> Self {
        Self {
            address: listener.local_addr().ok(),
            state: ListenerState::Open(listener),
            changes: faults.changes(),
            faults: faults.clone(),
            failing: false,
        }
    }

    /// Returns the next connection. Cancel-safe.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            self.apply_faults();
            tokio::select! {
                _ = self.changes.changed() => {}
                accepted = self.state.accept() => match accepted {
                    Ok(accepted) => {
                        self.failing = false;
                        return accepted;
                    }
                    Err(error) => {
                        self.log_failure(&error);
                        sleep(ACCEPT_BACKOFF).await;
                    }
                }
            }
        }
    }

    fn log_failure(&mut self, error: &io::Error) {
        if !self.failing {
            warn!(%error, "cannot accept device connections");
        }
        self.failing = true;
    }

    /// Opens or closes the port, as the fault `refuse` is active or not.
    fn apply_faults(&mut self) {
        let refuse = self.faults.is_on(&Fault::Refuse, None);
        match &mut self.state {
            ListenerState::Open(_) if refuse => {
                // The listener goes first: while one listens, nothing else can be bound to its port.
                self.state = ListenerState::Closed(None);
                self.state = ListenerState::Closed(self.bind());
            }
            ListenerState::Closed(socket) if !refuse => {
                let socket = socket.take().or_else(|| self.bind());
                match socket.map(|socket| socket.listen(BACKLOG)) {
                    Some(Ok(listener)) => self.state = ListenerState::Open(listener),
                    Some(Err(error)) => warn!(%error, "cannot listen on the device port again"),
                    None => {}
                }
            }
            _ => {}
        }
    }

    fn bind(&self) -> Option<TcpSocket> {
        bind(self.address?)
            .inspect_err(|error| warn!(%error, "cannot bind the device port"))
            .ok()
    }
}

impl ListenerState {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        match self {
            Self::Open(listener) => listener.accept().await,
            Self::Closed(Some(_)) => std::future::pending().await,
            Self::Closed(None) => Err(io::ErrorKind::AddrNotAvailable.into()),
        }
    }
}

/// Binds without listening. Connections accepted before may still use the address.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}
