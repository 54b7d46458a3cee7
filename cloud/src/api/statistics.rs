//! `/statistics`: numbers of registered and connected devices.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use serde_json::{Value, json};

use super::{
    Services,
    auth::{Caller, Permission},
    problem::RegistryProblem,
};
use crate::identity::Status;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/statistics/devices", get(registered))
        .route("/statistics/service", get(connected))
}

async fn registered(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, RegistryProblem> {
    caller.require(Permission::RegistryRead)?;
    let devices = services.hub.devices();
    let enabled = devices
        .iter()
        .filter(|device| device.status == Status::Enabled);
    let enabled = enabled.count();
    Ok(Json(json!({
        "totalDeviceCount": devices.len(),
        "enabledDeviceCount": enabled,
        "disabledDeviceCount": devices.len() - enabled,
    })))
}

async fn connected(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, RegistryProblem> {
    caller.require(Permission::ServiceConnect)?;
    let devices = services.hub.devices();
    let connected = devices.iter().filter(|device| device.connected);
    Ok(Json(json!({"connectedDeviceCount": connected.count()})))
}
