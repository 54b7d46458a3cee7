//! `--metrics ADDR`: how things stand, for Prometheus.

mod text;

use std::{io, net::SocketAddr};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use crate::{status::Status, swap::Order};

/// What the text is: Prometheus's own format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

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
) -> io::Result<()> {
    let routes = Router::new()
        .route("/metrics", get(scrape::<B>))
        .with_state(orders);
    axum::serve(listener, routes).await
}

async fn scrape<B: Send + 'static>(State(orders): State<mpsc::Sender<Order<B>>>) -> Response {
    match ask(&orders).await.and_then(|status| text::encode(*status)) {
        Some(text) => ([(CONTENT_TYPE, PROMETHEUS)], text).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

async fn ask<B>(orders: &mpsc::Sender<Order<B>>) -> Option<Box<Status>> {
    let (to, status) = oneshot::channel();
    orders.send(Order::Report(to)).await.ok()?;
    status.await.ok()
}
