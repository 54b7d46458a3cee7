//! JSON from clients.

use serde::de::{DeserializeOwned, Error as _};
use serde_json::{Error, Result};

/// The maximum nesting. The parser allows 127 levels; the cloud must still be able to parse a document inside its own: in a
/// response, an event, a row of the store.
const MAX_DEPTH: usize = 100;

/// Parses JSON.
///
/// # Errors
/// If the bytes are not JSON, not a `T`, or nested too deep.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let read = serde_json::from_slice(bytes)?;
    match depth(bytes) > MAX_DEPTH {
        true => Err(Error::custom(format!(
            "JSON may not nest deeper than {MAX_DEPTH}"
        ))),
        false => Ok(read),
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
        assert!(read::<Value>(nested(MAX_DEPTH).as_bytes()).is_ok());
        for levels in [MAX_DEPTH + 1, 100_000] {
            assert!(read::<Value>(nested(levels).as_bytes()).is_err());
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
