//! Diagnostics of a document.

use std::fmt;

use serde::Serialize;

/// The largest number of diagnostics of a document: a long array of the wrong type has one per element.
pub(super) const MAX_DIAGNOSTICS: usize = 100;

/// A violation of the rules of DTDL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Location as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Problem, and the allowed alternative.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

/// A document without usable interfaces.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// The document is not JSON.
    #[error("invalid JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The document violates the rules of DTDL. Contains the first diagnostic of each element, and the first hundred in all.
    #[error("{}", listed(.0))]
    Invalid(Vec<Diagnostic>),
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    let diagnostics: Vec<_> = diagnostics.iter().map(Diagnostic::to_string).collect();
    diagnostics.join("; ")
}
