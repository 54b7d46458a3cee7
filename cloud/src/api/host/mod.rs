//! `/api/host`: the device host on this machine, through the control socket that the cloud was configured with.
//!
//! | request | does |
//! |---|---|
//! | `GET /api/host` | returns the status |
//! | `GET /api/host/history` | returns the swap history, the oldest entry first |
//! | `POST /api/host/swap` | swaps in the component in the body; streams each step until it is accepted or rolled back |
//! | `POST /api/host/rollback` | rolls back to the previous version; streams each step |
//!
//! A swap has the parameters `force`, `freshState`, `allowModelChange`, and `name` for the name of the file. Steps are lines
//! of JSON. A host runs the code it is given, so all of this needs the permission `Console`.

mod control;
mod upload;

use std::{path::Path, sync::Arc};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use self::{control::ControlClient, upload::Upload};
use super::{
    Services,
    auth::{Caller, Permission},
    parameters::QueryParameters,
    problem::Problem,
};
use crate::api::Error;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/host", get(status))
        .route("/api/host/history", get(history))
        .route("/api/host/swap", post(swap))
        .route("/api/host/rollback", post(rollback))
}

async fn status(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::Console)?;
    query(&services, "status").await
}

async fn history(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.require(Permission::Console)?;
    query(&services, "history").await
}

/// Sends a command that has one reply.
async fn query(services: &Services, command: &str) -> Result<Json<Value>, Problem> {
    let command = json!({"command": command});
    let mut client = ControlClient::send(socket(services)?, &command).await?;
    let reply = client.next_reply().await?;
    let reply = reply.ok_or_else(|| {
        Error::HostUnavailable("the host closed the connection without a reply".into())
    })?;
    Ok(Json(reply))
}

async fn swap(
    caller: Caller,
    State(services): State<Arc<Services>>,
    parameters: QueryParameters,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Permission::Console)?;
    let socket = socket(&services)?;
    let name = parameters.get("name").unwrap_or_default();
    let upload = Upload::receive(request.into_body(), &name).await?;
    let is_set = |name| parameters.get(name).as_deref() == Some("true");
    let command = json!({
        "command": "swap",
        "file": upload.file(),
        "force": is_set("force"),
        "freshState": is_set("freshState"),
        "allowModelChange": is_set("allowModelChange"),
        "wait": true,
    });
    let client = ControlClient::send(socket, &command).await?;
    // The host has read the file before its last step.
    Ok(steps(client, Some(upload)))
}

async fn rollback(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Response, Problem> {
    caller.require(Permission::Console)?;
    let command = json!({"command": "rollback"});
    let client = ControlClient::send(socket(&services)?, &command).await?;
    Ok(steps(client, None))
}

fn socket(services: &Services) -> Result<&Path, Error> {
    services.host_control.as_deref().ok_or(Error::HostNotFound)
}

/// Makes a response of one line per step, or with the error as the last line. Keeps the upload until then.
fn steps(client: ControlClient, upload: Option<Upload>) -> Response {
    let lines = stream::unfold(Some((client, upload)), |state| async move {
        let (mut client, upload) = state?;
        match client.next_reply().await {
            Ok(Some(step)) => Some((step, Some((client, upload)))),
            Ok(None) => None,
            Err(error) => Some((json!({"error": error.to_string()}), None)),
        }
    });
    let lines = lines.map(|step| Ok::<_, std::convert::Infallible>(format!("{step}\n")));
    let body = Body::from_stream(lines);
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}
