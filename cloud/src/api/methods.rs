//! `/twins/{id}/methods`: direct methods.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    routing::post,
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Services,
    auth::{Caller, Permission},
    body,
    parameters::Id,
    problem::MethodProblem,
    timeouts::MethodTimeouts,
};
use crate::{events::MethodReply, hub::MethodCall, json::JsonText};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/twins/{id}/methods", post(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MethodRequest {
    method_name: String,
    payload: Option<JsonText>,
    response_timeout_in_seconds: Option<Value>,
    connect_timeout_in_seconds: Option<Value>,
}

async fn call(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    request: Request,
) -> Result<Json<MethodReply>, MethodProblem> {
    caller.require(Permission::ServiceConnect)?;
    let request: MethodRequest = body::json(request).await?;
    let timeouts = MethodTimeouts::parse(
        request.connect_timeout_in_seconds,
        request.response_timeout_in_seconds,
    )?;
    let call = MethodCall {
        response_timeout: timeouts.response,
        connect_timeout: timeouts.connect,
        name: request.method_name,
        payload: request.payload,
    };
    Ok(Json(services.hub.call_method(&id, call).await?))
}
