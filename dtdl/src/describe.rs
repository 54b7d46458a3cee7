//! Descriptions of values for errors.

use serde_json::Value;

/// The longest excerpt of a string in an error, in characters.
const MAX_EXCERPT: usize = 40;

/// Describes a value in a few words, however large it is.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.chars().nth(MAX_EXCERPT).is_some() => {
            format!("{:?}…", text.chars().take(MAX_EXCERPT).collect::<String>())
        }
        Value::String(text) => format!("{text:?}"),
        Value::Array(elements) => format!("an array of {}", elements.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_in_part_and_what_a_terminal_obeys_is_escaped() {
        assert_eq!(describe(&"\u{1b}[2J".into()), r#""\u{1b}[2J""#);
        assert_eq!(
            describe(&"é".repeat(41).into()),
            format!("{:?}…", "é".repeat(40))
        );
        assert_eq!(describe(&serde_json::json!([1, 2])), "an array of 2");
    }
}
