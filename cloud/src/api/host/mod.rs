//! `/api/host`: the host of a device on this machine, through its control socket, if the cloud was told where that is.
//!
//! | request | does |
//! |---|---|
//! | `GET /api/host` | how things stand |
//! | `GET /api/host/history` | what became of the versions, the oldest first |
//! | `POST /api/host/swap` | lets the component that is the body take over; tells each step until it is accepted or rolled back |
//! | `POST /api/host/rollback` | goes back to the version before; tells each step |
//!
//! What a swap may do is said by the parameters `force`, `freshState` and `allowModelChange`, what the file is called by
//! `name`. Steps are lines of JSON, as
//! they come. A host runs what it is given: whoever may sign in to the console may use this.

mod control;
mod upload;

use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use self::control::Answers;
use self::upload::Upload;
use super::Services;
use super::auth::{Caller, Right};
use super::parameters::Parameters;
use super::problem::Problem;
use crate::api::Error;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new()
        .route("/api/host", get(status))
        .route("/api/host/history", get(history))
        .route("/api/host/swap", post(swap))
        .route("/api/host/rollback", post(roll_back))
}

async fn status(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::Console)?;
    only_answer(&services, "status").await
}

async fn history(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Json<Value>, Problem> {
    caller.may(Right::Console)?;
    only_answer(&services, "history").await
}

/// What the host answers to a question that has one answer.
async fn only_answer(services: &Services, question: &str) -> Result<Json<Value>, Problem> {
    let mut answers = Answers::to(socket(services)?, &json!({"do": question})).await?;
    let answer = answers.next().await?;
    let answer = answer.ok_or_else(|| Error::HostUnavailable("the host has ended".into()))?;
    Ok(Json(answer))
}

async fn swap(
    caller: Caller,
    State(services): State<Arc<Services>>,
    parameters: Parameters,
    request: Request,
) -> Result<Response, Problem> {
    caller.may(Right::Console)?;
    let socket = socket(&services)?;
    let name = parameters.get("name").unwrap_or_default();
    let upload = Upload::receive(request.into_body(), &name).await?;
    let is_set = |name| parameters.get(name).as_deref() == Some("true");
    let order = json!({
        "do": "swap",
        "file": upload.file(),
        "force": is_set("force"),
        "freshState": is_set("freshState"),
        "allowModelChange": is_set("allowModelChange"),
        "wait": true,
    });
    let answers = Answers::to(socket, &order).await?;
    // The host has read the file before its last step.
    Ok(steps(answers, Some(upload)))
}

async fn roll_back(
    caller: Caller,
    State(services): State<Arc<Services>>,
) -> Result<Response, Problem> {
    caller.may(Right::Console)?;
    let answers = Answers::to(socket(&services)?, &json!({"do": "rollback"})).await?;
    Ok(steps(answers, None))
}

fn socket(services: &Services) -> Result<&Path, Error> {
    services.host_control.as_deref().ok_or(Error::HostNotFound)
}

/// Each step as a line, and the reason if the host falls silent. What was uploaded is kept as long.
fn steps(answers: Answers, upload: Option<Upload>) -> Response {
    let lines = stream::unfold(Some((answers, upload)), |state| async move {
        let (mut answers, upload) = state?;
        match answers.next().await {
            Ok(Some(step)) => Some((step, Some((answers, upload)))),
            Ok(None) => None,
            Err(error) => Some((json!({"error": error.to_string()}), None)),
        }
    });
    let lines = lines.map(|step| Ok::<_, std::convert::Infallible>(format!("{step}\n")));
    let body = Body::from_stream(lines);
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}
