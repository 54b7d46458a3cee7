//! JSON Patch (RFC 6902) for digital twins: `add`, `replace` and `remove` of `/property`, `/component` and
//! `/component/property` (howto-manage-digital-twin).

use super::METADATA;
use crate::{
    hub::Error,
    json::{JsonObject, JsonValue},
};

/// The longest name of a component, a property or a field, in characters (DTDL v2).
const MAX_NAME: usize = 64;
/// The deepest nesting of objects in a property's value.
const MAX_DEPTH: usize = 5;

/// A well-formed change of a digital twin, not yet checked against a twin or a model.
#[derive(Clone, Debug, PartialEq)]
pub struct DigitalTwinPatch {
    pub(super) operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    /// Label for error messages: `operation 1 (add /targetTemperature)`.
    label: String,
    pub(super) component: Option<String>,
    /// Name of the property, or of the component.
    pub(super) name: String,
    pub(super) change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Set the desired value; `add` and `replace` are the same.
    Property(JsonValue),
    /// Replace the desired values of a component.
    Component(JsonObject),
    /// Remove a property or a component.
    Remove,
}

impl DigitalTwinPatch {
    /// Parses a JSON Patch.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the operation that is not well formed.
    pub fn from_json(body: &JsonValue) -> Result<Self, Error> {
        let operations = body.as_array().filter(|operations| !operations.is_empty());
        let operations = operations.ok_or_else(|| {
            Error::ArgumentInvalid(
                "the patch of a digital twin must be a JSON Patch: an array of one or more operations"
                    .into(),
            )
        })?;
        let operations = operations.iter().zip(1..);
        let operations =
            operations.map(|(operation, number)| Operation::from_json(operation, number));
        Ok(Self {
            operations: operations.collect::<Result<_, _>>()?,
        })
    }
}

impl Operation {
    fn from_json(operation: &JsonValue, number: usize) -> Result<Self, Error> {
        let text = |key| operation.get(key).and_then(JsonValue::as_str);
        let (op, path) = (text("op").unwrap_or("?"), text("path").unwrap_or("?"));
        let label = format!("operation {number} ({} {})", truncated(op), truncated(path));
        let invalid = |message: String| invalid(&label, &message);
        let (component, name) = target(path).map_err(invalid)?;
        let change = match (op, operation.get("value")) {
            ("add" | "replace", Some(value)) => Change::set(component.is_some(), value),
            ("add" | "replace", None) => Err("value is missing".into()),
            ("remove", _) => Ok(Change::Remove),
            _ => Err("op must be add, replace or remove".into()),
        };
        Ok(Self {
            change: change.map_err(invalid)?,
            component,
            name,
            label,
        })
    }

    /// Makes an error for this operation.
    pub(super) fn error(&self, message: &str) -> Error {
        invalid(&self.label, message)
    }
}

impl Change {
    fn set(in_component: bool, value: &JsonValue) -> Result<Self, String> {
        match value.as_object() {
            Some(object) if !in_component && object.contains_key(METADATA) => {
                Self::component(object)
            }
            _ => {
                check_value(value, 0)?;
                Ok(Self::Property(value.clone()))
            }
        }
    }

    fn component(object: &JsonObject) -> Result<Self, String> {
        let mut values = object.clone();
        let marker = values.shift_remove(METADATA);
        if marker != Some(JsonValue::Object(JsonObject::new())) {
            return Err("a component's \"$metadata\" must be {}".into());
        }
        for (name, value) in &values {
            check_name(name)?;
            check_value(value, 0)?;
        }
        Ok(Self::Component(values))
    }
}

fn invalid(label: &str, message: &str) -> Error {
    Error::ArgumentInvalid(format!("{label}: {message}"))
}

/// Shortens a text for an error message.
fn truncated(text: &str) -> String {
    text.chars().take(MAX_NAME * 2).collect()
}

/// Parses a path into component, if any, and name.
fn target(path: &str) -> Result<(Option<String>, String), String> {
    let parts: Option<Vec<_>> = path.strip_prefix('/').map(|path| path.split('/').collect());
    let (component, name) = match parts.as_deref() {
        Some([name]) => (None, *name),
        Some([component, name]) => (Some(*component), *name),
        _ => return Err("path must be /property, /component or /component/property".into()),
    };
    component.map_or(Ok(()), check_name)?;
    check_name(name)?;
    Ok((component.map(str::to_owned), name.to_owned()))
}

fn check_name(name: &str) -> Result<(), String> {
    let first = |c: char| c.is_ascii_alphabetic();
    let other = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let well_formed = name.starts_with(first)
        && name.chars().all(other)
        && !name.ends_with('_')
        && name.len() <= MAX_NAME;
    match well_formed {
        true => Ok(()),
        false => Err(format!(
            "invalid name {:?}: expected 1 to {MAX_NAME} letters, digits and '_', starting with a letter and not ending with '_'",
            truncated(name)
        )),
    }
}

/// Validates a value by the rules of DTDL v2 properties: no array, no null, no deep object.
fn check_value(value: &JsonValue, depth: usize) -> Result<(), String> {
    match value {
        JsonValue::Null => Err("null is not a value: clear a property with op remove".into()),
        JsonValue::Array(_) => Err("arrays are not allowed in a digital twin".into()),
        JsonValue::Object(_) if depth == MAX_DEPTH => {
            Err(format!("a value must not nest deeper than {MAX_DEPTH}"))
        }
        JsonValue::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            check_name(name)?;
            check_value(value, depth + 1)
        }),
        _ => Ok(()),
    }
}
