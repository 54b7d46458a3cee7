//! Errors of queries.

/// An invalid or unsupported query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("BadRequest: at position {position} of the query: {message}")]
pub struct QueryError {
    /// Position in the text in characters, from 1; one more than the length for the end.
    pub position: usize,
    /// Expected token, or unsupported feature.
    pub message: String,
    /// Feature of Azure that the local cloud does not have, if the query is valid in Azure.
    pub missing: Option<&'static str>,
}

impl QueryError {
    pub(super) fn at(position: usize, message: impl Into<String>) -> Self {
        Self {
            position,
            message: message.into(),
            missing: None,
        }
    }
}
