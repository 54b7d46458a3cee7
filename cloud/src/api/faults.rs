//! `/api/faults`: what an outage looks like, on request.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::routing::get;
use axum::{Json, Router};
use jiff::fmt::serde::unsigned_duration::friendly::compact as friendly;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Services;
use super::auth::{Caller, Right};
use super::body;
use super::problem::Problem;
use crate::error::HubError;
use crate::faults::{Fault, Stroke};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/faults", get(read).post(change).delete(clear))
}

/// What is to happen: a fault begins or ends, or there is a stroke.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Order {
    /// Begins; its settings are of no account when it ends.
    fault: Option<Fault>,
    /// `false` ends it.
    #[serde(default = "on")]
    on: bool,
    stroke: Option<Stroke>,
    /// For this device only.
    device: Option<String>,
    /// How long the fault lasts.
    #[serde(default, rename = "for", with = "friendly::optional")]
    lasts: Option<Duration>,
}

fn on() -> bool {
    true
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ServiceConnect)?;
    Ok(standing(&services))
}

async fn change(
    caller: Caller,
    State(services): State<Arc<Services>>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ServiceConnect)?;
    let order: Order = body::json(request).await?;
    order.carry_out(&services)?;
    Ok(standing(&services))
}

async fn clear(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::ServiceConnect)?;
    services.hub.clear_faults();
    Ok(standing(&services))
}

impl Order {
    fn carry_out(self, services: &Services) -> Result<(), HubError> {
        let hub = &services.hub;
        let device = self.device.as_deref();
        match (self.fault, self.stroke, self.lasts) {
            (Some(fault), None, lasts) if self.on => hub.begin_fault(fault, device, lasts),
            (Some(fault), None, None) => {
                hub.end_fault(&fault, device);
                Ok(())
            }
            (None, Some(stroke), None) if self.on => hub.strike(stroke, device),
            _ => Err(HubError::ArgumentInvalid(
                "an order has one of fault and stroke; only a fault that begins has a time, and only a fault ends".into(),
            )),
        }
    }
}

/// What is on.
fn standing(services: &Services) -> Json<Value> {
    Json(json!(services.hub.faults().standing()))
}
