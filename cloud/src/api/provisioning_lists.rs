//! `/enrollments/query`, `/enrollmentGroups/query` and `/registrations/{group}/query`: lists, page by page.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
    routing::post,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use serde::{Deserialize, Serialize};

use super::{
    Error, Services,
    auth::{Caller, Permission},
    body,
    paging::{self, CONTINUATION, ITEM_TYPE},
    parameters::Id,
    problem::Problem,
};
use crate::{dps::EnrollmentKind, hub};

pub(super) fn routes() -> Router<Arc<Services>> {
    let list = |kind, item_type| {
        post(move |caller, state, headers, body| {
            enrollments(kind, item_type, caller, state, headers, body)
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
struct ProvisioningQuery {
    query: String,
}

impl ProvisioningQuery {
    /// Checks that the query asks for everything, the only one that is supported: `SELECT *`, `*` or an empty text, as
    /// Microsoft's SDKs and samples have it. The IoT extension of `az` sends the text of a Python list, which Azure ignores.
    fn check(&self) -> Result<(), Error> {
        let query = self.query.trim().to_lowercase();
        let words: Vec<_> = query.split_whitespace().collect();
        match *words {
            [] | ["*"] | ["select", "*"] | ["select", "*", "from", _] => Ok(()),
            _ if query.starts_with('[') && query.ends_with(']') => Ok(()),
            ["select", ..] => Err(Error::Hub(hub::Error::NotSupported(
                "DPS queries other than SELECT *",
            ))),
            _ => Err(Error::invalid(
                "query must be SELECT *, or SELECT * FROM enrollments",
            )),
        }
    }
}

async fn enrollments(
    kind: EnrollmentKind,
    item_type: &'static str,
    caller: Caller,
    State(services): State<Arc<Services>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    caller.require(Permission::Enrollment)?;
    let query: ProvisioningQuery = body::json(request).await?;
    query.check()?;
    let all = services.dps.enrollments(kind).into_iter();
    let all = all.map(|one| (one.to_json(), one.id.lowercase()));
    Ok(page(&headers, item_type, all)?)
}

/// Lists the registrations of an enrollment group. No query is needed.
async fn registrations(
    caller: Caller,
    State(services): State<Arc<Services>>,
    Id(group): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Permission::Enrollment)?;
    let group = services.dps.enrollment(EnrollmentKind::Group, &group)?.id;
    let all = services.dps.registrations().into_iter();
    let all = all.filter(|one| one.group.as_ref() == Some(&group));
    let all = all.map(|one| (one.to_json(), one.registration_id.lowercase()));
    Ok(page(&headers, "DeviceRegistration", all)?)
}

/// Returns the page that the headers ask for, of items in the order of their ids. The continuation token is the last id of
/// the previous page, in lower case.
fn page(
    headers: &HeaderMap,
    item_type: &'static str,
    all: impl Iterator<Item = (impl Serialize, String)>,
) -> Result<Response, Error> {
    let after = paging::position(headers, decode_id)?;
    let size = paging::size(headers, paging::MAX_PAGE_SIZE)?;
    let mut rest = all.filter(|(_, id)| *id > after).peekable();
    let (items, ids): (Vec<_>, Vec<_>) = rest.by_ref().take(size).unzip();
    let last = ids.last().filter(|_| rest.peek().is_some());
    let continuation = last.map(|id| [(CONTINUATION, BASE64.encode(id))]);
    Ok(([(ITEM_TYPE, item_type)], continuation, Json(items)).into_response())
}

fn decode_id(token: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(token).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn a_page_may_end_with_any_id() {
        let ids = ["a\nb", "é", "\u{1F4A9}"];
        let mut headers = HeaderMap::new();
        for (n, id) in ids.into_iter().enumerate() {
            headers.insert("x-ms-max-item-count", 1.into());
            let all = ids.map(|id| ((), id.to_owned())).into_iter();
            let page = page(&headers, "Enrollment", all).unwrap();
            assert_eq!(page.status(), 200, "{id:?}");
            let next = page.headers().get(CONTINUATION).cloned();
            assert_eq!(next.is_none(), n == 2, "{id:?}");
            next.and_then(|next| headers.insert(CONTINUATION, next));
        }
        for token in ["e-1", "\u{fc}"] {
            let token = token.as_bytes().try_into().unwrap();
            headers.insert(CONTINUATION, token);
            assert!(page(&headers, "Enrollment", iter::empty::<((), _)>()).is_err());
        }
    }
}
