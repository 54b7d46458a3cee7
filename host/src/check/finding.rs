//! What a check has found.

use serde::Serialize;
use serde_json::{Map, Value};

/// How a check has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// All is well.
    Ok,
    /// It can run, but somebody should know this.
    Warning,
    /// It cannot run here, or not for long.
    Error,
    /// It was left out.
    Skipped,
}

impl Verdict {
    /// One word, as JSON has it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Skipped => "skipped",
        }
    }
}

/// What a check has found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    /// How it has ended.
    pub(super) verdict: Verdict,
    /// For people: what may become one line.
    pub(super) message: String,
    /// For programs.
    #[serde(flatten)]
    pub(super) facts: Map<String, Value>,
}

/// What a check has found, and what the next one needs if it went well.
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

    /// With a fact for programs.
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}
