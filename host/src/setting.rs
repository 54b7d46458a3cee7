//! Errors of settings.

use std::io;

use crate::machine;

/// The error of an invalid setting: what failed, why, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SettingError {
    text: String,
    may_pass: bool,
}

impl SettingError {
    /// Creates an error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            may_pass: false,
        }
    }

    /// Creates the error of a call that failed because of a setting, or of the machine.
    pub(crate) fn io(text: impl Into<String>, error: &io::Error) -> Self {
        Self {
            text: text.into(),
            may_pass: machine::may_pass(error),
        }
    }

    /// Returns true if the machine was short of something, and another try may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.may_pass
    }
}

/// Formats an invalid setting for an error, hidden if it may be a key or a connection string in the wrong variable.
pub(crate) fn redacted(text: &str) -> String {
    /// Shorter than any key Azure makes: 32 bytes in base64.
    const MAX_SHOWN_LENGTH: usize = 40;
    if text.len() <= MAX_SHOWN_LENGTH && !text.contains("SharedAccess") {
        format!("{text:?}")
    } else {
        format!("a text of {} characters (hidden)", text.chars().count())
    }
}
