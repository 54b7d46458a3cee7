//! JSON that keeps its text: the order of members and the digits of numbers.
//!
//! | type | for |
//! |---|---|
//! | [`JsonText`] | documents that are only passed on |
//! | [`JsonValue`] | documents that are checked, merged or queried |
//!
//! Both lose their text in `serde_json::json!` and `to_value`, because a `serde_json::Value` sorts members and rounds numbers.

mod number;
mod text;
mod value;

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Error, Result};

pub use self::{
    number::JsonNumber,
    text::{JsonText, Members, members},
    value::{JsonObject, JsonValue, object},
};

/// The maximum nesting. The parser allows 127 levels; the cloud must still be able to parse a document inside its own: in a
/// response, an event, a row of the store.
const MAX_DEPTH: usize = 100;

/// Parses JSON.
///
/// # Errors
/// If the bytes are not JSON, not a `T`, or nested too deep.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let read = serde_json::from_slice(bytes)?;
    check_depth(bytes, MAX_DEPTH)?;
    Ok(read)
}

/// Checks the nesting of valid JSON.
fn check_depth(json: &[u8], limit: usize) -> Result<()> {
    match depth(json) > limit {
        true => Err(Error::custom(format!(
            "JSON may not nest deeper than {limit}"
        ))),
        false => Ok(()),
    }
}

/// Returns the nesting of valid JSON.
fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_nests_deeper_than_can_be_wrapped_and_read_again_is_refused() {
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        let fits = nested(MAX_DEPTH);
        assert!(read::<Value>(fits.as_bytes()).is_ok());
        assert!(read::<JsonText>(fits.as_bytes()).is_ok());
        assert!(read::<JsonValue>(fits.as_bytes()).is_ok());
        for levels in [MAX_DEPTH + 1, 100_000] {
            let deep = nested(levels);
            assert!(read::<Value>(deep.as_bytes()).is_err());
            assert!(read::<JsonText>(deep.as_bytes()).is_err());
            assert!(read::<JsonValue>(deep.as_bytes()).is_err());
        }
    }

    #[test]
    fn only_brackets_outside_of_texts_nest() {
        for (json, levels) in [
            ("1", 0),
            (r#"[[], {"a": [1]}]"#, 3),
            (r#"["[[", "\"[[", "\\", [1]]"#, 2),
        ] {
            assert!(read::<Value>(json.as_bytes()).is_ok(), "{json}");
            assert_eq!(depth(json.as_bytes()), levels, "{json}");
        }
    }
}
