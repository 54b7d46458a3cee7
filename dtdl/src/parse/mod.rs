//! From a document to interfaces.

mod class;
mod content;
mod context;
mod element;
mod fault;
mod interface;
mod node;
mod partition;
mod schema;
#[cfg(test)]
mod tests;
mod text;

use serde_json::Value;

pub use fault::{Fault, ParseError};

use crate::interface::Interface;
use interface::Document;
use node::Node;

/// How deep a document may be nested: what `serde_json` allows too, and far more than the language needs.
const NESTING: usize = 128;

/// Reads the interfaces of a document: an object or an array of objects, as models repositories have them
/// (`thermostat-1.json`, `thermostat-1.expanded.json`). An interface that stands within another is among the result.
///
/// What an interface refers to by identifier need not be in the document; [`Models`](crate::Models) puts them together.
///
/// # Errors
///
/// [`ParseError`] says what is wrong, where, and what is allowed: of each element the first fault.
pub fn parse(text: &str) -> Result<Vec<Interface>, ParseError> {
    // Some editors begin a file with a mark that JSON does not know.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    parse_value(&serde_json::from_str(text)?)
}

/// [`parse`] for a document that is JSON already.
///
/// # Errors
///
/// As for [`parse`].
pub fn parse_value(document: &Value) -> Result<Vec<Interface>, ParseError> {
    let root = Node::document(document);
    if is_deeper_than(document, NESTING) {
        let fault = root.fault(format!("more than {NESTING} levels are nested"));
        return Err(ParseError::Invalid(vec![fault]));
    }
    Document::read(&root).map_err(ParseError::Invalid)
}

/// Whether arrays and objects are nested deeper, found without a call for each level.
fn is_deeper_than(value: &Value, depth: usize) -> bool {
    let mut level = vec![value];
    for _ in 0..depth {
        level = level.into_iter().flat_map(inner).collect();
        if level.is_empty() {
            return false;
        }
    }
    true
}

fn inner(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}
