//! Desired properties as JSON documents, and flat.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::TwinError;

/// The size limit of all desired properties, in bytes of JSON. IoT Hub keeps 32 KB without punctuation and escapes; with them it may
/// be more, but changes that only ever add must come to an end.
pub(super) const MAX_DESIRED_SIZE: usize = 256 << 10;
/// The nesting limit of objects and arrays. IoT Hub takes 10. Values are kept and reported a few levels deeper, as JSON, of
/// which nothing deeper than 127 can be read back.
pub(super) const MAX_DEPTH: usize = 64;

/// Desired properties by component, `""` being the device itself, and by name. Holds no `null` and no empty component.
pub(super) type Flat = BTreeMap<String, BTreeMap<String, Value>>;

/// The parts of a whole twin.
pub(super) struct WholeTwin {
    pub(super) desired: Map<String, Value>,
    /// The version of the desired properties.
    pub(super) version: u64,
    /// As the hub holds them; empty if they are missing.
    pub(super) reported: Map<String, Value>,
}

/// Reads a whole twin.
pub(super) fn whole_twin(body: &[u8]) -> Result<WholeTwin, TwinError> {
    let mut twin = object(serde_json::from_slice(body)?, "the body")?;
    let desired = object(twin.remove("desired").unwrap_or_default(), "`desired`")?;
    let version = desired.get("$version").and_then(Value::as_u64);
    let version = version.ok_or(TwinError::NoVersion)?;
    let mut clean = Map::new();
    merge(&mut clean, &without_metadata(desired));
    let reported = match twin.remove("reported") {
        Some(Value::Object(reported)) => reported,
        _ => Map::new(),
    };
    Ok(WholeTwin {
        desired: clean,
        version,
        reported,
    })
}

/// The change a push carries; `null` removes.
pub(super) fn desired_of_patch(body: &[u8]) -> Result<Map<String, Value>, TwinError> {
    let patch = object(serde_json::from_slice(body)?, "the body")?;
    Ok(without_metadata(patch))
}

/// Refuses properties that could not be kept.
pub(super) fn check(desired: &Map<String, Value>) -> Result<(), TwinError> {
    if desired.values().any(|value| is_deeper(value, MAX_DEPTH)) {
        return Err(TwinError::TooDeep);
    }
    match serde_json::to_vec(desired)?.len() {
        size if size > MAX_DESIRED_SIZE => Err(TwinError::TooLarge(size)),
        _ => Ok(()),
    }
}

/// Returns whether a value has more levels of objects and arrays than this.
fn is_deeper(value: &Value, levels: usize) -> bool {
    let within = |value: &Value| is_deeper(value, levels.saturating_sub(1));
    match value {
        Value::Array(_) | Value::Object(_) if levels == 0 => true,
        Value::Array(items) => items.iter().any(within),
        Value::Object(members) => members.values().any(within),
        _ => false,
    }
}

fn object(value: Value, what: &'static str) -> Result<Map<String, Value>, TwinError> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err(TwinError::NotAnObject(what)),
    }
}

/// Drops `$version`, `$metadata` and all other names that start with `$`, at every depth.
fn without_metadata(object: Map<String, Value>) -> Map<String, Value> {
    object
        .into_iter()
        .filter(|(name, _)| !name.starts_with('$'))
        .map(|(name, value)| (name, clean(value)))
        .collect()
}

fn clean(value: Value) -> Value {
    match value {
        Value::Object(object) => without_metadata(object).into(),
        Value::Array(items) => items.into_iter().map(clean).collect(),
        other => other,
    }
}

/// Applies a patch as the hub does: objects are merged, `null` removes, anything else replaces (RFC 7396).
pub(super) fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.remove(name);
            }
            Value::Object(patch) => {
                let mut merged = match target.remove(name) {
                    Some(Value::Object(object)) => object,
                    _ => Map::new(),
                };
                merge(&mut merged, patch);
                target.insert(name.clone(), Value::Object(merged));
            }
            value => {
                target.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Returns whether a member marks an object as a Plug and Play component: `"__t": "c"`.
pub(super) fn is_marker((name, value): (&String, &Value)) -> bool {
    name == "__t" && value == "c"
}

/// Returns whether an object is a Plug and Play component.
pub(super) fn is_component(object: &Map<String, Value>) -> bool {
    object.iter().any(is_marker)
}

/// Takes a document without `null` apart.
pub(super) fn flatten(document: Map<String, Value>) -> Flat {
    let mut flat = Flat::new();
    for (name, value) in document {
        match value {
            Value::Object(members) if !name.is_empty() && is_component(&members) => {
                let properties: BTreeMap<_, _> = members
                    .into_iter()
                    .filter(|(name, value)| !is_marker((name, value)))
                    .collect();
                if !properties.is_empty() {
                    flat.insert(name, properties);
                }
            }
            value => {
                flat.entry(String::new()).or_default().insert(name, value);
            }
        }
    }
    flat
}

/// Puts a document together again.
pub(super) fn nest(flat: &Flat) -> Map<String, Value> {
    let mut document = Map::new();
    for (component, properties) in flat {
        let properties = properties
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()));
        if component.is_empty() {
            document.extend(properties);
        } else {
            let mut members: Map<_, _> = properties.collect();
            members.insert("__t".to_owned(), "c".into());
            document.insert(component.clone(), members.into());
        }
    }
    document
}
