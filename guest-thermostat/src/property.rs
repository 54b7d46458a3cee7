//! Writable properties.

use serde_json::{Number, Value};

use crate::temperature::Temperature;

/// The target temperatures that are accepted, in degrees Celsius: what a thermostat for rooms and ovens can be asked for.
pub const TARGET_RANGE: std::ops::RangeInclusive<i16> = -50..=150;

/// Whether a target temperature is accepted.
pub(crate) fn is_acceptable(target: &Number) -> bool {
    let (low, high) = (
        f64::from(*TARGET_RANGE.start()),
        f64::from(*TARGET_RANGE.end()),
    );
    target
        .as_f64()
        .is_some_and(|degrees| (low..=high).contains(&degrees))
}

/// The answer to one desired property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgment {
    /// Name of the property.
    pub property: String,
    /// The value in use, as JSON text.
    pub value: String,
    /// 200 applied, 400 refused, 403 not to be set, 404 unknown.
    pub status: u32,
    /// For people.
    pub description: String,
}

/// Applies desired properties to `target` and answers each. `highest` is what `maxTempSinceLastReboot` is.
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
    let answer = |(property, value)| match (component, property) {
        (Some(component), property) => {
            unknown(property, value, &format!("no component {component:?}"))
        }
        (None, property) if property == "targetTemperature" => set_target(property, value, target),
        (None, property) if property == "maxTempSinceLastReboot" => read_only(property, highest),
        (None, property) => unknown(property, value, "no such property"),
    };
    Ok(properties.into_iter().map(answer).collect())
}

fn unknown(property: String, value: Value, why: &str) -> Acknowledgment {
    Acknowledgment {
        property,
        value: value.to_string(),
        status: 404,
        description: format!("the thermostat has {why}"),
    }
}

/// The answer stands where the property was reported, so it carries what the property is.
fn read_only(property: String, value: Temperature) -> Acknowledgment {
    Acknowledgment {
        property,
        value: value.to_string(),
        status: 403,
        description: "read-only: the thermostat reports it".to_owned(),
    }
}

/// A refused value leaves the target as it is. The answer then carries the target, or the refused value if there is none.
fn set_target(property: String, value: Value, target: &mut Option<Number>) -> Acknowledgment {
    match checked(&value) {
        Ok(wanted) => {
            *target = wanted;
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

/// The target a value stands for; none for `null`.
fn checked(value: &Value) -> Result<Option<Number>, String> {
    let (low, high) = (TARGET_RANGE.start(), TARGET_RANGE.end());
    match value {
        Value::Null => Ok(None),
        Value::Number(number) if is_acceptable(number) => Ok(Some(number.clone())),
        Value::Number(number) => Err(format!(
            "{number} is out of range: give {low} to {high} degrees Celsius"
        )),
        _ => Err(format!(
            "not a number: give {low} to {high} degrees Celsius"
        )),
    }
}
