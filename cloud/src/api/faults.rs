//! `/api/faults`: what an outage looks like, on request.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Services;
use super::auth::{Caller, Right};
use super::body::JsonBody;
use super::problem::Problem;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/faults", get(read).post(change))
}

/// What is to change. What is absent stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Change {
    refuse_connects: Option<bool>,
    withhold_acks: Option<bool>,
    #[serde(default)]
    forget_sessions: bool,
    #[serde(default)]
    reset_connections: bool,
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ServiceConnect)?;
    Ok(switches(&services))
}

/// Resets come last: a device that connects again finds the other switches turned.
async fn change(
    caller: Caller,
    State(services): State<Arc<Services>>,
    JsonBody(change): JsonBody<Change>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ServiceConnect)?;
    let faults = services.hub.faults();
    if let Some(on) = change.refuse_connects {
        faults.refuse_connects(on);
    }
    if let Some(on) = change.withhold_acks {
        faults.withhold_acks(on);
    }
    if change.forget_sessions {
        services.hub.forget_sessions();
    }
    if change.reset_connections {
        faults.reset_connections();
    }
    Ok(switches(&services))
}

fn switches(services: &Services) -> Json<Value> {
    let faults = services.hub.faults();
    Json(json!({
        "refuseConnects": faults.refuses_connects(),
        "withholdAcks": faults.withholds_acks(),
    }))
}
