//! Middleware that observes requests: a tracing span for the log, a record for the trace.

use std::time::Instant;

use axum::{
    extract::{Request, State},
    http::Uri,
    middleware::Next,
    response::Response,
};
use percent_encoding::percent_decode_str;
use tracing::{Instrument, debug, warn_span};

use crate::{
    console::SessionHandle,
    hub::Hub,
    trace::{RequestRecord, Subject},
};

/// The longest recorded path with its query, in characters.
const MAX_PATH: usize = 500;

/// Runs the request in a span with its method, its path and the device it names.
pub(super) async fn span(request: Request, next: Next) -> Response {
    let uri = request.uri();
    // Enabled at the level of warnings, which show the fields.
    let span = warn_span!(
        "request",
        method = %request.method(),
        path = uri.path(),
        device = device(uri),
    );
    async {
        let response = next.run(request).await;
        debug!(status = response.status().as_u16(), "request completed");
        response
    }
    .instrument(span)
    .await
}

/// Adds the request to the trace, except for reads of the local cloud's own endpoints.
pub(super) async fn record(State(hub): State<Hub>, request: Request, next: Next) -> Response {
    let uri = request.uri();
    if request.method().is_safe() && uri.path().starts_with("/api/") {
        return next.run(request).await;
    }
    let mut record = RequestRecord {
        method: request.method().to_string(),
        path: uri.to_string().chars().take(MAX_PATH).collect(),
        device: device(uri),
        from_console: request.extensions().get::<SessionHandle>().is_some(),
        status: 0,
        duration: std::time::Duration::ZERO,
    };
    let started = Instant::now();
    let response = next.run(request).await;
    record.duration = started.elapsed();
    record.status = response.status().as_u16();
    hub.trace().add(Subject::Request(record));
    response
}

/// Returns the device ID in the path: `/twins/{id}`, `/api/devices/{id}/messages`.
fn device(uri: &Uri) -> Option<String> {
    let path = uri.path().strip_prefix("/api").unwrap_or(uri.path());
    let mut parts = path.split('/').skip(1);
    let of_devices = [
        "devices",
        "twins",
        "digitaltwins",
        "enrollments",
        "registrations",
    ];
    of_devices.contains(&parts.next()?).then_some(())?;
    let id = parts.next().filter(|id| !id.is_empty() && *id != "query")?;
    Some(percent_decode_str(id).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use tracing::warn;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_log_line_of_a_request_has_its_method_path_and_device() {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        let routes = Router::new()
            .route("/twins/{id}", get(|| async { warn!("slow") }))
            .route("/devices", get(|| async { warn!("slow") }))
            .layer(from_fn(span));
        let service = TowerToHyperService::new(routes);
        for path in ["/twins/t%2D1?token=secret", "/devices"] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            service.call(request).await.unwrap();
        }
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        for fields in [
            r#"request{method=GET path="/twins/t%2D1" device="t-1"}: "#,
            r#"request{method=GET path="/devices"}: "#,
        ] {
            assert!(log.contains(fields), "{log}");
        }
        assert!(!log.contains("secret"), "{log}");
    }

    #[test]
    fn a_request_is_of_the_device_its_path_names() {
        for (path, id) in [
            ("/twins/t-1?api-version=1", Some("t-1")),
            ("/twins/a%40b/methods", Some("a@b")),
            ("/api/devices/t-1/messages", Some("t-1")),
            ("/devices", None),
            ("/devices/query", None),
            ("/enrollmentGroups/g", None),
            ("/", None),
        ] {
            assert_eq!(device(&path.parse().unwrap()).as_deref(), id, "{path}");
        }
    }
}
