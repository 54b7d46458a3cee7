//! `/api/faults`: fault injection.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Request, State},
    routing::get,
};
use jiff::fmt::serde::unsigned_duration::friendly::compact as friendly;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body,
    problem::Problem,
};
use crate::faults::{Fault, OneShotFault};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/faults", get(read).post(change).delete(clear))
}

/// The body of a POST: starts or clears a fault, or triggers a one-shot fault.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FaultRequest {
    /// The fault to start or clear. Settings are ignored when it is cleared.
    fault: Option<Fault>,
    /// `false` clears the fault.
    #[serde(default = "on_by_default")]
    on: bool,
    /// The fault to trigger.
    one_shot: Option<OneShotFault>,
    /// The only affected device; without it, all devices.
    device: Option<String>,
    /// Time until the fault is cleared.
    #[serde(default, with = "friendly::optional")]
    duration: Option<Duration>,
}

fn on_by_default() -> bool {
    true
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::ServiceConnect)?;
    Ok(active_faults(&services))
}

async fn change(
    caller: Caller,
    State(services): State<Arc<Services>>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::ServiceConnect)?;
    let request: FaultRequest = body::json(request).await?;
    request.apply(&services)?;
    Ok(active_faults(&services))
}

async fn clear(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::ServiceConnect)?;
    services.hub.clear_faults();
    Ok(active_faults(&services))
}

impl FaultRequest {
    fn apply(self, services: &Services) -> Result<(), Error> {
        let hub = &services.hub;
        let device = self.device.as_deref();
        match (self.fault, self.one_shot, self.duration) {
            (Some(fault), None, duration) if self.on => {
                Ok(hub.start_fault(fault, device, duration)?)
            }
            (Some(fault), None, None) => {
                hub.clear_fault(&fault, device);
                Ok(())
            }
            (None, Some(fault), None) if self.on => Ok(hub.trigger_fault(fault, device)?),
            _ => Err(Error::invalid(
                "give either fault or oneShot; duration needs a fault that starts, and on: false needs a fault",
            )),
        }
    }
}

fn active_faults(services: &Services) -> Json<Value> {
    Json(json!(services.hub.faults().active()))
}
