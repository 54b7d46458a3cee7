//! Refusals of CONNECT: a return code for the client, a reason for the log.

use super::ConnectReturn;
use crate::excerpt::start_of;

/// The refusal of a CONNECT.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: ConnectReturn,
    /// Short, whatever the client sent.
    pub(crate) reason: String,
}

impl Refusal {
    pub(crate) fn new(code: ConnectReturn, reason: impl Into<String>) -> Self {
        Self {
            code,
            reason: start_of(&reason.into()),
        }
    }

    /// Makes a refusal with the return code "not authorized": Azure tells a client no more.
    pub(crate) fn unauthorized(reason: impl Into<String>) -> Self {
        Self::new(ConnectReturn::NotAuthorized, reason)
    }
}
