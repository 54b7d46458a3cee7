//! Documents that are only passed on.

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

/// A JSON document as it was written.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct JsonText(Box<RawValue>);

/// The members of an object that is written member by member.
pub type Members = IndexMap<String, JsonText>;

/// Makes members, without those that are `null`.
pub fn members<const N: usize>(members: [(&str, JsonText); N]) -> Members {
    let members = members.into_iter().filter(|(_, value)| !value.is_null());
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl JsonText {
    /// Serializes a value. Its objects must have texts for keys, so that it always serializes.
    pub fn of(value: &(impl Serialize + ?Sized)) -> Self {
        Self(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// Returns true for `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }

    /// Returns the text of a string; `None` for everything else.
    pub fn as_string(&self) -> Option<String> {
        serde_json::from_str(self.as_str()).ok()
    }

    /// Returns the document on one line: without whitespace between its tokens.
    pub fn compact(self) -> Self {
        let is_space = |c: char| matches!(c, ' ' | '\t' | '\r' | '\n');
        if !self.as_str().contains(is_space) {
            return self;
        }
        let (mut in_text, mut escaped) = (false, false);
        let is_part = |c: &char| {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = !in_text,
                _ => {}
            }
            in_text || !is_space(*c)
        };
        let compact: String = self.as_str().chars().filter(is_part).collect();
        RawValue::from_string(compact).map_or(self, Self)
    }
}

impl<'de> Deserialize<'de> for JsonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        // A raw value may have half a surrogate pair or a number out of range, which most parsers refuse.
        serde_json::from_str::<Value>(text.get()).map_err(D::Error::custom)?;
        Ok(Self(text))
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Display for JsonText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> serde_json::Result<JsonText> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_document_stays_as_it_was_written() {
        let written = r#"{"b": 1.10, "a":[1e3,12345678901234567890123], "b": "\u00e9\/"}"#;
        let read = text(written).unwrap();
        assert_eq!(read.as_str(), written);
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn on_one_line_only_the_space_between_tokens_is_gone() {
        let pretty = "{\n  \"a b\": [ 1.10,\r\n\t\"x \\\" y\\\\\" ], \"n\": null }";
        let compact = text(pretty).unwrap().compact();
        assert_eq!(compact.as_str(), r#"{"a b":[1.10,"x \" y\\"],"n":null}"#);
    }

    #[test]
    fn what_other_parsers_refuse_is_not_json() {
        for json in [r#""\ud800""#, "1e400", "{'a': 1}", "[1,]", "\"\n\""] {
            assert!(text(json).is_err(), "{json}");
        }
    }
}
