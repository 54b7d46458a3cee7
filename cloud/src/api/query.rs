//! `/devices/query`: queries over device twins.

use std::{panic::resume_unwind, sync::Arc};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, Method},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Deserialize;
use tokio::task::{JoinError, spawn_blocking};

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body,
    paging::{self, CONTINUATION, ITEM_TYPE},
    parameters::Id,
    problem::{RegistryProblem, no_such_method},
};
use crate::{
    hub,
    query::{ItemType, Position, Query, QueryError, QueryPage},
};

/// The default page size.
const PAGE_SIZE: usize = 100;

/// Routes POST only: a device may be named `query`, and its GET and PUT are those of any device.
pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/devices/{id}", post(run))
}

#[derive(Deserialize)]
struct QuerySpecification {
    query: String,
}

async fn run(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(id): Id,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, RegistryProblem> {
    if id != "query" {
        return Ok(no_such_method(Method::POST).await);
    }
    caller.require(Permission::RegistryRead)?;
    let QuerySpecification { query: text } = body::json(request).await?;
    let query = Query::parse(&text)?;
    let size = paging::size(&headers, PAGE_SIZE)?;
    let position = paging::position(&headers, |token| Position::from_token(token, &text))?;
    let item_type = query.item_type();
    // All twins may have to be looked at, and devices do not wait for that.
    let page = spawn_blocking(move || {
        let twins_after = |id: &str| services.hub.twins_after(id).map(|twin| twin.to_json());
        query.page(twins_after, &position, size)
    });
    Ok(response(joined(page.await)?, item_type, &text))
}

/// Returns the result of a task that is never cancelled.
fn joined<T>(task: Result<T, JoinError>) -> T {
    task.unwrap_or_else(|failed| resume_unwind(failed.into_panic()))
}

fn response(page: QueryPage, rows: ItemType, query: &str) -> Response {
    let item_type = match rows {
        ItemType::Twin => "Twin",
        ItemType::Raw => "Raw",
    };
    // Microsoft's clients take any value of this header for one more page: on the last one it is not there.
    let next = page.next.map(|next| [(CONTINUATION, next.to_token(query))]);
    ([(ITEM_TYPE, item_type)], next, Json(page.rows)).into_response()
}

impl From<QueryError> for RegistryProblem {
    fn from(error: QueryError) -> Self {
        match error.missing {
            Some(what) => hub::Error::NotSupported(what).into(),
            None => Error::invalid(error.to_string()).into(),
        }
    }
}
