//! JSON Patch (RFC 6902) as digital twins take it: `add`, `replace` and `remove` of `/property`, `/component` and
//! `/component/property` (howto-manage-digital-twin).

use serde_json::{Map, Value};

use super::METADATA;
use crate::hub::Error;

/// The name of a component, a property or a field, in characters (DTDL v2).
const NAME_LIMIT: usize = 64;
/// Objects within objects in a property's value.
const DEPTH: usize = 5;

/// A change of a digital twin. Every operation is well formed; whether it suits a twin, or a model, shows there.
#[derive(Clone, Debug, PartialEq)]
pub struct DigitalTwinPatch {
    pub(super) operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    /// Which one it is, for a message: `operation 1 (add /targetTemperature)`.
    label: String,
    pub(super) component: Option<String>,
    /// A property's, or a component's.
    pub(super) name: String,
    pub(super) change: Change,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// `add` and `replace` are the same: the desired value is this one.
    Property(Value),
    /// These are the desired values, and there are no others.
    Component(Map<String, Value>),
    /// Of whatever is there.
    Remove,
}

impl DigitalTwinPatch {
    /// Reads a JSON Patch.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the operation that is not well formed.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let operations = body.as_array().filter(|operations| !operations.is_empty());
        let operations = operations.ok_or_else(|| {
            Error::ArgumentInvalid(
                "a digital twin is changed by a JSON Patch: a list of one or more operations"
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
    fn from_json(operation: &Value, number: usize) -> Result<Self, Error> {
        let text = |key| operation.get(key).and_then(Value::as_str);
        let (op, path) = (text("op").unwrap_or("?"), text("path").unwrap_or("?"));
        let label = format!("operation {number} ({} {})", shown(op), shown(path));
        let refused = |why: String| refused(&label, &why);
        let (component, name) = target(path).map_err(refused)?;
        let change = match (op, operation.get("value")) {
            ("add" | "replace", Some(value)) => Change::set(component.is_some(), value),
            ("add" | "replace", None) => Err("it has no value".into()),
            ("remove", _) => Ok(Change::Remove),
            _ => Err("op must be add, replace or remove".into()),
        };
        Ok(Self {
            change: change.map_err(refused)?,
            component,
            name,
            label,
        })
    }

    /// This operation cannot be done.
    pub(super) fn refused(&self, why: &str) -> Error {
        refused(&self.label, why)
    }
}

impl Change {
    fn set(in_component: bool, value: &Value) -> Result<Self, String> {
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

    fn component(object: &Map<String, Value>) -> Result<Self, String> {
        let mut values = object.clone();
        let marker = values.remove(METADATA);
        if marker != Some(Value::Object(Map::new())) {
            return Err("a component's \"$metadata\" must be {}".into());
        }
        for (name, value) in &values {
            check_name(name)?;
            check_value(value, 0)?;
        }
        Ok(Self::Component(values))
    }
}

fn refused(label: &str, why: &str) -> Error {
    Error::ArgumentInvalid(format!("{label}: {why}"))
}

/// So much of a text as a message can bear.
fn shown(text: &str) -> String {
    text.chars().take(NAME_LIMIT * 2).collect()
}

/// Component, if any, and name.
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
        && name.len() <= NAME_LIMIT;
    match well_formed {
        true => Ok(()),
        false => Err(format!(
            "{:?} cannot be a name: 1 to {NAME_LIMIT} letters, digits and '_', a letter first and no '_' last",
            shown(name)
        )),
    }
}

/// Whatever a property of DTDL v2 can hold: no array, no null, no deep object.
fn check_value(value: &Value, depth: usize) -> Result<(), String> {
    match value {
        Value::Null => Err("null is no value; op remove clears a property".into()),
        Value::Array(_) => Err("a property of a digital twin holds no array".into()),
        Value::Object(_) if depth == DEPTH => {
            Err(format!("a value may not nest deeper than {DEPTH}"))
        }
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            check_name(name)?;
            check_value(value, depth + 1)
        }),
        _ => Ok(()),
    }
}
