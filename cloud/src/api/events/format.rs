//! How events are written to a client.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, stream};
use serde_json::Value;

use super::follower::{Follower, Told};
use super::{az, csv, json};
use crate::api::Error;
use crate::api::parameters::Parameters;
use crate::api::resume::KEEP_ALIVE;
use crate::hub::Event;
use crate::store::StoreError;

/// The form of the events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Format {
    /// Server-sent events.
    Sse,
    /// One JSON object a line.
    NdJson,
    /// As spreadsheets read it.
    Csv,
    /// One JSON object a line, as `az iot hub monitor-events` shows what IoT Hub routes.
    Az,
}

impl Format {
    /// # Errors
    /// `ArgumentInvalid` for a format there is not.
    pub(super) fn choose(parameters: &Parameters, headers: &HeaderMap) -> Result<Self, Error> {
        let wrong = "format must be sse, ndjson, csv or az";
        match parameters.get("format").as_deref() {
            None => Ok(Self::accepted(headers)),
            Some("sse") => Ok(Self::Sse),
            Some("ndjson") => Ok(Self::NdJson),
            Some("csv") => Ok(Self::Csv),
            Some("az") => Ok(Self::Az),
            Some(_) => Err(Error::invalid(wrong)),
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

    /// The answer, written as the events come.
    pub(super) fn response(self, follower: Follower) -> Response {
        match self {
            Self::Sse => Sse::new(frames(follower))
                .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
                .into_response(),
            Self::NdJson => lines("application/x-ndjson", "", follower, |told| match told {
                Told::Event(event) => line(&json::event(event)),
                Told::Gap { since, oldest } => line(&json::gap(*since, *oldest)),
            }),
            Self::Csv => lines(
                "text/csv; charset=utf-8",
                csv::HEADER,
                follower,
                of_events(csv::row),
            ),
            Self::Az => {
                let hub = follower.hub().clone();
                let write = move |event: &Event| {
                    let json = az::event(event, &hub);
                    json.as_ref().map(line).unwrap_or_default()
                };
                lines("application/x-ndjson", "", follower, of_events(write))
            }
        }
    }
}

fn frames(follower: Follower) -> impl Stream<Item = Result<Frame, Infallible>> {
    stream::unfold(follower, |mut follower| async move {
        // A stream that breaks off is taken up again after the last number.
        let told = follower.next().await.ok()??;
        Some((Ok(frame(&told)), follower))
    })
}

fn frame(told: &Told) -> Frame {
    match told {
        Told::Event(event) => Frame::default()
            .id(event.sequence.to_string())
            .event(event.kind.name())
            .data(json::event(event).to_string()),
        Told::Gap { since, oldest } => Frame::default()
            .event("gap")
            .data(json::gap(*since, *oldest).to_string()),
    }
}

/// A body of lines that begins with `head`. It is cut off if the store cannot be read, so that nobody takes a part for the
/// whole.
fn lines(
    content_type: &'static str,
    head: &'static str,
    follower: Follower,
    write: impl Fn(&Told) -> String + Send + 'static,
) -> Response {
    let rest = stream::unfold((follower, write), |(mut follower, write)| async move {
        let line = match follower.next().await {
            Ok(Some(told)) => Ok(write(&told)),
            Ok(None) => return None,
            Err(error) => Err(error),
        };
        Some((line, (follower, write)))
    });
    let head = stream::iter([Ok::<_, StoreError>(head.to_owned())]);
    let body = Body::from_stream(futures::StreamExt::chain(head, rest));
    ([(CONTENT_TYPE, content_type)], body).into_response()
}

/// Where there is no form for anything but events.
fn of_events(write: impl Fn(&Event) -> String) -> impl Fn(&Told) -> String {
    move |told| match told {
        Told::Event(event) => write(event),
        Told::Gap { .. } => String::new(),
    }
}

fn line(json: &Value) -> String {
    format!("{json}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(query: &str, headers: &HeaderMap) -> Result<Format, Error> {
        Format::choose(&Parameters::of(query), headers)
    }

    fn accepting(accept: &str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        chosen("", &headers).unwrap()
    }

    #[test]
    fn the_first_form_that_is_known_is_chosen_and_a_parameter_counts_more() {
        assert_eq!(accepting("*/*"), Format::Sse);
        assert_eq!(accepting("text/html, text/csv;q=0.5"), Format::Csv);
        assert_eq!(accepting("application/x-ndjson"), Format::NdJson);
        let none = HeaderMap::new();
        assert_eq!(chosen("format=az", &none).unwrap(), Format::Az);
        assert!(chosen("format=xml", &none).is_err());
    }
}
