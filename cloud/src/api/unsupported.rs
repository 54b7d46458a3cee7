//! Endpoints that Azure has and the local cloud does not: answered with 501.

use std::sync::Arc;

use axum::{
    Router,
    http::{Method, Uri},
    response::Response,
    routing::{MethodFilter, on},
};

use super::{Services, auth::AnyCaller, problem};
use crate::hub;

/// An endpoint of Azure that the local cloud does not have.
#[derive(Clone, Copy, Debug)]
pub struct Unsupported {
    /// The methods.
    pub methods: &'static [Method],
    /// The path, with `{names}` for parameters.
    pub path: &'static str,
    /// The feature, which the response names.
    pub feature: &'static str,
}

const fn entry(
    methods: &'static [Method],
    path: &'static str,
    feature: &'static str,
) -> Unsupported {
    Unsupported {
        methods,
        path,
        feature,
    }
}

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const GET_PUT: &[Method] = &[Method::GET, Method::PUT];
const GET_PUT_DELETE: &[Method] = &[Method::GET, Method::PUT, Method::DELETE];
const GET_PATCH_PUT: &[Method] = &[Method::GET, Method::PATCH, Method::PUT];

const JOBS: &str = "scheduled jobs";
const IMPORT: &str = "import and export jobs";
const CONFIGURATIONS: &str = "automatic device configurations";
const MODULES: &str = "modules";
const FILES: &str = "file upload";
const FEEDBACK: &str = "cloud-to-device message feedback";
const DEVICES: &str = "HTTPS device protocol";
/// A client sends its token in CONNECT, after the upgrade.
const WEBSOCKET: &str = "MQTT over WebSocket";
const BULK: &str = "bulk enrollment operations";

/// The endpoints of IoT Hub and DPS that the local cloud does not have.
pub const UNSUPPORTED: [Unsupported; 29] = [
    entry(GET, "/jobs/v2/query", JOBS),
    entry(GET_PUT, "/jobs/v2/{id}", JOBS),
    entry(POST, "/jobs/v2/{id}/cancel", JOBS),
    entry(GET, "/jobs", IMPORT),
    entry(POST, "/jobs/create", IMPORT),
    entry(&[Method::GET, Method::DELETE], "/jobs/{id}", IMPORT),
    entry(GET, "/configurations", CONFIGURATIONS),
    entry(POST, "/configurations/testQueries", CONFIGURATIONS),
    entry(GET_PUT_DELETE, "/configurations/{id}", CONFIGURATIONS),
    entry(
        POST,
        "/devices/{id}/applyConfigurationContent",
        CONFIGURATIONS,
    ),
    entry(GET, "/devices/{id}/modules", MODULES),
    entry(GET_PUT_DELETE, "/devices/{id}/modules/{module}", MODULES),
    entry(GET_PATCH_PUT, "/twins/{id}/modules/{module}", MODULES),
    entry(POST, "/twins/{id}/modules/{module}/methods", MODULES),
    entry(POST, "/devices/{id}/files", FILES),
    entry(POST, "/devices/{id}/files/notifications", FILES),
    entry(GET, "/messages/serviceBound/filenotifications", FILES),
    entry(
        &[Method::DELETE],
        "/messages/serviceBound/filenotifications/{token}",
        FILES,
    ),
    entry(GET, "/messages/serviceBound/feedback", FEEDBACK),
    entry(
        &[Method::DELETE],
        "/messages/serviceBound/feedback/{token}",
        FEEDBACK,
    ),
    entry(
        &[Method::DELETE],
        "/devices/{id}/commands",
        "purging the cloud-to-device queue",
    ),
    entry(POST, "/devices/{id}/messages/events", DEVICES),
    entry(GET, "/devices/{id}/messages/deviceBound", DEVICES),
    entry(
        &[Method::PUT],
        "/{scope}/registrations/{id}/register",
        DEVICES,
    ),
    entry(
        GET,
        "/{scope}/registrations/{id}/operations/{operation}",
        DEVICES,
    ),
    entry(POST, "/{scope}/registrations/{id}", DEVICES),
    entry(GET, "/$iothub/websocket", WEBSOCKET),
    entry(POST, "/enrollments", BULK),
    entry(POST, "/enrollmentGroups", BULK),
];

pub(super) fn routes() -> Router<Arc<Services>> {
    let mut router = Router::new();
    for Unsupported {
        methods,
        path,
        feature,
    } in UNSUPPORTED
    {
        for method in methods {
            if let Ok(filter) = MethodFilter::try_from(method.clone()) {
                router = router.route(
                    path,
                    on(filter, move |caller, uri| reject(caller, uri, feature)),
                );
            }
        }
    }
    router
}

/// Answers any authenticated caller with 501, devices included; a WebSocket client without a token too.
async fn reject(caller: Result<AnyCaller, Response>, uri: Uri, feature: &'static str) -> Response {
    if let Err(unauthorized) = caller
        && feature != WEBSOCKET
    {
        return unauthorized;
    }
    problem::response_for(uri.path(), hub::Error::NotSupported(feature).into())
}
