//! The formats of events in a response.

use std::convert::Infallible;

use axum::{
    body::Body,
    http::{
        HeaderMap,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{
        IntoResponse, Response,
        sse::{Event as Frame, KeepAlive, Sse},
    },
};
use futures::{Stream, stream};

use super::{
    az, csv,
    feed::{EventFeed, EventItem},
    json,
};
use crate::{
    api::{Error, parameters::QueryParameters, resume::KEEP_ALIVE_INTERVAL},
    events::Event,
    json::JsonText,
    store::StoreError,
};

/// A format of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum EventFormat {
    /// Server-sent events.
    Sse,
    /// One JSON object per line.
    NdJson,
    /// Comma-separated values for spreadsheets.
    Csv,
    /// One JSON object per line, in the form of `az iot hub monitor-events`.
    Az,
}

impl EventFormat {
    /// Chooses the format by the parameter `format`, else by the header `Accept`.
    ///
    /// # Errors
    /// `ArgumentInvalid` for an unknown format.
    pub(super) fn negotiate(
        parameters: &QueryParameters,
        headers: &HeaderMap,
    ) -> Result<Self, Error> {
        match parameters.get("format").as_deref() {
            None => Ok(Self::accepted(headers)),
            Some("sse") => Ok(Self::Sse),
            Some("ndjson") => Ok(Self::NdJson),
            Some("csv") => Ok(Self::Csv),
            Some("az") => Ok(Self::Az),
            Some(_) => Err(Error::invalid("format must be sse, ndjson, csv or az")),
        }
    }

    fn accepted(headers: &HeaderMap) -> Self {
        let accept = headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok())
            .unwrap_or_default();
        let kinds = accept.split(',').map(|kind| kind.split(';').next());
        let known = kinds.filter_map(|kind| match kind?.trim() {
            "text/event-stream" => Some(Self::Sse),
            "application/x-ndjson" => Some(Self::NdJson),
            "text/csv" => Some(Self::Csv),
            _ => None,
        });
        known.into_iter().next().unwrap_or(Self::Sse)
    }

    /// Makes the response, which streams the events.
    pub(super) fn response(self, feed: EventFeed) -> Response {
        match self {
            Self::Sse => Sse::new(frames(feed))
                .keep_alive(KeepAlive::new().interval(KEEP_ALIVE_INTERVAL))
                .into_response(),
            Self::NdJson => lines("application/x-ndjson", "", feed, |item| match item {
                EventItem::Event(event) => line(&json::event(event)),
                EventItem::Gap {
                    since,
                    complete_from,
                } => line(&json::gap(*since, *complete_from)),
            }),
            Self::Csv => lines(
                "text/csv; charset=utf-8",
                csv::HEADER,
                feed,
                skipping_gaps(csv::row),
            ),
            Self::Az => {
                let hub = feed.hub().clone();
                let write = move |event: &Event| {
                    let json = az::event(event, &hub);
                    json.as_ref().map(line).unwrap_or_default()
                };
                lines("application/x-ndjson", "", feed, skipping_gaps(write))
            }
        }
    }
}

fn frames(feed: EventFeed) -> impl Stream<Item = Result<Frame, Infallible>> {
    stream::unfold(feed, |mut feed| async move {
        // A client resumes an interrupted stream after the last number.
        let item = feed.next().await.ok()??;
        Some((Ok(frame(&item)), feed))
    })
}

fn frame(item: &EventItem) -> Frame {
    match item {
        EventItem::Event(event) => Frame::default()
            .id(event.sequence.to_string())
            .event(event.kind.name())
            .data(json::event(event).to_string()),
        EventItem::Gap {
            since,
            complete_from,
        } => Frame::default()
            .event("gap")
            .data(json::gap(*since, *complete_from).to_string()),
    }
}

/// Makes a response of lines after `head`. If the store cannot be read, the connection breaks off, so that the client notices
/// that lines are missing.
fn lines(
    content_type: &'static str,
    head: &'static str,
    feed: EventFeed,
    write: impl Fn(&EventItem) -> String + Send + 'static,
) -> Response {
    let rest = stream::unfold((feed, write), |(mut feed, write)| async move {
        let line = match feed.next().await {
            Ok(Some(item)) => Ok(write(&item)),
            Ok(None) => return None,
            Err(error) => Err(error),
        };
        Some((line, (feed, write)))
    });
    let head = stream::iter([Ok::<_, StoreError>(head.to_owned())]);
    let body = Body::from_stream(futures::StreamExt::chain(head, rest));
    ([(CONTENT_TYPE, content_type)], body).into_response()
}

/// Adapts `write` for formats that cannot express a gap.
fn skipping_gaps(write: impl Fn(&Event) -> String) -> impl Fn(&EventItem) -> String {
    move |item| match item {
        EventItem::Event(event) => write(event),
        EventItem::Gap { .. } => String::new(),
    }
}

fn line(json: &JsonText) -> String {
    format!("{json}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: &str, headers: &HeaderMap) -> Result<EventFormat, Error> {
        EventFormat::negotiate(&QueryParameters::new(query), headers)
    }

    fn accepting(accept: &str) -> EventFormat {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        chosen("", &headers).unwrap()
    }

    #[test]
    fn the_first_form_that_is_known_is_chosen_and_a_parameter_counts_more() {
        assert_eq!(accepting("*/*"), EventFormat::Sse);
        assert_eq!(accepting("text/html, text/csv;q=0.5"), EventFormat::Csv);
        assert_eq!(accepting("application/x-ndjson"), EventFormat::NdJson);
        let none = HeaderMap::new();
        assert_eq!(chosen("format=az", &none).unwrap(), EventFormat::Az);
        assert!(chosen("format=xml", &none).is_err());
    }
}
