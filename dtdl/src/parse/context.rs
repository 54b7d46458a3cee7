//! Contexts: the DTDL version and extensions.

use super::{diagnostic::Diagnostic, node::Node};
use crate::{
    dialect::{CONTEXTS, Dialect, Language},
    dtmi::Dtmi,
};

/// The prefix of the DTDL contexts.
const DTDL_CONTEXT: &str = "dtmi:dtdl:context;";
/// The contexts of IoT Central, the only ones that may precede that of DTDL.
pub(super) const IOT_CENTRAL: [&str; 2] =
    ["dtmi:iotcentral:context;2", "dtmi:iotcentral:context;3"];

/// Returns the language of an element: that of its context, else that of the enclosing element.
pub(super) fn language(node: &Node<'_>, outer: Option<Language>) -> Result<Language, Diagnostic> {
    let Some(context) = node.member("@context") else {
        return outer.ok_or_else(|| {
            node.error(format!("missing member \"@context\": expected {CONTEXTS}"))
        });
    };
    let mut found = None;
    let (mut foreign, mut central) = (false, outer.is_some_and(|outer| outer.central));
    for node in context.set() {
        let text = node
            .value
            .as_str()
            .ok_or_else(|| node.unexpected("a string"))?;
        if text.starts_with(DTDL_CONTEXT) {
            found = Some(of_language(&node, text, foreign)?);
        } else {
            check_extension(&node, text)?;
            match IOT_CENTRAL.contains(&text) {
                true => central = true,
                false => foreign = true,
            }
        }
    }
    let outer = outer.map(|outer| outer.dialect);
    let dialect = match (found, outer) {
        (Some(inner), Some(outer)) if inner > outer => {
            return Err(context
                .error("the DTDL version must not be newer than that of the enclosing element"));
        }
        _ => found
            .or(outer)
            .ok_or_else(|| context.unexpected(CONTEXTS))?,
    };
    Ok(Language { dialect, central })
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
