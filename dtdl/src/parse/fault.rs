//! What is wrong with a document.

use std::fmt;

use serde::Serialize;

/// How many faults of a document are told: a long array of the wrong kind has as many as it has elements.
pub(super) const TOLD: usize = 100;

/// Something a document breaks a rule with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong, and what is allowed.
    pub problem: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.problem),
            pointer => write!(f, "{pointer}: {}", self.problem),
        }
    }
}

/// Why a document holds no interfaces that can be used.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// It is not JSON.
    #[error("not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It breaks rules of the language. There is one fault at least; of each element the first, and
    /// of very many the first hundred.
    #[error("{}", listed(.0))]
    Invalid(Vec<Fault>),
}

fn listed(faults: &[Fault]) -> String {
    let faults: Vec<_> = faults.iter().map(Fault::to_string).collect();
    faults.join("; ")
}
