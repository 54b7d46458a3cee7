//! Names of telemetry, properties, fields and the like.

/// Returns true for a name: letters, digits and underscores, starting with a letter, not ending with an underscore. Its
/// length is limited by the DTDL version.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with('_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_a_letter_and_ends_with_no_underscore() {
        for name in ["a", "targetTemperature", "a_1", "A__b"] {
            assert!(is_name(name), "{name}");
        }
        for text in ["", "1a", "_a", "a_", "_", "a-b", "a b", "é", "a."] {
            assert!(!is_name(text), "{text:?}");
        }
    }
}
