//! Message bodies in JSON documents: as JSON, text or base64.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Map, Value};

use super::Error;

/// Inserts a body into `object`: as `body` if its content type is JSON and it parses, as `text` if it is other UTF-8, else as
/// `base64`.
pub(super) fn insert(object: &mut Map<String, Value>, content_type: Option<&str>, body: &[u8]) {
    let json = content_type
        .filter(|content_type| is_json(content_type))
        .and_then(|_| crate::json::read(body).ok());
    let (name, value) = match (json, std::str::from_utf8(body)) {
        (Some(json), _) => ("body", json),
        (None, Ok(text)) => ("text", text.into()),
        (None, Err(_)) => ("base64", BASE64.encode(body).into()),
    };
    object.insert(name.into(), value);
}

/// Removes the body from `object`, which must have exactly one of the three members.
///
/// # Errors
/// `ArgumentInvalid` otherwise.
pub(super) fn remove(object: &mut Map<String, Value>) -> Result<Vec<u8>, Error> {
    let found = ["body", "text", "base64"].map(|name| object.remove(name));
    match found {
        [Some(json), None, None] => Ok(json.to_string().into_bytes()),
        [None, Some(Value::String(text)), None] => Ok(text.into_bytes()),
        [None, None, Some(Value::String(text))] => BASE64
            .decode(text)
            .map_err(|_| Error::invalid("the member base64 is not valid base64")),
        _ => Err(Error::invalid(
            "a message needs exactly one of body (any JSON value), text and base64 (strings)",
        )),
    }
}

fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(content_type: Option<&str>, body: &[u8]) -> Value {
        let mut object = Map::new();
        insert(&mut object, content_type, body);
        object.into()
    }

    #[test]
    fn json_is_shown_as_json_if_it_says_so_and_is() {
        let json = Some("application/json;charset=utf-8");
        assert_eq!(shown(json, b"{\"a\":1}"), json!({"body": {"a": 1}}));
        assert_eq!(shown(json, b"{\"a\":"), json!({"text": "{\"a\":"}));
        assert_eq!(shown(None, b"1"), json!({"text": "1"}));
        let deep = "[".repeat(120) + &"]".repeat(120);
        assert_eq!(shown(json, deep.as_bytes()), json!({"text": deep}));
    }

    #[test]
    fn bytes_survive_the_way_there_and_back() {
        let mut object = Map::new();
        insert(&mut object, None, &[0xff, 0x00]);
        assert!(object.contains_key("base64"));
        assert_eq!(remove(&mut object).unwrap(), [0xff, 0x00]);
    }

    #[test]
    fn a_message_with_two_bodies_or_none_is_refused() {
        for object in [
            json!({}),
            json!({"body": 1, "text": "1"}),
            json!({"text": 1}),
        ] {
            assert!(
                remove(&mut object.as_object().unwrap().clone()).is_err(),
                "{object}"
            );
        }
    }
}
