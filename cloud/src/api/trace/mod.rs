//! `/api/trace`: the packets and requests of the last while, and those that come.
//!
//! | parameter | selects |
//! |---|---|
//! | `since`, or the header `Last-Event-ID` | what came after the record of this number |
//! | `device` | what is of this device alone |
//! | `follow=false` | nothing that is still to come |
//! | `format` | `sse` (the default) or `ndjson` |

mod json;
mod watch;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::{StreamExt, stream};

use self::watch::{Told, Watch};
use super::Error;
use super::Services;
use super::auth::{Caller, Right};
use super::parameters::Parameters;
use super::problem::Problem;
use super::resume::{KEEP_ALIVE, Resume};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/trace", get(read))
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.may(Right::ServiceConnect)?;
    let Resume { since, follow } = Resume::parse(&headers, |name| parameters.get(name))?;
    let watch = Watch::new(
        &services,
        since.unwrap_or(0),
        parameters.get("device"),
        follow,
    );
    match parameters.get("format").as_deref() {
        None | Some("sse") => Ok(frames(watch)),
        Some("ndjson") => Ok(lines(watch)),
        Some(_) => Err(Error::invalid("format must be sse or ndjson").into()),
    }
}

fn frames(watch: Watch) -> Response {
    let frames = told(watch).map(|told| Ok::<_, Infallible>(frame(&told)));
    let alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(frames).keep_alive(alive).into_response()
}

fn frame(told: &Told) -> Frame {
    let frame = Frame::default().data(json::told(told).to_string());
    match told {
        Told::Record(record) => frame.id(record.sequence.to_string()),
        Told::Gap { .. } => frame.event("gap"),
    }
}

fn lines(watch: Watch) -> Response {
    let lines = told(watch).map(|told| Ok::<_, Infallible>(format!("{}\n", json::told(&told))));
    let body = Body::from_stream(lines);
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

fn told(watch: Watch) -> impl futures::Stream<Item = Told> {
    stream::unfold(watch, |mut watch| async move {
        let told = watch.next().await?;
        Some((told, watch))
    })
}
