//! The listener for HTTPS: TLS connections after their handshake.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tracing::debug;

/// The time for a client to finish its handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// The backoff when the process has no file descriptor left.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

type TlsConnection = (TlsStream<TcpStream>, SocketAddr);

/// A listener that performs each handshake in a task of its own, so that a slow client delays no other.
pub(crate) struct TlsListener {
    address: SocketAddr,
    ready: mpsc::Receiver<TlsConnection>,
    accepting: JoinHandle<()>,
}

impl TlsListener {
    /// Makes a listener that performs so many handshakes at a time.
    pub(crate) fn new(
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        max_handshakes: usize,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (done, ready) = mpsc::channel(1);
        let accepting = tokio::spawn(accept(listener, tls.into(), max_handshakes, done));
        Ok(Self {
            address,
            ready,
            accepting,
        })
    }
}

impl axum::serve::Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> TlsConnection {
        match self.ready.recv().await {
            Some(connection) => connection,
            // The accepting task goes on as long as this listener does.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

impl Drop for TlsListener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    tls: TlsAcceptor,
    max_handshakes: usize,
    done: mpsc::Sender<TlsConnection>,
) {
    let places = Arc::new(Semaphore::new(max_handshakes));
    // Never closed.
    while let Ok(place) = places.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((tcp, peer)) => {
                tokio::spawn(handshake(tls.clone(), tcp, peer, done.clone(), place));
            }
            Err(error) => {
                debug!(%error, "cannot accept connection");
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

async fn handshake(
    tls: TlsAcceptor,
    tcp: TcpStream,
    peer: SocketAddr,
    done: mpsc::Sender<TlsConnection>,
    _place: OwnedSemaphorePermit,
) {
    // Answers are small and whole; waiting for more to send only delays them.
    let _ = tcp.set_nodelay(true);
    match timeout(HANDSHAKE_TIMEOUT, tls.accept(tcp)).await {
        Ok(Ok(stream)) => drop(done.send((stream, peer)).await),
        Ok(Err(error)) => debug!(%peer, %error, "TLS handshake failed"),
        Err(_) => debug!(%peer, "TLS handshake timed out"),
    }
}
