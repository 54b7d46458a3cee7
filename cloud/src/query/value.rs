//! Comparison and arithmetic of values.

use std::cmp::Ordering;

use serde_json::Value;

/// The bound of integers that a floating-point number represents exactly.
const MAX_EXACT_INTEGER: f64 = (1_u64 << 53) as f64;

/// Compares two primitive values of one type; `None` for others.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// Converts a number to JSON, to an integer if it is one; `None` if it is not finite.
pub(super) fn number(number: f64) -> Option<Value> {
    if number.fract() == 0.0 && number.abs() < MAX_EXACT_INTEGER {
        return Some((number as i64).into());
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// Returns the approximate size of a value as JSON, in bytes.
pub(super) fn bytes(value: &Value) -> usize {
    /// A number, or the delimiters of a string, an array or an object.
    const OVERHEAD: usize = 4;
    match value {
        Value::String(text) => OVERHEAD + text.len(),
        Value::Array(items) => OVERHEAD + items.iter().map(bytes).sum::<usize>(),
        Value::Object(members) => {
            let members = members.iter();
            OVERHEAD
                + members
                    .map(|(name, value)| OVERHEAD + name.len() + bytes(value))
                    .sum::<usize>()
        }
        _ => OVERHEAD,
    }
}

pub(super) fn is_primitive(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}
