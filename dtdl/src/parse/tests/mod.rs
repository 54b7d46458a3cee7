//! Each rule of the language, obeyed and violated.

mod central;
mod content;
mod document;
mod schema;

use serde_json::{Value, json};

use super::{ParseError, parse_value};
use crate::interface::Interface;

/// An interface with these contents.
fn interface(contents: Value) -> Value {
    json!({
        "@context": "dtmi:dtdl:context;2",
        "@id": "dtmi:com:example:Thing;1",
        "@type": "Interface",
        "contents": contents
    })
}

/// An interface whose one telemetry has this schema.
fn measuring(schema: Value) -> Value {
    interface(json!([{"@type": "Telemetry", "name": "measured", "schema": schema}]))
}

/// The document with another value at this place, or without it.
fn with(mut document: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').unwrap();
    let parent = document.pointer_mut(parent).unwrap();
    if value.is_null() {
        parent.as_object_mut().unwrap().remove(member);
    } else {
        parent[member] = value;
    }
    document
}

fn v3(document: Value) -> Value {
    with(document, "/@context", json!("dtmi:dtdl:context;3"))
}

fn good(document: &Value) -> Interface {
    let mut interfaces =
        parse_value(document).unwrap_or_else(|error| panic!("{error}: {document}"));
    interfaces.pop().unwrap()
}

/// The diagnostics of a document, each as it is shown.
fn diagnostics(document: &Value) -> Vec<String> {
    match parse_value(document) {
        Err(ParseError::Invalid(diagnostics)) => {
            diagnostics.iter().map(ToString::to_string).collect()
        }
        other => panic!("{other:?}: {document}"),
    }
}

/// Checks that the document has exactly one diagnostic, with this beginning.
fn bad(document: &Value, diagnostic: &str) {
    let diagnostics = diagnostics(document);
    assert!(
        diagnostics.len() == 1 && diagnostics[0].starts_with(diagnostic),
        "{diagnostics:?} instead of {diagnostic:?}: {document}"
    );
}

/// So many schemas within each other, a Map, an Object and an Array in turns.
fn nested(levels: usize, innermost: Value) -> Value {
    (0..levels).fold(innermost, |inner, level| match level % 3 {
        0 => json!({"@type": "Array", "elementSchema": inner}),
        1 => json!({"@type": "Object", "fields": [{"name": "field", "schema": inner}]}),
        _ => json!({
            "@type": "Map",
            "mapKey": {"name": "key", "schema": "string"},
            "mapValue": {"name": "value", "schema": inner}
        }),
    })
}
