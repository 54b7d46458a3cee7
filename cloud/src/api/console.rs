//! `/api/console/link`: sign-in links to the console.

use std::sync::Arc;

use axum::{Json, Router, extract::State, routing::post};
use serde_json::{Value, json};

use super::{
    Services,
    auth::{Caller, Permission},
    problem::Problem,
};
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
