//! Limits of twins (devguide-device-twins).

use crate::{
    hub::Error,
    json::{JsonNumber, JsonObject, JsonValue},
};

/// The largest tags together, in bytes.
const MAX_TAGS: usize = 8 * 1024;
/// The largest desired, or reported, properties together, in bytes.
const MAX_SECTION: usize = 32 * 1024;
/// The longest string, in bytes.
const MAX_STRING: usize = 4 * 1024;
/// The longest key, in bytes.
const MAX_KEY: usize = 1024;
/// The deepest nesting of objects.
const MAX_DEPTH: usize = 10;
/// The most digits of a number that counts as a double.
const MAX_DIGITS: usize = 32;
/// Integers range from the negative of this to one less.
const INTEGER_BOUND: i64 = 1 << 52;

/// Checks a patch property by property.
pub(super) fn check_properties(patch: &JsonObject) -> Result<(), Error> {
    check_object(patch, 1)
}

pub(super) fn check_tags(tags: &JsonObject) -> Result<(), Error> {
    check_total("tags", tags, MAX_TAGS)
}

/// Checks the whole of a section after a change.
pub(super) fn check_size(name: &str, values: &JsonObject) -> Result<(), Error> {
    check_total(name, values, MAX_SECTION)
}

fn check_total(name: &str, values: &JsonObject, limit: usize) -> Result<(), Error> {
    match size_of(values) {
        size if size > limit => invalid(format!(
            "{name} too large: {size} bytes, the limit is {limit}"
        )),
        _ => Ok(()),
    }
}

/// Returns the size of a value in Azure's count: the length of keys and strings, 8 for a number, 4 for a boolean. So that no
/// twin outgrows the memory, each array element has at least 1, and a number with very many digits has their length.
fn size(value: &JsonValue) -> usize {
    match value {
        JsonValue::Null => 0,
        JsonValue::Bool(_) => 4,
        JsonValue::Number(number) => match number.as_str().len() {
            ..=MAX_DIGITS => 8,
            digits => digits,
        },
        JsonValue::String(text) => text.len(),
        JsonValue::Array(items) => items.iter().map(|item| size(item).max(1)).sum(),
        JsonValue::Object(object) => size_of(object),
    }
}

fn size_of(object: &JsonObject) -> usize {
    object
        .iter()
        .map(|(key, value)| key.len() + size(value))
        .sum()
}

fn check_object(object: &JsonObject, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return invalid(format!("properties must not nest deeper than {MAX_DEPTH}"));
    }
    for (key, value) in object {
        check_key(key)?;
        check_value(key, value, depth)?;
    }
    Ok(())
}

fn check_key(key: &str) -> Result<(), Error> {
    let forbidden = |c: char| c.is_control() || matches!(c, '.' | '$' | ' ');
    if key.is_empty() || key.len() > MAX_KEY || key.contains(forbidden) {
        let shown: String = key.chars().take(64).collect();
        return invalid(format!(
            "invalid key {shown:?}: expected 1 to {MAX_KEY} bytes without '.', '$', spaces and control characters"
        ));
    }
    Ok(())
}

fn check_value(key: &str, value: &JsonValue, depth: usize) -> Result<(), Error> {
    match value {
        JsonValue::Object(object) => check_object(object, depth + 1),
        JsonValue::Array(items) if depth < MAX_DEPTH => items.iter().try_for_each(|item| {
            check_not_null(key, item)?;
            check_value(key, item, depth + 1)
        }),
        JsonValue::Array(_) => invalid(format!("properties must not nest deeper than {MAX_DEPTH}")),
        JsonValue::String(text) if text.len() > MAX_STRING => invalid(format!(
            "the string {key:?} has {} bytes, the limit is {MAX_STRING}",
            text.len()
        )),
        JsonValue::Number(number) if !is_in_range(number) => invalid(format!(
            "the integer {key:?} is not between -2^52 and 2^52 - 1"
        )),
        _ => Ok(()),
    }
}

/// Checks that no property is `null`, as in a section that replaces another.
pub(super) fn check_no_null(section: &JsonObject) -> Result<(), Error> {
    let mut members = section.iter();
    members.try_for_each(|(key, value)| check_not_null(key, value))
}

fn check_not_null(key: &str, value: &JsonValue) -> Result<(), Error> {
    match value {
        // Azure's own words.
        JsonValue::Null => invalid(format!(
            "Value of Property or Tag cannot be null. Error in Property/Tag {key}"
        )),
        JsonValue::Object(members) => check_no_null(members),
        _ => Ok(()),
    }
}

fn is_in_range(number: &JsonNumber) -> bool {
    let range = -INTEGER_BOUND..INTEGER_BOUND;
    !number.is_integer() || number.as_i64().is_some_and(|n| range.contains(&n))
}

fn invalid(message: String) -> Result<(), Error> {
    Err(Error::ArgumentInvalid(message))
}
