//! `/enrollments/{id}` and `/enrollmentGroups/{id}`: enrollments and their keys.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::Response,
    routing::{MethodRouter, get, post},
};
use serde_json::Value;

use super::{
    Services,
    auth::{Caller, Permission},
    body::{self, if_match},
    parameters::Id,
    problem::Problem,
};
use crate::dps::{Enrollment, EnrollmentKind, EnrollmentSpec};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/enrollments/{id}", methods(EnrollmentKind::Individual))
        .route("/enrollmentGroups/{id}", methods(EnrollmentKind::Group))
        .route(
            "/enrollments/{id}/attestationmechanism",
            attestation(EnrollmentKind::Individual),
        )
        .route(
            "/enrollmentGroups/{id}/attestationmechanism",
            attestation(EnrollmentKind::Group),
        )
}

fn attestation(kind: EnrollmentKind) -> MethodRouter<Arc<Services>> {
    post(move |caller, state, id| mechanism(kind, caller, state, id))
}

/// Returns the attestation mechanism: a read, though it is a POST.
async fn mechanism(
    kind: EnrollmentKind,
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::Enrollment)?;
    let enrollment = services.dps.enrollment(kind, &id)?;
    Ok(Json(enrollment.attestation_json()))
}

fn methods(kind: EnrollmentKind) -> MethodRouter<Arc<Services>> {
    get(move |caller, state, id| read(kind, caller, state, id))
        .put(move |caller, state, id, headers, body| write(kind, caller, state, id, headers, body))
        .delete(move |caller, state, id, headers| remove(kind, caller, state, id, headers))
}

async fn read(
    kind: EnrollmentKind,
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, Problem> {
    caller.require(Permission::Enrollment)?;
    Ok(response(&services.dps.enrollment(kind, &id)?))
}

async fn write(
    kind: EnrollmentKind,
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Permission::Enrollment)?;
    let spec: EnrollmentSpec = body::json(request).await?;
    let etag = if_match(&headers);
    Ok(response(
        &services.dps.put_enrollment(kind, &id, spec, etag)?,
    ))
}

async fn remove(
    kind: EnrollmentKind,
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    caller.require(Permission::Enrollment)?;
    let etag = if_match(&headers);
    services.dps.delete_enrollment(kind, &id, etag)?;
    Ok(StatusCode::NO_CONTENT)
}

fn response(enrollment: &Enrollment) -> Response {
    super::with_etag(&enrollment.etag, enrollment.to_json())
}
