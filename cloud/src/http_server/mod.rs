//! The HTTP server of the API and of the console.

mod tls_listener;

use std::{fmt::Debug, sync::Arc, time::Duration};

use axum::{Router, serve::Listener};
use hyper::server::conn::http1::Builder;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tracing::debug;

pub(crate) use self::tls_listener::TlsListener;

/// The time for pending requests to finish when the cloud shuts down.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// The time for a client to send the head of a request, the next one included.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves `router` on `listener` to so many connections until `shutdown` turns true. Further ones wait.
pub(crate) async fn serve<L: Listener<Addr: Debug>>(
    mut listener: L,
    router: Router,
    max_connections: usize,
    mut shutdown: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let (http, connections) = (http(), GracefulShutdown::new());
    let places = Arc::new(Semaphore::new(max_connections));
    loop {
        let accepted = async {
            // Never closed.
            let place = places.clone().acquire_owned().await.ok();
            (listener.accept().await, place)
        };
        tokio::select! {
            ((stream, peer), place) = accepted => {
                let connection = http.serve_connection(TokioIo::new(stream), service.clone());
                let connection = log_end(connections.watch(connection), peer);
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            _ = shutdown.wait_for(|ended| *ended) => break,
        }
    }
    drop(listener);
    let _ = timeout(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
}

/// Makes an HTTP/1.1 server that times out slow clients.
fn http() -> Builder {
    let mut http = Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    http
}

async fn log_end(connection: impl Future<Output = hyper::Result<()>>, peer: impl Debug) {
    if let Err(error) = connection.await {
        debug!(?peer, %error, "connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_sends_half_a_request_or_none_is_dropped() {
        for begun in ["", "GET /devices HTTP/1.1\r\nx: "] {
            let (mut client, server) = duplex(1024);
            let service = TowerToHyperService::new(Router::new());
            let connection = http().serve_connection(TokioIo::new(server), service);
            client.write_all(begun.as_bytes()).await.unwrap();
            assert!(connection.await.unwrap_err().is_timeout(), "{begun:?}");
        }
    }
}
