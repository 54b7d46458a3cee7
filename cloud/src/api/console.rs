//! `/api/console/link`: sign-in links to the console.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Services;
use super::auth::{Caller, Permission};
use super::problem::Problem;
use crate::console::LINK_LIFETIME;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/console/link", post(link))
}

async fn link(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::Console)?;
    Ok(Json(json!({
        "url": services.console.link(),
        "seconds": LINK_LIFETIME.as_secs(),
    })))
}
