//! Request bodies. An endpoint reads one once it knows that the caller may ask.

use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;

use super::Error;
use crate::hub;

/// Enough for the largest thing there is to send, a method's payload of 128 kB, however it is escaped.
const BODY_LIMIT: usize = 1024 * 1024;
/// A body that has not come whole by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much of a body that is too large is read and dropped, because a client that is still sending when the connection
/// closes does not see the answer.
const DROP_LIMIT: usize = 8 * 1024 * 1024;

/// A body that is JSON, whatever the content type says.
///
/// # Errors
/// `ArgumentInvalid` if it is something else or does not come whole, `TooLarge`.
pub(super) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Error> {
    parse(&read(request).await?)
}

/// JSON, or an empty body.
///
/// # Errors
/// As for [`json`].
pub(super) async fn json_or_nothing(request: Request) -> Result<Option<Value>, Error> {
    let bytes = read(request).await?;
    match bytes.is_empty() {
        true => Ok(None),
        false => parse(&bytes).map(Some),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    crate::json::read(bytes)
        .map_err(|error| Error::invalid(format!("the body is not what is wanted here: {error}")))
}

/// The whole body, if it comes whole and in time and is not too large.
async fn read(request: Request) -> Result<Vec<u8>, Error> {
    let body = timeout(PATIENCE, collect(request)).await.ok().flatten();
    let (bytes, size) = body.ok_or_else(|| {
        let seconds = PATIENCE.as_secs();
        Error::invalid(format!("the body did not come whole within {seconds} s"))
    })?;
    match size > BODY_LIMIT {
        true => Err(Error::Hub(hub::Error::TooLarge {
            what: "the body",
            bytes: size,
            limit: BODY_LIMIT,
        })),
        false => Ok(bytes),
    }
}

/// As much of a body as is kept, and its size, as far as it is read; none if it ends early.
async fn collect(request: Request) -> Option<(Vec<u8>, usize)> {
    let mut chunks = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    let mut size = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        size += chunk.len();
        if size <= BODY_LIMIT {
            bytes.extend_from_slice(&chunk);
        } else if size > DROP_LIMIT {
            break;
        }
    }
    Some((bytes, size))
}

/// The header `If-Match`, as it came. One that cannot be read is empty, and so matches nothing.
pub(super) fn if_match(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(IF_MATCH)?;
    Some(header.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use futures::stream;

    use super::*;

    #[test]
    fn a_precondition_that_cannot_be_read_is_not_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(if_match(&headers), None);
        headers.insert(IF_MATCH, b"\"\xfc\"".as_slice().try_into().unwrap());
        let etag = crate::hub::etag(1);
        assert!(crate::hub::check_etag(if_match(&headers), &etag).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let body = Body::from_stream(begun.chain(stream::pending()));
        let refusal = json::<Value>(Request::new(body)).await.unwrap_err();
        assert_eq!(refusal.status(), 400);
    }
}
