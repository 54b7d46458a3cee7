//! The operator's side: Azure's own REST over HTTPS, and under `/api/` what Azure has no REST for.
//!
//! | resource | file |
//! |---|---|
//! | `/devices`, `/devices/{id}` | `devices` |
//! | `/devices`, several at once | `bulk` |
//! | `/devices/query` | `query` |
//! | `/statistics/devices`, `/statistics/service` | `statistics` |
//! | `/twins/{id}` | `twins` |
//! | `/twins/{id}/methods` | `methods` |
//! | `/digitaltwins/{id}` and below | `digital_twins` |
//! | `/enrollments/{id}`, `/enrollmentGroups/{id}` | `enrolments` |
//! | `/registrations/{id}` | `registrations` |
//! | lists of enrolments and registrations | `provisioning_lists` |
//! | `/api/cloud` | `cloud` |
//! | `/api/console/link` | `console` |
//! | `/api/events` | `events` |
//! | `/api/devices/{id}/messages` | `messages` |
//! | `/api/faults` | `faults` |
//! | `/api/host` and below | `host` |
//! | `/api/models`, `/api/models/{id}` | `models` |
//! | `/api/templates` and below | `templates` |
//! | `/api/trace` | `trace` |
//! | what Azure has and this cloud has not | `unsupported` |

mod auth;
mod body;
mod bulk;
mod cloud;
mod console;
mod content;
mod devices;
mod digital_twins;
mod enrolments;
mod error;
mod events;
mod faults;
mod host;
mod listener;
mod messages;
mod methods;
mod models;
mod paging;
mod parameters;
mod patience;
mod problem;
mod provisioning_lists;
mod query;
mod registrations;
mod resume;
mod statistics;
mod templates;
mod trace;
mod traced;
mod twins;
mod unsupported;

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::http::header::ETAG;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use axum::{Json, Router};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::debug;

use crate::console::Console;
use crate::dir::Policies;
use crate::dps::Dps;
use crate::hub::Hub;
use crate::models::Library;
use crate::store::Store;
use crate::templates::Templates;
pub(crate) use auth::SignedIn;
use error::Error;
use listener::TlsListener;
pub(crate) use problem::unauthorized;
pub use unsupported::{UNSUPPORTED, Unsupported};

/// How long requests in hand may take to finish when the cloud ends.
const GRACE: Duration = Duration::from_secs(2);

/// A client that has not sent the head of a request by then is dropped; also one that sends no further request.
const HEADER_PATIENCE: Duration = Duration::from_secs(30);

/// What the operator's side stands on.
pub struct Services {
    /// The hub.
    pub hub: Hub,
    /// The provisioning service.
    pub dps: Dps,
    /// Who may do what.
    pub policies: Policies,
    /// The device models that are known.
    pub models: Library,
    /// How their devices are shown.
    pub templates: Templates,
    /// The file of the certificate authority.
    pub certificate: PathBuf,
    /// The control socket of the host of a device on this machine, if there is one.
    pub host_control: Option<PathBuf>,
    /// The console, and who may sign in there.
    pub console: Console,
    /// Turns true when the cloud ends.
    pub shutdown: watch::Receiver<bool>,
}

impl Services {
    /// Whether a token for this host is for this cloud.
    fn is_named(&self, host: &str) -> bool {
        self.hub.is_named(host) || self.dps.is_named(host)
    }
}

/// Serves operators on `listener` until `services.shutdown` turns true.
///
/// # Errors
/// If the listener has no address.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    services: Arc<Services>,
) -> io::Result<()> {
    let shutdown = services.shutdown.clone();
    let listener = TlsListener::new(listener, tls)?;
    serve_on(listener, router(services), shutdown).await;
    Ok(())
}

/// Answers as `router` says on `listener` until `shutdown` turns true.
pub(crate) async fn serve_on<L: Listener<Addr: Debug>>(
    mut listener: L,
    router: Router,
    mut shutdown: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let (http, connections) = (http(), GracefulShutdown::new());
    loop {
        tokio::select! {
            (stream, peer) = listener.accept() => {
                let connection = http.serve_connection(TokioIo::new(stream), service.clone());
                tokio::spawn(until_its_end(connections.watch(connection), peer));
            }
            _ = shutdown.wait_for(|ended| *ended) => break,
        }
    }
    drop(listener);
    let _ = timeout(GRACE, connections.shutdown()).await;
}

/// HTTP/1.1 with clients that must get to the point.
fn http() -> Builder {
    let mut http = Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE);
    http
}

async fn until_its_end(connection: impl Future<Output = hyper::Result<()>>, peer: impl Debug) {
    if let Err(error) = connection.await {
        debug!(?peer, %error, "connection ended early");
    }
}

/// Everything operators can ask for.
pub(crate) fn router(services: Arc<Services>) -> Router {
    let (store, hub) = (services.hub.store().clone(), services.hub.clone());
    let resources = Router::new()
        .merge(devices::routes())
        .merge(bulk::routes())
        .merge(query::routes())
        .merge(statistics::routes())
        .merge(twins::routes())
        .merge(methods::routes())
        .merge(digital_twins::routes())
        .merge(enrolments::routes())
        .merge(registrations::routes())
        .merge(provisioning_lists::routes())
        .merge(cloud::routes())
        .merge(console::routes())
        .merge(events::routes())
        .merge(messages::routes())
        .merge(faults::routes())
        .merge(host::routes())
        .merge(models::routes())
        .merge(templates::routes())
        .merge(trace::routes())
        .merge(unsupported::routes())
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .with_state(services)
        .layer(from_fn_with_state(store, when_committed))
        .layer(from_fn_with_state(hub, traced::note));
    // A layer runs after its router has matched the path, so the one that changes the path has a router of its own.
    Router::new()
        .fallback_service(resources)
        .layer(from_fn(decode_slashes))
}

/// What was changed is answered when it is committed.
async fn when_committed(State(store): State<Store>, request: Request, next: Next) -> Response {
    let reads = request.method().is_safe();
    let response = next.run(request).await;
    if !reads {
        store.settled().await;
    }
    response
}

/// Some of Microsoft's tools encode the slashes between the parts of a path too. No name has a slash in it.
async fn decode_slashes(mut request: Request, next: Next) -> Response {
    if let Some(uri) = with_slashes(request.uri()) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

/// None if its slashes are as they are meant. One at the end, which the SDK for Node.js puts there, means nothing.
fn with_slashes(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let decoded = path.replace("%2F", "/").replace("%2f", "/");
    let right = decoded.strip_suffix('/').unwrap_or(&decoded);
    if right == path || right.is_empty() {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}"));
    format!("{right}{}", query.unwrap_or_default()).parse().ok()
}

fn with_etag(etag: &str, body: Value) -> Response {
    ([(ETAG, format!("\"{etag}\""))], Json(body)).into_response()
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
