//! `--metrics ADDR`: how things stand, for Prometheus.

mod text;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc},
    time::timeout,
};

use crate::swap::Order;

/// What the text is: Prometheus's own format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Scrapes at a time.
const CONNECTIONS: usize = 16;
/// How long a scrape may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens for scrapes.
///
/// # Errors
/// The address cannot be listened on.
pub(crate) async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "metrics are at http://{address}/metrics");
    Ok(listener)
}

/// Answers scrapes, as long as the device runs that these orders go to.
pub(crate) async fn serve<B: Send + 'static>(
    listener: TcpListener,
    orders: mpsc::Sender<Order<B>>,
) {
    let routes = Router::new()
        .route("/metrics", get(scrape::<B>))
        .with_state(orders);
    let at_once = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(turn) = at_once.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = http1::Builder::new().keep_alive(false).serve_connection(
                    TokioIo::new(stream),
                    TowerToHyperService::new(routes.clone()),
                );
                tokio::spawn(async move {
                    // Whoever takes longer has lost interest.
                    let _ = timeout(PATIENCE, answer).await;
                    drop(turn);
                });
            }
            Err(error) => {
                // Such as too many open files, which passes.
                tracing::debug!(%error, "no connection taken");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn scrape<B: Send + 'static>(State(orders): State<mpsc::Sender<Order<B>>>) -> Response {
    let status = Order::ask(&orders, Order::Report).await;
    match status.and_then(|status| text::encode(*status)) {
        Some(text) => ([(CONTENT_TYPE, PROMETHEUS)], text).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
