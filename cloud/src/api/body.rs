//! Request bodies.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::IF_MATCH;
use serde::de::DeserializeOwned;

use super::problem::RegistryProblem;
use crate::error::HubError;

/// Enough for the largest thing there is to send, a method's payload of 128 kB, however it is escaped.
pub(super) const BODY_LIMIT: usize = 1024 * 1024;

/// A body that is JSON, whatever the content type says.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = RegistryProblem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let bytes = Bytes::from_request(request, state).await.map_err(|_| {
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

/// The header `If-Match`, as it came.
pub(super) fn if_match(headers: &HeaderMap) -> Option<&str> {
    headers.get(IF_MATCH)?.to_str().ok()
}
