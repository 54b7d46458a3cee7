//! Answers to commands.

/// The answer to a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// An HTTP-like status.
    pub status: u32,
    /// The response as JSON text; empty for none.
    pub payload: String,
}

impl Reply {
    /// Returns an error reply.
    #[must_use]
    pub fn error(status: u32, reason: &str) -> Self {
        Self {
            status,
            payload: serde_json::json!({ "error": reason }).to_string(),
        }
    }
}
