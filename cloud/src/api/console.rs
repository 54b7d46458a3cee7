//! `/api/console/…`: sign-in links to the console, and its sessions.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    routing::{delete, post},
};
use serde_json::{Value, json};

use super::{
    Services,
    auth::{Caller, Permission},
    problem::Problem,
};
use crate::console::LINK_LIFETIME;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/console/link", post(link))
        .route("/api/console/session", delete(end_session))
        .route("/api/console/sessions", delete(end_sessions))
}

async fn link(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::Console)?;
    Ok(Json(json!({
        "url": services.console.link_for(caller.grant()),
        "seconds": LINK_LIFETIME.as_secs(),
    })))
}

/// Ends the session of the request. A request with a token has none.
async fn end_session(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<StatusCode, Problem> {
    caller.require(Permission::Console)?;
    if let Some(session) = caller.session() {
        services.console.end_session(session).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn end_sessions(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::Console)?;
    let ended = services.console.end_sessions().await;
    Ok(Json(json!({"ended": ended})))
}
