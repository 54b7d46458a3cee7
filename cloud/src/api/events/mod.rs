//! `/api/events`: what devices say and what becomes of them.
//!
//! | parameter | selects |
//! |---|---|
//! | `since`, or the header `Last-Event-ID` | what came after the event of this number |
//! | `last` | of what is kept, the last so many |
//! | `device`, `kind` | of these devices, of these kinds; each may be given several times |
//! | `from`, `to` | by the time of the hub, RFC 3339: from the first, up to but without the second |
//! | `follow=false` | nothing that is still to come |
//! | `format` | `sse`, `ndjson`, `csv` or `az`; without it what `Accept` names, else `sse` |

mod az;
mod csv;
mod follower;
mod format;
mod json;
mod selection;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;

use self::follower::Follower;
use self::format::Format;
use self::selection::Selection;
use super::Services;
use super::auth::{Caller, Right};
use super::parameters::Parameters;
use super::problem::Problem;

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/events", get(events))
}

async fn events(
    caller: Caller,
    State(services): State<Arc<Services>>,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    caller.may(Right::ServiceConnect)?;
    let format = Format::choose(&parameters, &headers)?;
    let selection = Selection::parse(&parameters, &headers)?;
    Ok(format.response(Follower::new(&services, selection)))
}
