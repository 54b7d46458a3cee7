//! Why a client is not let in: a code for the client, the reason for whoever runs the cloud.

use super::ConnectReturn;

/// A CONNECT that is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(super) code: ConnectReturn,
    pub(super) reason: String,
}

impl Refusal {
    pub(crate) fn new(code: ConnectReturn, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.into(),
        }
    }

    /// Azure tells a client no more than that it is not authorized.
    pub(crate) fn unauthorized(reason: impl Into<String>) -> Self {
        Self::new(ConnectReturn::NotAuthorized, reason)
    }
}
