//! `/twins/{id}`: device twins.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::HeaderMap,
    response::Response,
    routing::get,
};

use super::{
    Services,
    auth::{Caller, Permission},
    body::{self, if_match},
    parameters::Id,
    problem::RegistryProblem,
};
use crate::{
    hub::{DeviceTwin, twin::TwinPatch},
    json::JsonValue,
};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/twins/{id}", get(read).patch(merge).put(replace))
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::ServiceConnect)?;
    Ok(response(&services.hub.twin(&id)?))
}

async fn merge(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::ServiceConnect)?;
    let patch: JsonValue = body::json(request).await?;
    let patch = TwinPatch::from_json(&patch)?;
    let twin = services.hub.patch_twin(&id, patch, if_match(&headers))?;
    Ok(response(&twin))
}

async fn replace(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RegistryProblem> {
    caller.require(Permission::ServiceConnect)?;
    let with: JsonValue = body::json(request).await?;
    let with = TwinPatch::from_json(&with)?;
    let twin = services.hub.replace_twin(&id, with, if_match(&headers))?;
    Ok(response(&twin))
}

fn response(twin: &DeviceTwin) -> Response {
    super::with_etag(&twin.etag(), twin.to_json())
}
