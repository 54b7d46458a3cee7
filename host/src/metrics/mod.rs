//! The metrics endpoint for Prometheus (`--metrics`).

mod host_name;
mod prometheus;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::from_fn_with_state,
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

use crate::{output::DeviceOutput, swap::DeviceRequest};

/// Content type of the Prometheus text format.
const CONTENT_TYPE_PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Limit of concurrent scrapes.
const MAX_CONNECTIONS: usize = 16;
/// Timeout of a scrape.
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Listens for scrapes.
///
/// # Errors
/// The address cannot be listened on.
pub(crate) async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tracing::info!(%address, "serving metrics at http://{address}/metrics");
    Ok(listener)
}

/// Serves scrapes while the device runs.
pub(crate) async fn serve<B: Send + 'static>(
    listener: TcpListener,
    requests: mpsc::Sender<DeviceRequest<B>>,
    output: DeviceOutput,
) {
    let routes = Router::new()
        .route("/metrics", get(scrape::<B>))
        .layer(from_fn_with_state(
            host_name::of_this_machine(),
            host_name::check,
        ))
        .with_state((requests, output));
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let answer = http1::Builder::new().keep_alive(false).serve_connection(
                    TokioIo::new(stream),
                    TowerToHyperService::new(routes.clone()),
                );
                tokio::spawn(async move {
                    let _ = timeout(SCRAPE_TIMEOUT, answer).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Such as too many open files, which passes.
                tracing::debug!(%error, "cannot accept a metrics connection");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn scrape<B: Send + 'static>(
    State((requests, output)): State<(mpsc::Sender<DeviceRequest<B>>, DeviceOutput)>,
) -> Response {
    let status = DeviceRequest::round_trip(&requests, DeviceRequest::Status).await;
    match status.and_then(|status| prometheus::encode(*status, output.dropped())) {
        Some(text) => ([(CONTENT_TYPE, CONTENT_TYPE_PROMETHEUS)], text).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
