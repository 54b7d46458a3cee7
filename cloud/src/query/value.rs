//! Comparison and arithmetic of values.

use std::cmp::Ordering;

use crate::json::JsonValue;

/// The bound of integers that a floating-point number represents exactly.
const MAX_EXACT_INTEGER: f64 = (1_u64 << 53) as f64;

/// Compares two primitive values of one type; `None` for others.
pub(super) fn compare(left: &JsonValue, right: &JsonValue) -> Option<Ordering> {
    match (left, right) {
        (JsonValue::Null, JsonValue::Null) => Some(Ordering::Equal),
        (JsonValue::Bool(left), JsonValue::Bool(right)) => Some(left.cmp(right)),
        (JsonValue::Number(left), JsonValue::Number(right)) => {
            left.as_f64().partial_cmp(&right.as_f64())
        }
        (JsonValue::String(left), JsonValue::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Converts a number to JSON, to an integer if it is one; `None` if it is not finite.
pub(super) fn number(number: f64) -> Option<JsonValue> {
    if number.fract() == 0.0 && number.abs() < MAX_EXACT_INTEGER {
        return Some((number as i64).into());
    }
    serde_json::Number::from_f64(number).map(JsonValue::from)
}

/// Returns the approximate size of a value as JSON, in bytes.
pub(super) fn bytes(value: &JsonValue) -> usize {
    /// A number, or the delimiters of a string, an array or an object.
    const OVERHEAD: usize = 4;
    match value {
        JsonValue::String(text) => OVERHEAD + text.len(),
        JsonValue::Array(items) => OVERHEAD + items.iter().map(bytes).sum::<usize>(),
        JsonValue::Object(members) => {
            let members = members.iter();
            OVERHEAD
                + members
                    .map(|(name, value)| OVERHEAD + name.len() + bytes(value))
                    .sum::<usize>()
        }
        _ => OVERHEAD,
    }
}

pub(super) fn is_primitive(value: &JsonValue) -> bool {
    !matches!(value, JsonValue::Object(_) | JsonValue::Array(_))
}
