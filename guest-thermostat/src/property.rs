//! Writable properties.

use serde_json::{Number, Value};

use crate::temperature::Temperature;

/// The accepted target temperatures, in degrees Celsius.
pub const TARGET_RANGE: std::ops::RangeInclusive<i16> = -50..=150;

/// Returns true if a target temperature is accepted.
pub(crate) fn is_acceptable(target: &Number) -> bool {
    let (low, high) = (
        f64::from(*TARGET_RANGE.start()),
        f64::from(*TARGET_RANGE.end()),
    );
    target
        .as_f64()
        .is_some_and(|degrees| (low..=high).contains(&degrees))
}

/// The acknowledgment of one desired property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgment {
    /// Name of the property.
    pub property: String,
    /// Value in use, as JSON text.
    pub value: String,
    /// 200 applied, 400 rejected, 403 read-only, 404 unknown.
    pub status: u32,
    /// Text for people.
    pub description: String,
}

/// Applies desired properties to `target`, and acknowledges each. `highest` is the value of `maxTempSinceLastReboot`.
///
/// # Errors
/// If `properties` is not a JSON object.
pub(crate) fn apply(
    component: Option<&str>,
    properties: &str,
    target: &mut Option<Number>,
    highest: Temperature,
) -> Result<Vec<Acknowledgment>, String> {
    let properties = match serde_json::from_str(properties) {
        Ok(Value::Object(properties)) => properties,
        Ok(_) => return Err("the desired properties are not a JSON object".to_owned()),
        Err(error) => return Err(format!("the desired properties are not JSON: {error}")),
    };
    let acknowledge = |(property, value)| match (component, property) {
        (Some(component), property) => {
            unknown(property, value, format!("unknown component {component:?}"))
        }
        (None, property) if property == "targetTemperature" => set_target(property, value, target),
        (None, property) if property == "maxTempSinceLastReboot" => read_only(property, highest),
        (None, property) => unknown(property, value, "unknown property".to_owned()),
    };
    Ok(properties.into_iter().map(acknowledge).collect())
}

fn unknown(property: String, value: Value, description: String) -> Acknowledgment {
    Acknowledgment {
        property,
        value: value.to_string(),
        status: 404,
        description,
    }
}

/// Acknowledges with the current value, because the acknowledgment replaces the reported property.
fn read_only(property: String, value: Temperature) -> Acknowledgment {
    Acknowledgment {
        property,
        value: value.to_string(),
        status: 403,
        description: "read-only property".to_owned(),
    }
}

/// Sets the target. A rejected value leaves it unchanged; the acknowledgment then has the target, or the rejected value if
/// there is none.
fn set_target(property: String, value: Value, target: &mut Option<Number>) -> Acknowledgment {
    match validated(&value) {
        Ok(accepted) => {
            *target = accepted;
            let description = "Successfully executed patch".to_owned();
            Acknowledgment {
                property,
                value: value.to_string(),
                status: 200,
                description,
            }
        }
        Err(description) => {
            let value = target.clone().map_or(value, Value::Number);
            Acknowledgment {
                property,
                value: value.to_string(),
                status: 400,
                description,
            }
        }
    }
}

/// Validates a target; `None` for `null`.
fn validated(value: &Value) -> Result<Option<Number>, String> {
    let (low, high) = (TARGET_RANGE.start(), TARGET_RANGE.end());
    match value {
        Value::Null => Ok(None),
        Value::Number(number) if is_acceptable(number) => Ok(Some(number.clone())),
        Value::Number(number) => Err(format!(
            "{number} is out of range: expected {low} to {high} degrees Celsius"
        )),
        _ => Err(format!(
            "not a number: expected {low} to {high} degrees Celsius"
        )),
    }
}
