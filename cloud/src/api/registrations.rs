//! `/registrations/{id}`: registrations of devices.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::get,
};

use super::{
    Services,
    auth::{Caller, Permission},
    body::if_match,
    parameters::Id,
    problem::Problem,
};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/registrations/{id}", get(read).delete(delete))
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    caller.require(Permission::Enrollment)?;
    let registration = services.dps.registration(&id)?;
    Ok(super::with_etag(&registration.etag, registration.to_json()))
}

async fn delete(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    caller.require(Permission::Enrollment)?;
    services.dps.delete_registration(&id, if_match(&headers))?;
    Ok(StatusCode::NO_CONTENT)
}
