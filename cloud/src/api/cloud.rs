//! `/api/cloud`: the settings with which a device finds this cloud, and whether a host can be controlled.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use super::{
    Services,
    auth::{Caller, Permission},
    problem::Problem,
};

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
