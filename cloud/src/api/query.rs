//! `/devices/query`: twins by what they are and have.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, Method};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;

use super::Services;
use super::auth::{Caller, Right};
use super::body::JsonBody;
use super::problem::{RegistryProblem, no_such_method};
use crate::error::HubError;
use crate::query::{ItemType, Page, Position, Query, QueryError};

const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation");
const ITEM_TYPE: HeaderName = HeaderName::from_static("x-ms-item-type");
const MAX_ITEM_COUNT: HeaderName = HeaderName::from_static("x-ms-max-item-count");

/// How many rows a page has if nothing else is asked for, and at most.
const PAGE: usize = 100;
const PAGE_LIMIT: usize = 1000;

/// Only POST means a query: a device may be called `query`, and is read and written like any other.
pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/devices/{id}", post(run))
}

#[derive(Deserialize)]
struct Specification {
    query: String,
}

async fn run(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<JsonBody<Specification>, Response>,
) -> Result<Response, RegistryProblem> {
    if id != "query" {
        return Ok(no_such_method(Method::POST).await);
    }
    caller.may(Right::RegistryRead)?;
    let text = match body {
        Ok(JsonBody(Specification { query })) => query,
        Err(refusal) => return Ok(refusal),
    };
    let query = Query::parse(&text)?;
    let (size, position) = (size(&headers)?, position(&headers, &text)?);
    let twins_after = |id: &str| services.hub.twins_after(id).map(|twin| twin.to_json());
    let page = query.page(twins_after, &position, size);
    Ok(answer(page, query.item_type(), &text))
}

/// Too large a page is made smaller, as Azure reserves to itself.
fn size(headers: &HeaderMap) -> Result<usize, HubError> {
    let Some(count) = headers.get(MAX_ITEM_COUNT) else {
        return Ok(PAGE);
    };
    let count = count
        .to_str()
        .ok()
        .and_then(|count| count.trim().parse().ok());
    match count {
        Some(count @ 1_usize..) => Ok(count.min(PAGE_LIMIT)),
        _ => Err(HubError::ArgumentInvalid(format!(
            "{MAX_ITEM_COUNT} must be a number from 1 to {PAGE_LIMIT}"
        ))),
    }
}

fn position(headers: &HeaderMap, query: &str) -> Result<Position, HubError> {
    let Some(token) = headers.get(CONTINUATION).filter(|token| !token.is_empty()) else {
        return Ok(Position::default());
    };
    let position = token
        .to_str()
        .ok()
        .and_then(|token| Position::of_token(token, query));
    position.ok_or_else(|| {
        HubError::ArgumentInvalid(format!(
            "{CONTINUATION} is none that this query was answered with"
        ))
    })
}

fn answer(page: Page, rows: ItemType, query: &str) -> Response {
    let item_type = match rows {
        ItemType::Twin => "Twin",
        ItemType::Raw => "Raw",
    };
    // Microsoft's clients take any value of this header for one more page: on the last one it is not there.
    let next = page.next.map(|next| [(CONTINUATION, next.token(query))]);
    ([(ITEM_TYPE, item_type)], next, Json(page.rows)).into_response()
}

impl From<QueryError> for RegistryProblem {
    fn from(error: QueryError) -> Self {
        let refusal = match error.missing {
            Some(what) => HubError::NotSupported(what),
            None => HubError::ArgumentInvalid(error.to_string()),
        };
        refusal.into()
    }
}
