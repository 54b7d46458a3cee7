//! `/twins/{id}/methods`: calls.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Services;
use super::auth::{Caller, Right};
use super::body::JsonBody;
use super::problem::MethodProblem;
use crate::error::HubError;
use crate::hub::MethodCall;

/// Seconds, as Azure allows them and as it assumes when none are given.
const RESPONSE_TIMEOUT: (RangeInclusive<u64>, u64) = (5..=300, 30);
const CONNECT_TIMEOUT: (RangeInclusive<u64>, u64) = (0..=300, 0);

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/twins/{id}/methods", post(call))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    method_name: String,
    #[serde(default, deserialize_with = "present")]
    payload: Option<Value>,
    response_timeout_in_seconds: Option<Seconds>,
    connect_timeout_in_seconds: Option<Seconds>,
}

/// Microsoft's SDKs send numbers, its command line sends text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

async fn call(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Path(id): Path<String>,
    JsonBody(call): JsonBody<Call>,
) -> Result<Json<Value>, MethodProblem> {
    caller.may(Right::ServiceConnect)?;
    let call = MethodCall {
        response_timeout: within(call.response_timeout_in_seconds, RESPONSE_TIMEOUT)?,
        connect_timeout: within(call.connect_timeout_in_seconds, CONNECT_TIMEOUT)?,
        name: call.method_name,
        payload: call.payload,
    };
    let reply = services.hub.call_method(&id, call).await?;
    Ok(Json(
        json!({"status": reply.status, "payload": reply.payload}),
    ))
}

fn within(
    given: Option<Seconds>,
    (allowed, default): (RangeInclusive<u64>, u64),
) -> Result<Duration, HubError> {
    let seconds = match given {
        None => Some(default),
        Some(Seconds::Number(seconds)) => Some(seconds),
        Some(Seconds::Text(text)) => text.trim().parse().ok(),
    };
    let seconds = seconds.filter(|seconds| allowed.contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let (from, to) = allowed.into_inner();
        HubError::ArgumentInvalid(format!("a timeout must be {from} to {to} seconds"))
    })
}

/// A payload that is `null` is a payload.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
