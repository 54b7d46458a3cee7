//! What stands in a request's address.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;

use super::problem;
use crate::error::HubError;
use crate::hub::topic;

/// The names in the path, decoded.
pub(super) struct PathOf<T>(pub(super) T);

/// The one name in the path, decoded.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathOf<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(_) => {
                let error = HubError::ArgumentInvalid("the path is not UTF-8".into());
                Err(problem::at(parts.uri.path(), error))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let PathOf(id) = PathOf::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// The query, of which the first of equal names counts.
pub(super) struct Parameters(String);

impl Parameters {
    /// The value of a parameter, decoded; none too if it is not UTF-8.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        topic::parameter(&self.0, name)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}
