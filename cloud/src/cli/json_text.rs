//! JSON responses as text: digits and the order of members stay as the cloud sent them.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in their order.
#[derive(Default)]
pub(crate) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Returns the members of an object; none of another value.
    pub(crate) fn of(text: &'a str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// Returns the JSON of a member; `null` if there is none.
    pub(crate) fn get(&self, name: &str) -> &'a str {
        let found = self.0.iter().find(|(found, _)| found == name);
        found.map_or("null", |(_, value)| value.get())
    }

    /// Returns all names and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.get()))
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

/// Indents JSON by two spaces for each level.
pub(crate) fn indented(json: &str) -> String {
    let mut text = String::with_capacity(json.len() * 2);
    let (mut level, mut in_string, mut escaped, mut opened) = (0_usize, false, false, false);
    for c in json.chars() {
        if in_string {
            text.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            level = level.saturating_sub(1);
        }
        // Empty objects and arrays stay on one line.
        if opened != closes {
            line_break(&mut text, level);
        }
        opened = matches!(c, '{' | '[');
        in_string = c == '"';
        text.push(c);
        match c {
            '{' | '[' => level += 1,
            ',' => line_break(&mut text, level),
            ':' => text.push(' '),
            _ => {}
        }
    }
    text
}

fn line_break(text: &mut String, level: usize) {
    text.push('\n');
    text.extend(std::iter::repeat_n("  ", level));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn digits_and_order_stay_as_they_were() {
        let text = r#"{"z":1.50,"a":{"b":[],"c":[1,{"d":{}}]},"s":"{\"[,:"}"#;
        let expected = "{\n  \"z\": 1.50,\n  \"a\": {\n    \"b\": [],\n    \"c\": [\n      1,\n      {\n        \"d\": \
                        {}\n      }\n    ]\n  },\n  \"s\": \"{\\\"[,:\"\n}";
        assert_eq!(indented(text), expected);
        let members = Members::of(text);
        assert_eq!(members.get("z"), "1.50");
        assert_eq!(members.get("y"), "null");
        let names: Vec<_> = members.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["z", "a", "s"]);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".*".prop_map(Value::from)
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".*", inner, 0..4).prop_map(|map| json!(map)),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_json_is_indented_as_by_the_library(value in values()) {
            prop_assert_eq!(indented(&value.to_string()), serde_json::to_string_pretty(&value).unwrap());
        }
    }
}
