//! Why a query cannot be run.

/// What is wrong with a query, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("BadRequest: at position {position} of the query: {message}")]
pub struct QueryError {
    /// Which character of the text it is about, the first being 1; one more than there are for the end.
    pub position: usize,
    /// What was expected, or what is not supported.
    pub message: String,
    /// What this cloud has not, if Azure would run the query for having it.
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
