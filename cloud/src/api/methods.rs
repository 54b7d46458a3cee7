//! `/twins/{id}/methods`: direct methods.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    routing::post,
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{
    Services,
    auth::{Caller, Permission},
    body,
    parameters::Id,
    problem::MethodProblem,
    timeouts::MethodTimeouts,
};
use crate::hub::MethodCall;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/twins/{id}/methods", post(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MethodRequest {
    method_name: String,
    #[serde(default, deserialize_with = "present")]
    payload: Option<Value>,
    response_timeout_in_seconds: Option<Value>,
    connect_timeout_in_seconds: Option<Value>,
}

async fn call(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    request: Request,
) -> Result<Json<Value>, MethodProblem> {
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
    let reply = services.hub.call_method(&id, call).await?;
    Ok(Json(
        json!({"status": reply.status, "payload": reply.payload}),
    ))
}

/// Deserializes `null` as a payload, not as its absence.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
