//! `/api/cloud`: the settings with which a device finds this cloud, and whether a host can be controlled.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Services;
use super::auth::{Caller, Permission};
use super::problem::Problem;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/cloud", get(read))
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::RegistryRead)?;
    Ok(Json(json!({
        "hubName": services.dps.assigned_hub(),
        "dpsName": services.dps.assigned_hub(),
        "idScope": services.dps.id_scope(),
        "certificate": services.certificate,
        "hostControl": services.host_control.is_some(),
    })))
}
