//! Request bodies.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use futures::StreamExt;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::problem::RegistryProblem;
use crate::error::HubError;

/// Enough for the largest thing there is to send, a method's payload of 128 kB, however it is escaped.
const BODY_LIMIT: usize = 1024 * 1024;
/// A body that has not come whole by then is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// So much of a body that is too large is read and dropped, because a client that is still sending when the connection
/// closes does not see the answer.
const DROP_LIMIT: usize = 8 * 1024 * 1024;

/// A body that is JSON, whatever the content type says.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = RegistryProblem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        let bytes = timeout(PATIENCE, read(request)).await.ok().flatten();
        let bytes = bytes.ok_or_else(|| {
            HubError::ArgumentInvalid(format!(
                "the body could not be read: it may have at most {BODY_LIMIT} bytes and take {} s",
                PATIENCE.as_secs()
            ))
        })?;
        let body = serde_json::from_slice(&bytes).map_err(|error| {
            HubError::ArgumentInvalid(format!("the body is not what is wanted here: {error}"))
        })?;
        Ok(Self(body))
    }
}

/// The whole body; none if it is too large or does not come whole.
async fn read(request: Request) -> Option<Vec<u8>> {
    let mut chunks = request.into_body().into_data_stream();
    let mut bytes = Vec::new();
    let mut size = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.ok()?;
        size += chunk.len();
        if size > DROP_LIMIT {
            return None;
        }
        if size <= BODY_LIMIT {
            bytes.extend_from_slice(&chunk);
        }
    }
    (size <= BODY_LIMIT).then_some(bytes)
}

/// The header `If-Match`, as it came.
pub(super) fn if_match(headers: &HeaderMap) -> Option<&str> {
    headers.get(IF_MATCH)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, Bytes};
    use axum::response::IntoResponse;
    use futures::stream;
    use serde_json::Value;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_never_ends_is_not_waited_for() {
        let begun = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
        let body = Body::from_stream(begun.chain(stream::pending()));
        let read = JsonBody::<Value>::from_request(Request::new(body), &()).await;
        let Err(problem) = read else {
            panic!("half a body was taken");
        };
        assert_eq!(problem.into_response().status(), 400);
    }
}
