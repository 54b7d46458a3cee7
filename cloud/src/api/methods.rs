//! `/twins/{id}/methods`: calls.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Services;
use super::auth::{Caller, Right};
use super::body;
use super::parameters::Id;
use super::patience::Patience;
use super::problem::MethodProblem;
use crate::hub::MethodCall;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/twins/{id}/methods", post(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
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
    caller.may(Right::ServiceConnect)?;
    let call: Call = body::json(request).await?;
    let patience = Patience::new(
        call.connect_timeout_in_seconds,
        call.response_timeout_in_seconds,
    )?;
    let call = MethodCall {
        response_timeout: patience.response,
        connect_timeout: patience.connect,
        name: call.method_name,
        payload: call.payload,
    };
    let reply = services.hub.call_method(&id, call).await?;
    Ok(Json(
        json!({"status": reply.status, "payload": reply.payload}),
    ))
}

/// A payload that is `null` is a payload.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
