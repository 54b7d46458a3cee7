//! The REST API: Azure's own over HTTPS, and below `/api/` endpoints that Azure has no REST for.
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
//! | `/enrollments/{id}`, `/enrollmentGroups/{id}` | `enrollments` |
//! | `/registrations/{id}` | `registrations` |
//! | lists of enrollments and registrations | `provisioning_lists` |
//! | `/api/cloud` | `cloud` |
//! | `/api/console/link` | `console` |
//! | `/api/events` | `events` |
//! | `/api/devices/{id}/messages` | `messages` |
//! | `/api/faults` | `faults` |
//! | `/api/host` and below | `host` |
//! | `/api/models`, `/api/models/{id}` | `models` |
//! | `/api/templates` and below | `templates` |
//! | `/api/trace` | `trace` |
//! | endpoints of Azure that are not supported | `unsupported` |

mod auth;
mod body;
mod bulk;
mod cloud;
mod console;
mod content;
mod devices;
mod digital_twins;
mod enrollments;
mod error;
mod events;
mod faults;
mod host;
mod messages;
mod methods;
mod models;
mod paging;
mod parameters;
mod path;
mod problem;
mod provisioning_lists;
mod query;
mod registrations;
mod resume;
mod statistics;
mod templates;
mod timeouts;
mod trace;
mod trace_layer;
mod twins;
mod unsupported;

use std::{io, path::PathBuf, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::header::ETAG,
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
};
use error::Error;
use problem::response_for;
pub(crate) use problem::unauthorized;
use rustls::ServerConfig;
use serde::Serialize;
use tokio::{net::TcpListener, sync::watch};
pub use unsupported::{UNSUPPORTED, Unsupported};

use crate::{
    console::Console,
    dps::Dps,
    http_server::{self, TlsListener},
    hub::Hub,
    models::ModelLibrary,
    policies::Policies,
    store::Store,
    templates::Templates,
};

/// The services behind the API.
pub struct Services {
    /// The hub.
    pub hub: Hub,
    /// The provisioning service.
    pub dps: Dps,
    /// The shared access policies with their keys.
    pub policies: Policies,
    /// The device models.
    pub models: ModelLibrary,
    /// The templates for the views of devices.
    pub templates: Templates,
    /// The file of the certificate authority.
    pub certificate: PathBuf,
    /// The control socket of the host of a device on this machine, if there is one.
    pub host_control: Option<PathBuf>,
    /// The console, with its links and sessions.
    pub console: Console,
    /// True once the cloud shuts down.
    pub shutdown: watch::Receiver<bool>,
}

impl Services {
    /// Returns true if a token for this host is for this cloud.
    fn is_named(&self, host: &str) -> bool {
        self.hub.is_named(host) || self.dps.is_named(host)
    }
}

/// Serves the API on `listener` to so many connections until `services.shutdown` turns true.
///
/// # Errors
/// If the listener has no address.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    services: Arc<Services>,
    max_connections: usize,
) -> io::Result<()> {
    let shutdown = services.shutdown.clone();
    let listener = TlsListener::new(listener, tls, max_connections)?;
    http_server::serve(listener, router(services), max_connections, shutdown).await;
    Ok(())
}

/// Makes the router of all endpoints.
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
        .merge(enrollments::routes())
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
        .layer(from_fn_with_state(store, await_commit))
        .layer(from_fn_with_state(hub, trace_layer::record))
        .layer(from_fn(trace_layer::span));
    // A layer runs after its router has matched the path, so the one that changes the path has a router of its own.
    Router::new()
        .fallback_service(resources)
        .layer(from_fn(path::normalize))
}

/// Delays the response to a change until the change is committed. While the database cannot be written, changes are refused.
async fn await_commit(State(store): State<Store>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if request.method().is_safe() {
        return next.run(request).await;
    }
    if is_query_or_call(&path) {
        let response = next.run(request).await;
        // The result is of use even if its event cannot be saved.
        let _ = store.flush().await;
        return response;
    }
    if let Err(error) = store.check_writable() {
        let reason = format!("{error}; nothing was changed");
        return response_for(&path, Error::ServiceUnavailable(reason));
    }
    let response = next.run(request).await;
    match store.flush().await {
        Ok(()) => response,
        Err(error) => {
            let reason = format!("{error}; the change is in effect, and is saved once it can be");
            response_for(&path, Error::ServiceUnavailable(reason))
        }
    }
}

/// Returns true for the POST requests that change nothing: queries, and calls to a device.
fn is_query_or_call(path: &str) -> bool {
    path.ends_with("/query") || path.ends_with("/methods") || path.contains("/commands/")
}

fn with_etag(etag: &str, body: impl Serialize) -> Response {
    ([(ETAG, format!("\"{etag}\""))], Json(body)).into_response()
}
