//! Contexts: the version of the language, and extensions.

use super::fault::Fault;
use super::node::Node;
use crate::dialect::{CONTEXTS, Dialect};
use crate::dtmi::Dtmi;

/// What the contexts of the language begin with.
const LANGUAGE: &str = "dtmi:dtdl:context;";
/// The one context that may stand before that of the language.
const CENTRAL: &str = "dtmi:iotcentral:context;2";

/// The dialect of an element: what its context names, which is no newer than what is around it, or that.
pub(super) fn dialect(node: &Node<'_>, outer: Option<Dialect>) -> Result<Dialect, Fault> {
    let Some(context) = node.member("@context") else {
        return outer
            .ok_or_else(|| node.fault(format!("the member \"@context\" is missing: {CONTEXTS}")));
    };
    let mut found = None;
    let mut foreign = false;
    for node in context.set() {
        let text = node
            .value
            .as_str()
            .ok_or_else(|| node.unexpected("a text"))?;
        if text.starts_with(LANGUAGE) {
            found = Some(of_language(&node, text, foreign)?);
        } else {
            check_extension(&node, text)?;
            foreign |= text != CENTRAL;
        }
    }
    match (found, outer) {
        (Some(inner), Some(outer)) if inner > outer => {
            Err(context.fault("an element may not be of a newer version than what is around it"))
        }
        _ => found.or(outer).ok_or_else(|| context.unexpected(CONTEXTS)),
    }
}

fn of_language(node: &Node<'_>, text: &str, foreign: bool) -> Result<Dialect, Fault> {
    if foreign {
        return Err(node.fault("the context of DTDL comes before those of extensions"));
    }
    Dialect::of_context(text).ok_or_else(|| node.unexpected(CONTEXTS))
}

/// Whatever an extension brings is allowed, but it has a name.
fn check_extension(node: &Node<'_>, text: &str) -> Result<(), Fault> {
    let id = text.parse::<Dtmi>();
    match id.map_err(|error| node.fault(error.to_string()))?.version() {
        Some(_) => Ok(()),
        None => Err(node.unexpected("a context with a version")),
    }
}
