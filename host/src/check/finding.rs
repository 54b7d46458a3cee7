//! The finding of a check.

use serde::Serialize;
use serde_json::{Map, Value};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// The check passed.
    Ok,
    /// The component can run, with a problem.
    Warning,
    /// The component cannot run here, or not for long.
    Error,
    /// The check was not run.
    Skipped,
}

impl Verdict {
    /// Returns the word used in text and JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// The finding of a check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// The verdict.
    pub(super) verdict: Verdict,
    /// The message, for people.
    pub(super) message: String,
    /// Further members of the JSON.
    #[serde(flatten)]
    pub(super) facts: Map<String, Value>,
}

/// The finding of a check, and its result for the next checks unless it failed.
pub(super) type Checked<T> = Result<(Finding, T), Finding>;

impl Finding {
    pub(super) fn new(verdict: Verdict, message: impl Into<String>) -> Self {
        Self {
            verdict,
            message: message.into(),
            facts: Map::new(),
        }
    }

    pub(super) fn ok(message: impl Into<String>) -> Self {
        Self::new(Verdict::Ok, message)
    }

    pub(super) fn warning(message: impl Into<String>) -> Self {
        Self::new(Verdict::Warning, message)
    }

    pub(super) fn error(message: impl Into<String>) -> Self {
        Self::new(Verdict::Error, message)
    }

    /// Adds a warning to the message, and makes an `ok` a warning.
    pub(super) fn warn(mut self, warning: &str) -> Self {
        if self.verdict == Verdict::Ok {
            self.verdict = Verdict::Warning;
        }
        self.message = format!("{}; {warning}", self.message);
        self
    }

    /// Adds a member to the JSON.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}
