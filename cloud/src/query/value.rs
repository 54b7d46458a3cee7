//! What operators do with values.

use std::cmp::Ordering;

use serde_json::Value;

/// Beyond this a floating-point number cannot tell a whole number from the next.
const WHOLE: f64 = (1_u64 << 53) as f64;

/// How two primitive values of one type stand to each other. Nothing, if they are not that.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// A number as JSON: whole if it is. Nothing, if there is no such number.
pub(super) fn number(number: f64) -> Option<Value> {
    if number.fract() == 0.0 && number.abs() < WHOLE {
        return Some((number as i64).into());
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// About how many bytes a value takes as JSON.
pub(super) fn bytes(value: &Value) -> usize {
    /// A number, or what stands around a text, a list or an object.
    const FEW: usize = 4;
    match value {
        Value::String(text) => FEW + text.len(),
        Value::Array(items) => FEW + items.iter().map(bytes).sum::<usize>(),
        Value::Object(members) => {
            let members = members.iter();
            FEW + members
                .map(|(name, value)| FEW + name.len() + bytes(value))
                .sum::<usize>()
        }
        _ => FEW,
    }
}

pub(super) fn is_primitive(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}
