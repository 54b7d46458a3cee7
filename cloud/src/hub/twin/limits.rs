//! What fits into a twin (devguide-device-twins).

use serde_json::{Map, Value};

use crate::hub::Error;

/// Tags together, in bytes.
const TAGS: usize = 8 * 1024;
/// Desired, or reported, properties together, in bytes.
const SECTION: usize = 32 * 1024;
/// One text, in bytes.
const TEXT: usize = 4 * 1024;
/// One key, in bytes.
const KEY: usize = 1024;
/// Objects within objects.
const DEPTH: usize = 10;
/// Whole numbers lie between minus this and this less one.
const INTEGER: i64 = 1 << 52;

/// Checks a patch property by property.
pub(super) fn check_properties(patch: &Map<String, Value>) -> Result<(), Error> {
    check_object(patch, 1)
}

pub(super) fn check_tags(tags: &Map<String, Value>) -> Result<(), Error> {
    check_total("tags", tags, TAGS)
}

/// Checks the whole of a section after a change.
pub(super) fn check_size(what: &str, values: &Map<String, Value>) -> Result<(), Error> {
    check_total(what, values, SECTION)
}

fn check_total(what: &str, values: &Map<String, Value>, limit: usize) -> Result<(), Error> {
    match size_of(values) {
        size if size > limit => refuse(format!("{what} would take {size} bytes of {limit}")),
        _ => Ok(()),
    }
}

/// The bytes a value counts for: keys and texts by their length, a number 8, a boolean 4, and whatever stands in an array
/// at least 1, so that no array of nothing outgrows the memory.
fn size(value: &Value) -> usize {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 4,
        Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(|item| size(item).max(1)).sum(),
        Value::Object(object) => size_of(object),
    }
}

fn size_of(object: &Map<String, Value>) -> usize {
    object
        .iter()
        .map(|(key, value)| key.len() + size(value))
        .sum()
}

fn check_object(object: &Map<String, Value>, depth: usize) -> Result<(), Error> {
    if depth > DEPTH {
        return refuse(format!("properties may not nest deeper than {DEPTH}"));
    }
    for (key, value) in object {
        check_key(key)?;
        check_value(key, value, depth)?;
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), Error> {
    let forbidden = |c: char| c.is_control() || matches!(c, '.' | '$' | ' ');
    if key.is_empty() || key.len() > KEY || key.contains(forbidden) {
        let shown: String = key.chars().take(64).collect();
        return refuse(format!(
            "{shown:?} cannot be a key: up to {KEY} bytes, no '.', '$', space or control character"
        ));
    }
    Ok(())
}

fn check_value(key: &str, value: &Value, depth: usize) -> Result<(), Error> {
    match value {
        Value::Object(object) => check_object(object, depth + 1),
        Value::Array(items) if depth < DEPTH => items
            .iter()
            .try_for_each(|item| check_value(key, item, depth + 1)),
        Value::Array(_) => refuse(format!("properties may not nest deeper than {DEPTH}")),
        Value::String(text) if text.len() > TEXT => refuse(format!(
            "the text of {key:?} has {} bytes of {TEXT}",
            text.len()
        )),
        Value::Number(number) if !fits(number) => {
            refuse(format!("{key:?} is not between -2^52 and 2^52 - 1"))
        }
        _ => Ok(()),
    }
}

fn fits(number: &serde_json::Number) -> bool {
    number.is_f64()
        || number
            .as_i64()
            .is_some_and(|n| (-INTEGER..INTEGER).contains(&n))
}

fn refuse(why: String) -> Result<(), Error> {
    Err(Error::ArgumentInvalid(why))
}
