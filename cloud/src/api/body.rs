//! Request bodies.

use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use futures::StreamExt;
use serde::de::DeserializeOwned;

use super::problem::RegistryProblem;
use crate::error::HubError;

/// Enough for the largest thing there is to send, a method's payload of 128 kB, however it is escaped.
const BODY_LIMIT: usize = 1024 * 1024;
/// So much of a body that is too large is read and dropped, because a client that is still sending when the connection
/// closes does not see the answer.
const DROP_LIMIT: usize = 8 * 1024 * 1024;

/// A body that is JSON, whatever the content type says.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = RegistryProblem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Self::Rejection> {
        let bytes = read(request).await.ok_or_else(|| {
            HubError::ArgumentInvalid(format!(
                "the body could not be read: it may have at most {BODY_LIMIT} bytes"
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
