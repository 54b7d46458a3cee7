//! `/api/cloud`: the settings with which a device finds this cloud, whether a host can be controlled, and since when it runs.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::get};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Services,
    auth::{Caller, Permission},
    problem::Problem,
};
use crate::{ca_bundle, clock::format_timestamp};

pub(super) fn routes() -> Router<Arc<Services>> {
    let started = Timestamp::now();
    Router::new().route(
        "/api/cloud",
        get(move |caller, services| read(caller, services, started)),
    )
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    started: Timestamp,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::RegistryRead)?;
    let bundle = services.certificate.with_file_name(ca_bundle::FILE);
    Ok(Json(json!({
        "hubName": services.dps.assigned_hub(),
        "dpsName": services.dps.assigned_hub(),
        "idScope": services.dps.id_scope(),
        "certificate": services.certificate,
        "caBundle": bundle.exists().then_some(bundle),
        "console": services.console.address(),
        "version": env!("CARGO_PKG_VERSION"),
        "startedAt": format_timestamp(started),
        "lastEvent": services.hub.store().last_event(),
        "hostControl": services.host_control.is_some(),
    })))
}
