//! Documents that are checked, merged or queried.

use std::{fmt, ops::Index};

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};

use super::JsonNumber;

/// The nesting that `serde_json` parses and serializes without trouble.
const MAX_DEPTH: usize = 127;
const NULL: &JsonValue = &JsonValue::Null;

/// A JSON object: its members in the order they were written in. Of members with the same name, the last counts.
pub type JsonObject = IndexMap<String, JsonValue>;

/// A JSON document that keeps the order of members and the digits of numbers. Objects with the same members in another order
/// are equal.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum JsonValue {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(JsonNumber),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<JsonValue>),
    /// An object.
    Object(JsonObject),
}

/// Makes an object.
pub fn object<const N: usize>(members: [(&str, JsonValue); N]) -> JsonObject {
    let members = members.into_iter();
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

impl JsonValue {
    /// Returns true for `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns true for an object.
    pub fn is_object(&self) -> bool {
        self.as_object().is_some()
    }

    /// Returns the boolean; `None` for everything else.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the number; `None` for everything else.
    pub fn as_number(&self) -> Option<&JsonNumber> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// Returns the `f64` nearest to the number; `None` for everything else.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number().map(JsonNumber::as_f64)
    }

    /// Returns the integer; `None` for everything else.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number().and_then(JsonNumber::as_u64)
    }

    /// Returns the integer; `None` for everything else.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(JsonNumber::as_i64)
    }

    /// Returns the text of a string; `None` for everything else.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the items of an array; `None` for everything else.
    pub fn as_array(&self) -> Option<&Vec<Self>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// Returns the members of an object; `None` for everything else.
    pub fn as_object(&self) -> Option<&JsonObject> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns the members of an object, to change them; `None` for everything else.
    pub fn as_object_mut(&mut self) -> Option<&mut JsonObject> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns a member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.as_object()?.get(name)
    }

    /// Converts to the type of `serde_json`, which has neither the order of members nor all digits of numbers.
    pub fn to_serde_json(&self) -> Value {
        serde_json::from_str(&self.to_string()).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for JsonValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        super::check_depth(text.get().as_bytes(), MAX_DEPTH).map_err(D::Error::custom)?;
        parse(&text).map_err(D::Error::custom)
    }
}

fn parse(text: &RawValue) -> serde_json::Result<JsonValue> {
    let text = text.get();
    Ok(match text.as_bytes().first() {
        Some(b'{') => {
            let mut members = serde_json::Deserializer::from_str(text);
            JsonValue::Object(members.deserialize_map(MembersVisitor)?)
        }
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(text)?;
            let items = items.into_iter().map(parse);
            JsonValue::Array(items.collect::<Result<_, _>>()?)
        }
        Some(b'"') => JsonValue::String(scalar(text)?),
        Some(b't' | b'f') => JsonValue::Bool(scalar(text)?),
        Some(b'n') => JsonValue::Null,
        _ => {
            let number = JsonNumber::parse(text);
            JsonValue::Number(
                number.ok_or_else(|| serde_json::Error::custom("number out of range"))?,
            )
        }
    })
}

/// Reads the members of an object, each value by [`parse`].
struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = JsonObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<JsonObject, A::Error> {
        let mut members = JsonObject::new();
        while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
            members.insert(name, parse(value).map_err(A::Error::custom)?);
        }
        Ok(members)
    }
}

fn scalar<T: DeserializeOwned>(text: &str) -> serde_json::Result<T> {
    serde_json::from_str(text)
}

impl Serialize for JsonValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Number(number) => number.serialize(serializer),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => items.serialize(serializer),
            Self::Object(members) => members.serialize(serializer),
        }
    }
}

/// Formats as JSON without whitespace.
impl fmt::Display for JsonValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// Returns a member of an object, or null.
impl Index<&str> for JsonValue {
    type Output = Self;

    fn index(&self, name: &str) -> &Self {
        self.get(name).unwrap_or(NULL)
    }
}

impl From<bool> for JsonValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

macro_rules! from_numbers {
    ($($number:ty),*) => {$(
        impl From<$number> for JsonValue {
            fn from(number: $number) -> Self {
                Self::Number(number.into())
            }
        }
    )*};
}

from_numbers!(i32, i64, u16, u32, u64, usize, serde_json::Number);

impl From<&str> for JsonValue {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<&String> for JsonValue {
    fn from(text: &String) -> Self {
        Self::String(text.clone())
    }
}

impl From<String> for JsonValue {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<JsonObject> for JsonValue {
    fn from(members: JsonObject) -> Self {
        Self::Object(members)
    }
}

impl<T: Into<Self>> From<Option<T>> for JsonValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, T::into)
    }
}

impl From<Value> for JsonValue {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => Self::Number(number.into()),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Value::Object(members) => {
                let members = members.into_iter();
                Self::Object(members.map(|(name, value)| (name, value.into())).collect())
            }
        }
    }
}

/// Compares with a value that has the digits of `serde_json` for its numbers.
impl PartialEq<Value> for JsonValue {
    fn eq(&self, other: &Value) -> bool {
        let other = Self::from(other.clone());
        *self == other
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(json: &str) -> serde_json::Result<JsonValue> {
        serde_json::from_str(json)
    }

    #[test]
    fn members_and_digits_stay_as_they_were_written() {
        for json in [
            r#"{"b":1.10,"a":[1e3,-0,12345678901234567890123,0.1E-5],"c":{"z":null,"y":true}}"#,
            "[]",
            "{}",
            r#""\n\"é""#,
            "9007199254740993",
        ] {
            assert_eq!(value(json).unwrap().to_string(), json);
        }
    }

    #[test]
    fn the_last_of_members_with_the_same_name_counts_where_the_first_stood() {
        let read = value(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(read.to_string(), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn what_other_parsers_refuse_is_not_json() {
        for json in [r#""\ud800""#, r#"{"a":[1e400]}"#, "{'a': 1}", "[1,]"] {
            assert!(value(json).is_err(), "{json}");
        }
        assert!(value(&"[".repeat(200_000)).is_err());
        assert!(value(&("[".repeat(200_000) + &"]".repeat(200_000))).is_err());
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_document_is_read_and_written_as_serde_json_does(document in any_value()) {
            let text = document.to_string();
            let read = value(&text).unwrap();
            prop_assert_eq!(read.to_string(), text);
            prop_assert_eq!(&read, &document);
            prop_assert_eq!(read.to_serde_json(), document);
        }
    }
}
