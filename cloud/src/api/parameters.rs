//! Parameters in the path and in the query of a request.

use std::borrow::Cow;

use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
    response::Response,
};
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use super::{Error, problem};

/// The parameters in the path, decoded.
pub(super) struct PathParameters<T>(pub(super) T);

/// The only parameter in the path, decoded.
pub(super) struct Id(pub(super) String);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParameters<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(_) => {
                let error = Error::invalid("the path is not UTF-8");
                Err(problem::response_for(parts.uri.path(), error))
            }
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let PathParameters(id) = PathParameters::from_request_parts(parts, state).await?;
        Ok(Self(id))
    }
}

/// The query string. A plus is a plus: ids and time zones contain some, and no value contains a space.
pub(super) struct QueryParameters(String);

impl QueryParameters {
    pub(super) fn new(query: &str) -> Self {
        Self(query.to_owned())
    }

    /// Returns the value of a parameter, decoded; the first if it is repeated.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.all(name).next()
    }

    /// Returns every value of a parameter, decoded, in order. Bytes that are not UTF-8 are replaced, so that the value
    /// matches nothing.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = String> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let named = pairs.filter(move |(key, _)| decoded(key) == name);
        named.map(|(_, value)| decoded(value).into_owned())
    }
}

/// Decodes a name or a value.
fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

impl<S: Send + Sync> FromRequestParts<S> for QueryParameters {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self::new(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_found_however_it_is_encoded() {
        let parameters = QueryParameters::new("a=1&%61=%32&b=x+y%20z&c&d=&e=%FF");
        let all: Vec<_> = parameters.all("a").collect();
        assert_eq!(all, ["1", "2"]);
        let get = |name| parameters.get(name);
        assert_eq!(get("a").as_deref(), Some("1"));
        assert_eq!(get("b").as_deref(), Some("x+y z"));
        assert_eq!((get("c"), get("none")), (None, None));
        assert_eq!(get("d").as_deref(), Some(""));
        // It must not be taken for one that was not given, which selects everything.
        assert_eq!(get("e").as_deref(), Some("\u{fffd}"));
    }
}
