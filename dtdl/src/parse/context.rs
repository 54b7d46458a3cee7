//! Contexts: the DTDL version and extensions.

use super::{diagnostic::Diagnostic, node::Node};
use crate::{
    dialect::{CONTEXTS, Dialect},
    dtmi::Dtmi,
};

/// The prefix of the DTDL contexts.
const DTDL_CONTEXT: &str = "dtmi:dtdl:context;";
/// The only context that may precede that of DTDL.
const IOT_CENTRAL: &str = "dtmi:iotcentral:context;2";

/// Returns the dialect of an element: that of its context, else that of the enclosing element.
pub(super) fn dialect(node: &Node<'_>, outer: Option<Dialect>) -> Result<Dialect, Diagnostic> {
    let Some(context) = node.member("@context") else {
        return outer.ok_or_else(|| {
            node.error(format!("missing member \"@context\": expected {CONTEXTS}"))
        });
    };
    let mut found = None;
    let mut foreign = false;
    for node in context.set() {
        let text = node
            .value
            .as_str()
            .ok_or_else(|| node.unexpected("a string"))?;
        if text.starts_with(DTDL_CONTEXT) {
            found = Some(of_language(&node, text, foreign)?);
        } else {
            check_extension(&node, text)?;
            foreign |= text != IOT_CENTRAL;
        }
    }
    match (found, outer) {
        (Some(inner), Some(outer)) if inner > outer => {
            Err(context
                .error("the DTDL version must not be newer than that of the enclosing element"))
        }
        _ => found.or(outer).ok_or_else(|| context.unexpected(CONTEXTS)),
    }
}

fn of_language(node: &Node<'_>, text: &str, foreign: bool) -> Result<Dialect, Diagnostic> {
    if foreign {
        return Err(node.error("the DTDL context must precede those of extensions"));
    }
    Dialect::of_context(text).ok_or_else(|| node.unexpected(CONTEXTS))
}

/// Checks that the context of an extension has an identifier with a version. Its content is not checked.
fn check_extension(node: &Node<'_>, text: &str) -> Result<(), Diagnostic> {
    let id = text.parse::<Dtmi>();
    match id.map_err(|error| node.error(error.to_string()))?.version() {
        Some(_) => Ok(()),
        None => Err(node.unexpected("a context with a version")),
    }
}
