//! Limits of IoT Hub on names and values in a twin (devguide-device-twins). The hub rejects a whole patch for one of
//! them, so patches are checked before they are stored.

use serde_json::{Map, Number, Value};

use super::Acknowledgment;

/// The host's own Plug and Play component on the twin. No other component reports under this name.
pub const HOST_COMPONENT: &str = "host";

/// The longest name, in bytes.
const MAX_NAME: usize = 1024;
/// The longest string, in bytes.
const MAX_STRING: usize = 4096;
/// The deepest nesting of objects and arrays, the properties themselves included.
const MAX_REPORTED_DEPTH: usize = 10;
/// Integers range from the negative of this to one less.
const INTEGER_BOUND: i64 = 1 << 52;

/// The error of a name that IoT Hub rejects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid name {0:?}: expected 1 to {MAX_NAME} bytes without `.`, `$`, spaces and control characters"
)]
pub struct NameError(String);

/// The error of properties that IoT Hub rejects, or that are reserved for the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// A name is malformed.
    #[error(transparent)]
    Name(#[from] NameError),
    /// A name is that of the host's own component.
    #[error("the name {HOST_COMPONENT:?} is reserved for the host; choose another one")]
    Reserved,
    /// A string is too long.
    #[error("a string in {name:?} is {size} bytes, the limit is {MAX_STRING}")]
    StringTooLong {
        /// The property that contains it.
        name: String,
        /// Its size in bytes.
        size: usize,
    },
    /// An integer is out of range.
    #[error("an integer in {name:?} is {number}, not from -2^52 to 2^52 - 1")]
    Integer {
        /// The property that contains it.
        name: String,
        /// The integer.
        number: String,
    },
    /// Objects and arrays nest too deeply.
    #[error("the properties nest deeper than {MAX_REPORTED_DEPTH} levels")]
    TooDeep,
}

/// Checks the name of a property or of a Plug and Play component.
///
/// # Errors
/// IoT Hub rejects the name.
pub fn check_name(name: &str) -> Result<(), NameError> {
    let forbidden = |c: char| c.is_control() || matches!(c, '.' | '$' | ' ');
    if name.is_empty() || name.len() > MAX_NAME || name.contains(forbidden) {
        return Err(NameError(name.chars().take(64).collect()));
    }
    Ok(())
}

/// Checks reported properties of a Plug and Play component, or of the device itself.
///
/// # Errors
/// IoT Hub rejects them, or a name is reserved.
pub fn check_report(
    component: Option<&str>,
    properties: &Map<String, Value>,
) -> Result<(), PropertyError> {
    check_owner(component, properties.keys())?;
    let depth = if component.is_some() { 2 } else { 1 };
    check_object(properties, depth)
}

/// Checks the acknowledgment of a desired property. Its value may nest as deeply as a desired property does.
///
/// # Errors
/// IoT Hub rejects it, or a name is reserved.
pub fn check_acknowledgment(
    component: Option<&str>,
    acknowledgment: &Acknowledgment,
) -> Result<(), PropertyError> {
    let Acknowledgment {
        property, value, ..
    } = acknowledgment;
    check_owner(component, [property])?;
    check_name(property)?;
    let depth = if component.is_some() { 2 } else { 1 };
    check_value(property, value, depth)
}

/// Returns true if IoT Hub accepts the value of an acknowledgment as it is reported, a level deeper than the desired one.
pub(super) fn is_reportable(component: Option<&str>, property: &str, value: &Value) -> bool {
    let depth = if component.is_some() { 3 } else { 2 };
    check_value(property, value, depth).is_ok()
}

fn check_owner<'a>(
    component: Option<&str>,
    properties: impl IntoIterator<Item = &'a String>,
) -> Result<(), PropertyError> {
    let reserved = match component {
        Some(component) => {
            check_name(component)?;
            component == HOST_COMPONENT
        }
        None => properties.into_iter().any(|name| name == HOST_COMPONENT),
    };
    match reserved {
        true => Err(PropertyError::Reserved),
        false => Ok(()),
    }
}

fn check_object(object: &Map<String, Value>, depth: usize) -> Result<(), PropertyError> {
    if depth > MAX_REPORTED_DEPTH {
        return Err(PropertyError::TooDeep);
    }
    object.iter().try_for_each(|(name, value)| {
        check_name(name)?;
        check_value(name, value, depth)
    })
}

/// Checks the value of a property, or of a member of an array, in an object at this depth.
fn check_value(name: &str, value: &Value, depth: usize) -> Result<(), PropertyError> {
    match value {
        Value::Object(object) => check_object(object, depth + 1),
        Value::Array(_) if depth >= MAX_REPORTED_DEPTH => Err(PropertyError::TooDeep),
        Value::Array(items) => items
            .iter()
            .try_for_each(|item| check_value(name, item, depth + 1)),
        Value::String(text) if text.len() > MAX_STRING => Err(PropertyError::StringTooLong {
            name: shown(name),
            size: text.len(),
        }),
        Value::Number(number) if !is_in_range(number) => Err(PropertyError::Integer {
            name: shown(name),
            number: number.to_string(),
        }),
        _ => Ok(()),
    }
}

fn is_in_range(number: &Number) -> bool {
    number.is_f64()
        || number
            .as_i64()
            .is_some_and(|number| (-INTEGER_BOUND..INTEGER_BOUND).contains(&number))
}

fn shown(name: &str) -> String {
    name.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::json;

    use super::*;

    fn report(component: Option<&str>, properties: &Value) -> Result<(), PropertyError> {
        check_report(component, properties.as_object().unwrap())
    }

    fn nested(depth: usize) -> Value {
        (1..depth).fold(json!({"a": 1}), |inner, _| json!({"a": inner}))
    }

    #[test]
    fn each_limit_is_kept_to_the_byte_as_the_hub_keeps_it() {
        let integer = 1_i64 << 52;
        for (fits, breaks) in [
            (nested(10), nested(11)),
            (
                json!({"a": json!([[[[[[[[[1]]]]]]]]])}),
                json!({"a": json!([[[[[[[[[[1]]]]]]]]]])}),
            ),
            (
                json!({"a": "x".repeat(4096)}),
                json!({"a": "x".repeat(4097)}),
            ),
            (
                json!({"a": ["x".repeat(4096)]}),
                json!({"a": ["x".repeat(4097)]}),
            ),
            (json!({"a": integer - 1}), json!({"a": integer})),
            (json!({"a": -integer}), json!({"a": [-integer - 1]})),
            (json!({"a": 1e300}), json!({"a": u64::MAX})),
            (json!({"k".repeat(1024): 1}), json!({"k".repeat(1025): 1})),
            (
                json!({"a/b": {"ä": null}}),
                json!({"a": [{"b": {"c d": 1}}]}),
            ),
            (json!({"a": {"__t": "c"}}), json!({"a": {"$t": "c"}})),
        ] {
            assert_eq!(report(None, &fits), Ok(()), "{fits}");
            assert!(report(None, &breaks).is_err(), "{breaks}");
        }
        assert_eq!(report(Some("c"), &nested(9)), Ok(()));
        assert_eq!(report(Some("c"), &nested(10)), Err(PropertyError::TooDeep));
    }

    #[test]
    fn names_the_hub_rejects_are_rejected_as_property_and_as_component() {
        for name in [
            "", "a.b", "a b", "$a", "a$", "a\u{7}", "a\u{7f}", "a\u{85}", "\n",
        ] {
            let error = report(None, &json!({ name: 1 })).unwrap_err();
            assert_eq!(error, report(Some(name), &json!({"a": 1})).unwrap_err());
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn nothing_is_reported_under_the_name_of_the_host() {
        let reserved = Err(PropertyError::Reserved);
        assert_eq!(report(Some("host"), &json!({"version": "9"})), reserved);
        assert_eq!(report(None, &json!({"host": {"version": "9"}})), reserved);
        assert_eq!(report(None, &json!({"host": null})), reserved);
        assert_eq!(report(Some("hosts"), &json!({"host": 1})), Ok(()));
        let acknowledged = |component, property: &str| {
            let property = property.to_owned();
            let (value, status, description) = (json!(1), 200, String::new());
            check_acknowledgment(
                component,
                &Acknowledgment {
                    property,
                    value,
                    status,
                    description,
                },
            )
        };
        assert_eq!(acknowledged(Some("host"), "version"), reserved);
        assert_eq!(acknowledged(None, "host"), reserved);
        assert_eq!(acknowledged(Some("c"), "host"), Ok(()));
    }

    fn legal_name() -> impl Strategy<Value = String> {
        "[a-zA-Zä/_-]{1,5}".prop_filter("the host's", |name| name != HOST_COMPONENT)
    }

    fn legal_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-INTEGER_BOUND..INTEGER_BOUND).prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,9}".prop_map(Value::from),
        ];
        leaf.prop_recursive(7, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map(legal_name(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn legal_properties_pass_and_one_bad_member_anywhere_is_found(
            properties in btree_map(legal_name(), legal_value(), 1..4),
            component in prop::option::of(legal_name()),
            levels in 0..6_usize,
            arrays: bool,
            bad in prop::sample::select(vec![
                json!({"a.b": 1}), json!("x".repeat(5000)), json!(1_i64 << 52), json!({"": 1}),
            ]),
        ) {
            let mut properties: Map<_, _> = properties.into_iter().collect();
            prop_assert_eq!(check_report(component.as_deref(), &properties), Ok(()));
            let wrapped = (0..levels).fold(bad, |inner, _| match arrays {
                true => json!([1, inner]),
                false => json!({"a": 1, "b": inner}),
            });
            properties.insert("z".to_owned(), wrapped);
            prop_assert!(check_report(component.as_deref(), &properties).is_err());
        }

        #[test]
        fn a_name_is_legal_exactly_if_it_is_short_and_of_legal_characters(name in ".{0,9}|[ -~]{0,3}") {
            let legal = !name.is_empty()
                && name.chars().all(|c| !c.is_control() && c != '.' && c != '$' && c != ' ');
            prop_assert_eq!(check_name(&name).is_ok(), legal);
        }

        #[test]
        fn whatever_may_be_desired_may_be_acknowledged(
            property in legal_name(),
            value in legal_value(),
        ) {
            let acknowledgment = Acknowledgment {
                property,
                value,
                status: 200,
                description: String::new(),
            };
            prop_assert_eq!(check_acknowledgment(None, &acknowledgment), Ok(()));
        }
    }
}
