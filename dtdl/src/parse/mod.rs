//! The parser: a document to interfaces.

mod central;
mod class;
mod content;
mod context;
mod diagnostic;
mod element;
mod interface;
mod node;
mod partition;
mod schema;
#[cfg(test)]
mod tests;
mod text;

pub use diagnostic::{Diagnostic, ParseError};
use interface::Parser;
use node::Node;
use serde_json::Value;

use crate::interface::Interface;

/// The deepest nesting of a document: the limit of `serde_json` too, and far more than DTDL needs.
const MAX_NESTING: usize = 128;

/// Parses the interfaces of a document: an object or an array of objects, as models repositories have them
/// (`thermostat-1.json`, `thermostat-1.expanded.json`). An interface nested in another is part of the result.
///
/// Interfaces that are referenced by identifier may be in other documents; [`Models`](crate::Models) resolves them.
///
/// # Errors
///
/// [`ParseError`] with the first diagnostic of each element.
pub fn parse(text: &str) -> Result<Vec<Interface>, ParseError> {
    // Some editors write a byte order mark, which is not JSON.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    parse_value(&serde_json::from_str(text)?)
}

/// Parses a document that is JSON already, as [`parse`] does.
///
/// # Errors
///
/// As for [`parse`].
pub fn parse_value(document: &Value) -> Result<Vec<Interface>, ParseError> {
    let root = Node::document(document);
    if is_deeper_than(document, MAX_NESTING) {
        let diagnostic = root.error(format!("nested deeper than {MAX_NESTING} levels"));
        return Err(ParseError::Invalid(vec![diagnostic]));
    }
    Parser::parse(&root).map_err(ParseError::Invalid)
}

/// Returns true if arrays and objects are nested deeper. Does not recurse.
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
