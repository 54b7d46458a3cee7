//! `/api/trace`: recent MQTT packets and REST requests, as a stream.
//!
//! | parameter | selects |
//! |---|---|
//! | `since`, or the header `Last-Event-ID` | records after this sequence number |
//! | `device` | records of this device |
//! | `follow=false` | stored records only |
//! | `format` | `sse` (the default) or `ndjson` |

mod feed;
mod json;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, header::CONTENT_TYPE},
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
    routing::get,
};
use futures::{StreamExt, stream::unfold};

use self::feed::{TraceFeed, TraceItem};
use super::{
    Error, Services,
    auth::{Caller, Permission},
    parameters::QueryParameters,
    problem::Problem,
    resume::{KEEP_ALIVE_INTERVAL, Resume},
};

pub(super) fn routes() -> Router<Arc<Services>> {
    Router::new().route("/api/trace", get(read))
}

async fn read(
    caller: Caller,
    State(services): State<Arc<Services>>,
    parameters: QueryParameters,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Permission::ServiceConnect)?;
    let Resume { since, follow } = Resume::parse(&headers, |name| parameters.get(name))?;
    let records = TraceFeed::new(
        &services,
        since.unwrap_or(0),
        parameters.get("device"),
        follow,
    );
    match parameters.get("format").as_deref() {
        None | Some("sse") => Ok(frames(records)),
        Some("ndjson") => Ok(lines(records)),
        Some(_) => Err(Error::invalid("format must be sse or ndjson").into()),
    }
}

fn frames(records: TraceFeed) -> Response {
    let frames = items(records).map(|item| Ok::<_, Infallible>(frame(&item)));
    let alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL);
    Sse::new(frames).keep_alive(alive).into_response()
}

fn frame(item: &TraceItem) -> Frame {
    let frame = Frame::default().data(json::item(item).to_string());
    match item {
        TraceItem::Record(record) => frame.id(record.sequence.to_string()),
        TraceItem::Gap { .. } => frame.event("gap"),
    }
}

fn lines(records: TraceFeed) -> Response {
    let lines = items(records).map(|item| Ok::<_, Infallible>(format!("{}\n", json::item(&item))));
    let body = Body::from_stream(lines);
    ([(CONTENT_TYPE, "application/x-ndjson")], body).into_response()
}

fn items(records: TraceFeed) -> impl futures::Stream<Item = TraceItem> {
    unfold(records, |mut records| async move {
        let item = records.next().await?;
        Some((item, records))
    })
}
