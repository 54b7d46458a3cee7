//! What IoT Central adds: device templates, and members of values.

use std::{slice, sync::LazyLock};

use serde_json::{Value, json};

use super::{
    context::IOT_CENTRAL,
    diagnostic::Diagnostic,
    element::{self, Element},
    node::Node,
    text,
};
use crate::schema::Schema;

/// The member of a device template that has the model.
const MODEL: &str = "capabilityModel";
/// The context of templates that have none.
pub(super) static CONTEXT: LazyLock<Value> =
    LazyLock::new(|| json!([IOT_CENTRAL[0], "dtmi:dtdl:context;2"]));
/// The contexts and identifiers of the format before DTDL 2.
const PREVIEW_CONTEXT: &str = "http://azureiot.com/";
pub(super) const PREVIEW_ID: &str = "urn:";
/// The longest unit, or name of a boolean, in characters.
const MAX_TEXT: usize = 512;

/// Returns the model in a device template; `None` if the document is no template.
///
/// # Errors
/// The document has the format before DTDL 2.
pub(super) fn model_of<'d>(document: &Node<'d>) -> Result<Option<Node<'d>>, Diagnostic> {
    let model = document.member(MODEL);
    for node in [Some(document), model.as_ref()].into_iter().flatten() {
        if is_preview(node) {
            return Err(node.error(
                "a model in the format of the IoT Central preview, which DTDL 2 has replaced: export the device template \
                 from IoT Central again, or write it in DTDL 2 with identifiers that begin with dtmi",
            ));
        }
    }
    Ok(model)
}

/// Returns true for a model in the format before DTDL 2.
fn is_preview(node: &Node<'_>) -> bool {
    let begins = |name: &str, prefix: &str| {
        let nodes = node.member(name).map(|node| node.set()).unwrap_or_default();
        let mut texts = nodes.iter().filter_map(|node| node.value.as_str());
        texts.any(|text| text.starts_with(prefix))
    };
    let types = element::types(node).unwrap_or_default();
    begins("@context", PREVIEW_CONTEXT)
        || begins("@id", PREVIEW_ID)
        || types.contains(&"CapabilityModel")
}

/// Returns a context with that of IoT Central, which is added if it is missing.
pub(super) fn with_context(context: &Value) -> Value {
    let contexts = context
        .as_array()
        .map_or(slice::from_ref(context), Vec::as_slice);
    let is_central = |context: &Value| {
        context
            .as_str()
            .is_some_and(|text| IOT_CENTRAL.contains(&text))
    };
    if contexts.iter().any(is_central) {
        return context.clone();
    }
    let central = Value::from(IOT_CENTRAL[0]);
    [central]
        .into_iter()
        .chain(contexts.iter().cloned())
        .collect()
}

/// Returns a member that IoT Central adds; `None` for null too.
fn given<'d>(element: &Element<'d>, name: &str) -> Option<Node<'d>> {
    element.get(name).filter(|node| !node.value.is_null())
}

/// Checks the members that IoT Central adds to a value of this schema.
pub(super) fn check_value(element: &Element<'_>, schema: &Schema) -> Result<(), Diagnostic> {
    for name in ["displayUnit", "trueName", "falseName"] {
        let text = given(element, name);
        text.map(|node| text::localized(&node, MAX_TEXT))
            .transpose()?;
    }
    for name in ["decimalPlaces", "minLength", "maxLength"] {
        if let Some(node) = given(element, name)
            && node.integer()? < 0
        {
            return Err(node.unexpected("a number that is not negative"));
        }
    }
    check_bounds(element)?;
    let Some(node) = given(element, "initialValue") else {
        return Ok(());
    };
    match schema.validate(node.value).first() {
        None => Ok(()),
        Some(violation) => Err(node.error(violation.to_string())),
    }
}

fn check_bounds(element: &Element<'_>) -> Result<(), Diagnostic> {
    let bound = |name| {
        let node = given(element, name);
        let number = node.map(|node| {
            let number = node.value.as_f64();
            number.ok_or_else(|| node.unexpected("a number"))
        });
        number.transpose()
    };
    match (bound("minValue")?, bound("maxValue")?) {
        (Some(min), Some(max)) if min > max => Err(element
            .node
            .error(format!("minValue {min} is above maxValue {max}"))),
        _ => Ok(()),
    }
}
