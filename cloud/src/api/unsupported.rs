//! What Azure has and this cloud has not: known by name, and answered with 501.

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, Uri};
use axum::response::Response;
use axum::routing::{MethodFilter, on};

use super::Services;
use super::auth::Caller;
use super::problem;
use crate::hub;

/// An endpoint of Azure's that is not here.
#[derive(Clone, Copy, Debug)]
pub struct Unsupported {
    /// Its methods.
    pub methods: &'static [Method],
    /// Its path, with `{names}` for what varies.
    pub path: &'static str,
    /// What it is for, as an answer begins.
    pub what: &'static str,
}

const fn entry(methods: &'static [Method], path: &'static str, what: &'static str) -> Unsupported {
    Unsupported {
        methods,
        path,
        what,
    }
}

const GET: &[Method] = &[Method::GET];
const POST: &[Method] = &[Method::POST];
const GET_PUT: &[Method] = &[Method::GET, Method::PUT];
const GET_PUT_DELETE: &[Method] = &[Method::GET, Method::PUT, Method::DELETE];
const GET_PATCH_PUT: &[Method] = &[Method::GET, Method::PATCH, Method::PUT];

const JOBS: &str = "scheduled jobs";
const IMPORT: &str = "import and export jobs";
const CONFIGURATIONS: &str = "automatic configurations";
const MODULES: &str = "modules";
const FILES: &str = "file upload";
const FEEDBACK: &str = "feedback of cloud-to-device messages";
const DEVICES: &str = "devices that speak HTTPS";
const BULK: &str = "many enrolments at once";

/// Every endpoint of Azure's IoT Hub and provisioning service that is known and not here.
pub const UNSUPPORTED: [Unsupported; 28] = [
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
        "emptying the queue of a device",
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
    entry(POST, "/enrollments", BULK),
    entry(POST, "/enrollmentGroups", BULK),
];

pub(super) fn routes() -> Router<Arc<Services>> {
    let mut router = Router::new();
    for Unsupported {
        methods,
        path,
        what,
    } in UNSUPPORTED
    {
        for method in methods {
            if let Ok(filter) = MethodFilter::try_from(method.clone()) {
                router = router.route(
                    path,
                    on(filter, move |caller, uri| refuse(caller, uri, what)),
                );
            }
        }
    }
    router
}

/// Whoever may ask for anything is told.
async fn refuse(_caller: Caller, uri: Uri, what: &'static str) -> Response {
    problem::at(uri.path(), hub::Error::NotSupported(what).into())
}
