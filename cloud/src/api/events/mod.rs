//! `/api/events`: events of devices, as a stream.
//!
//! | parameter | selects |
//! |---|---|
//! | `since`, or the header `Last-Event-ID` | events after this sequence number |
//! | `last` | this many of the stored events, the newest |
//! | `device`, `kind` | events of these devices, of these kinds; repeatable |
//! | `from`, `to` | events enqueued in this period, RFC 3339; `to` is exclusive |
//! | `follow=false` | stored events only |
//! | `format` | `sse`, `ndjson`, `csv` or `az`; by default that of `Accept`, else `sse` |

mod az;
mod csv;
mod feed;
mod format;
mod json;
mod selection;

use std::sync::Arc;

use axum::{Router, extract::State, http::HeaderMap, response::Response, routing::get};

use self::{feed::EventFeed, format::EventFormat, selection::EventQuery};
use super::{
    Services,
    auth::{Caller, Permission},
    parameters::QueryParameters,
    problem::Problem,
};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/events", get(events))
}

async fn events(
    caller: Caller,
    State(services): State<Arc<Services>>,
    headers: HeaderMap,
    parameters: QueryParameters,
) -> Result<Response, Problem> {
    caller.require(Permission::ServiceConnect)?;
    let format = EventFormat::negotiate(&parameters, &headers)?;
    let selection = EventQuery::parse(&parameters, &headers)?;
    Ok(format.response(EventFeed::new(&services, selection)))
}
