//! `/enrollments/query`, `/enrollmentGroups/query` and `/registrations/{group}/query`: everything there is of a kind,
//! page by page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::Value;

use super::Services;
use super::auth::{Caller, Right};
use super::body::JsonBody;
use super::parameters::Id;
use super::problem::Problem;
use crate::dps::EnrollmentKind;
use crate::error::HubError;

/// How many things a page has at most, and if nothing is said.
const PAGE_LIMIT: usize = 1000;
const MAX_ITEM_COUNT: HeaderName = HeaderName::from_static("x-ms-max-item-count");
/// Where a page begins, as the answer with the page before it says: the last id there.
const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation");
const ITEM_TYPE: HeaderName = HeaderName::from_static("x-ms-item-type");

pub(super) fn routes() -> Router<Arc<Services>> {
    let list = |kind, item_type| {
        post(move |caller, state, headers, body| {
            enrolments(kind, item_type, caller, state, headers, body)
        })
    };
    Router::new()
        .route(
            "/enrollments/query",
            list(EnrollmentKind::Individual, "Enrollment"),
        )
        .route(
            "/enrollmentGroups/query",
            list(EnrollmentKind::Group, "EnrollmentGroup"),
        )
        .route("/registrations/{id}/query", post(registrations))
}

#[derive(Deserialize)]
struct Question {
    query: String,
}

impl Question {
    /// Lists are not filtered.
    fn check(&self) -> Result<(), HubError> {
        let words = self.query.split_whitespace().map(str::to_lowercase);
        let words: Vec<_> = words.collect();
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        match *words {
            ["select", "*"] | ["select", "*", "from", _] => Ok(()),
            ["select", ..] => Err(HubError::NotSupported(
                "other queries of the provisioning service than SELECT *",
            )),
            _ => Err(HubError::ArgumentInvalid(
                "query must be SELECT *, or SELECT * FROM enrollments".into(),
            )),
        }
    }
}

async fn enrolments(
    kind: EnrollmentKind,
    item_type: &'static str,
    caller: Caller,
    State(services): State<Arc<Services>>,
    headers: HeaderMap,
    JsonBody(question): JsonBody<Question>,
) -> Result<Response, Problem> {
    caller.may(Right::Enrolment)?;
    question.check()?;
    let all = services.dps.enrollments(kind).into_iter();
    let all = all.map(|one| (one.to_json(), one.id));
    Ok(page(&headers, item_type, all)?)
}

/// Of one enrolment group. No query is needed.
async fn registrations(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(group): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.may(Right::Enrolment)?;
    services.dps.enrollment(EnrollmentKind::Group, &group)?;
    let all = services.dps.registrations().into_iter();
    let all = all.filter(|one| one.group.as_ref() == Some(&group));
    let all = all.map(|one| (one.to_json(), one.registration_id));
    Ok(page(&headers, "DeviceRegistration", all)?)
}

/// The page the headers ask for, of things in the order of their ids.
fn page(
    headers: &HeaderMap,
    item_type: &'static str,
    all: impl Iterator<Item = (Value, String)>,
) -> Result<Response, HubError> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let after = text(CONTINUATION).unwrap_or_default();
    let limit = text(MAX_ITEM_COUNT).map_or(Ok(PAGE_LIMIT), limit)?;
    let mut rest = all.filter(|(_, id)| id.as_str() > after).peekable();
    let (items, ids): (Vec<_>, Vec<_>) = rest.by_ref().take(limit).unzip();
    let last = ids.last().filter(|_| rest.peek().is_some());
    let continuation = last.map(|id| [(CONTINUATION, id.clone())]);
    Ok(([(ITEM_TYPE, item_type)], continuation, Json(items)).into_response())
}

fn limit(text: &str) -> Result<usize, HubError> {
    let count = text.parse().ok().filter(|count| *count > 0);
    let count: usize = count.ok_or_else(|| {
        HubError::ArgumentInvalid("x-ms-max-item-count must be a number from 1".into())
    })?;
    Ok(count.min(PAGE_LIMIT))
}
