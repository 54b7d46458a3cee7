//! Request bodies, which an endpoint reads after the check of permissions.

use std::time::Duration;

use axum::{
    extract::Request,
    http::{HeaderMap, header::IF_MATCH},
};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::Error;
use crate::hub;

/// The largest request body, in bytes: room for a method payload of 128 kB, however it is escaped.
const MAX_BODY: usize = 1024 * 1024;
/// The time for a whole body to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a body that is too large are read and dropped up to here: a client that is still sending when the connection
/// closes would not see the response.
const MAX_DRAINED: usize = 8 * 1024 * 1024;

/// Reads a JSON body, whatever the content type says.
///
/// # Errors
/// `ArgumentInvalid` if it is not JSON of this type or incomplete, `TooLarge`.
pub(super) async fn json<T: DeserializeOwned>(request: Request) -> Result<T, Error> {
    parse(&read(request).await?)
}

/// Reads a JSON body, or `None` if it is empty.
///
/// # Errors
/// As for [`json`].
pub(super) async fn optional_json<T: DeserializeOwned>(
    request: Request,
) -> Result<Option<T>, Error> {
    let bytes = read(request).await?;
    match bytes.is_empty() {
        true => Ok(None),
        false => parse(&bytes).map(Some),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    crate::json::read(bytes)
        .map_err(|error| Error::invalid(format!("invalid request body: {error}")))
}

/// Reads the whole body.
async fn read(request: Request) -> Result<Vec<u8>, Error> {
    let body = timeout(BODY_TIMEOUT, collect(request)).await.ok().flatten();
    let (bytes, size) = body.ok_or_else(|| {
        let seconds = BODY_TIMEOUT.as_secs();
        Error::invalid(format!("request body incomplete after {seconds} s"))
    })?;
    match size > MAX_BODY {
        true => Err(Error::Hub(hub::Error::TooLarge {
            what: "the request body",
            bytes: size,
            limit: MAX_BODY,
        })),
        false => Ok(bytes),
    }
}

/// Returns the body up to [`MAX_BODY`] and its size as far as it was read; `None` if it ends early.
async fn collect(request: Request) -> Option<(Vec<u8>, usize)> {
    let mut chunks = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    let mut size = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        size += chunk.len();
        if size <= MAX_BODY {
            bytes.extend_from_slice(&chunk);
        } else if size > MAX_DRAINED {
            break;
        }
    }
    Some((bytes, size))
}

/// Returns the header `If-Match` verbatim. One that is not text is empty, and so matches nothing.
pub(super) fn if_match(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(IF_MATCH)?;
    Some(header.to_str().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use futures::stream;
    use serde_json::Value;

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
