//! Values in arguments.

use serde_json::{Map, Value};

/// Parses JSON; other text is a string: `23.5` is a number, `eco` a string.
pub(crate) fn typed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Returns the value at `pointer` (`/properties/desired`), or null.
pub(crate) fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Returns a patch that sets one property, of a Plug and Play component if one is given.
pub(crate) fn property(component: Option<&str>, name: &str, value: Value) -> Value {
    let property = Map::from_iter([(name.to_owned(), value)]);
    match component {
        None => property.into(),
        Some(component) => {
            let marked = Map::from_iter([("__t".to_owned(), "c".into())]);
            let marked: Map<_, _> = marked.into_iter().chain(property).collect();
            Map::from_iter([(component.to_owned(), marked.into())]).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_json_and_bare_words_are_strings() {
        assert_eq!(typed("23.5"), json!(23.5));
        assert_eq!(typed("\"23.5\""), json!("23.5"));
        assert_eq!(typed("eco"), json!("eco"));
        assert_eq!(typed("2026-01-01T00:00:00Z"), json!("2026-01-01T00:00:00Z"));
        assert_eq!(typed("null"), Value::Null);
    }

    #[test]
    fn a_components_property_carries_its_mark() {
        assert_eq!(property(None, "a", 1.into()), json!({"a": 1}));
        let of_component = json!({"thermostat1": {"__t": "c", "a": 1}});
        assert_eq!(property(Some("thermostat1"), "a", 1.into()), of_component);
    }
}
