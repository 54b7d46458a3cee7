//! Values in arguments and responses, as JSON text: digits and the order of members stay as they were written.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::{command_error::CommandError, shell::quoted};

/// Returns the JSON of an argument. Text that is not JSON is a string: `23.5` is a number, `eco` a string.
///
/// # Errors
/// The text starts like an object, an array or a string, but is not valid JSON.
pub(crate) fn typed(text: &str) -> Result<String, CommandError> {
    let string = Value::from(text).to_string();
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(text.trim().to_owned()),
        Err(error) if text.trim_start().starts_with(['{', '[', '"']) => {
            Err(CommandError::settings(format!(
                "the value {text} is not valid JSON: {error}; to send it as a string, write {}",
                quoted(&string)
            )))
        }
        Err(_) => Ok(string),
    }
}

/// Returns the value at `pointer` (`/properties/desired`), or null.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Returns an object with these members, whose values are JSON.
pub(crate) fn object(members: &[(&str, &str)]) -> String {
    let members = members.iter();
    let members: Vec<_> = members
        .map(|(name, value)| format!("{}:{value}", Value::from(*name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// Returns a patch that sets one property, of a Plug and Play component if one is given.
pub(crate) fn property(component: Option<&str>, name: &str, value: &str) -> String {
    match component {
        None => object(&[(name, value)]),
        Some(component) => {
            let marked = object(&[("__t", "\"c\""), (name, value)]);
            object(&[(component, &marked)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_json_and_bare_words_are_strings() {
        for (text, json) in [
            ("23.50", "23.50"),
            ("18446744073709551617", "18446744073709551617"),
            ("\"23.5\"", "\"23.5\""),
            ("eco", "\"eco\""),
            ("2026-01-01T00:00:00Z", "\"2026-01-01T00:00:00Z\""),
            ("null", "null"),
            (" {\"b\": 1, \"a\": 2}", "{\"b\": 1, \"a\": 2}"),
            ("it's", "\"it's\""),
        ] {
            assert_eq!(typed(text).unwrap(), json, "{text}");
        }
    }

    #[test]
    fn broken_json_is_an_error_that_shows_how_to_send_the_text() {
        for (text, remedy) in [
            ("{bad", r#"write '"{bad"'"#),
            ("[1,", r#"write '"[1,"'"#),
            ("\"it's", r#"write '"\"it'\''s"'"#),
        ] {
            let error = typed(text).unwrap_err();
            assert_eq!(error.number(), 2);
            let message = error.message().unwrap();
            assert!(message.ends_with(remedy), "{message}");
        }
    }

    #[test]
    fn a_components_property_carries_its_mark() {
        assert_eq!(property(None, "a", "1"), r#"{"a":1}"#);
        assert_eq!(
            property(Some("thermostat1"), "a", "1"),
            r#"{"thermostat1":{"__t":"c","a":1}}"#
        );
    }
}
