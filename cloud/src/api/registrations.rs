//! `/registrations/{id}`: what became of a device that provisioned.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::get;

use super::Services;
use super::auth::{Caller, Right};
use super::body::if_match;
use super::parameters::Id;
use super::problem::Problem;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/registrations/{id}", get(read).delete(forget))
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    caller.may(Right::Enrolment)?;
    let registration = services.dps.registration(&id)?;
    Ok(super::with_etag(&registration.etag, registration.to_json()))
}

async fn forget(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    caller.may(Right::Enrolment)?;
    services.dps.forget(&id, if_match(&headers))?;
    Ok(StatusCode::NO_CONTENT)
}
