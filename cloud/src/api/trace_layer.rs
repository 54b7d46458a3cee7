//! The middleware that records requests in the trace.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::Response;
use percent_encoding::percent_decode_str;

use super::auth::SignedIn;
use crate::hub::Hub;
use crate::trace::{RequestRecord, Subject};

/// The longest recorded path with its query, in characters.
const MAX_PATH: usize = 500;

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
        from_console: request.extensions().get::<SignedIn>().is_some(),
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

/// Returns the device id in the path: `/twins/{id}`, `/api/devices/{id}/messages`.
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
    use super::*;

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
