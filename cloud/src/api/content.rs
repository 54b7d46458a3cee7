//! Message bodies in JSON documents: as JSON, text or base64.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::Error;
use crate::json::{JsonText, Members};

/// Inserts a body into `members`: as `body` if its content type is JSON and it parses, as `text` if it is other UTF-8, else as
/// `base64`.
pub(super) fn insert(members: &mut Members, content_type: Option<&str>, body: &[u8]) {
    let json = content_type
        .filter(|content_type| is_json(content_type))
        .and_then(|_| crate::json::read::<JsonText>(body).ok());
    let (name, value) = match (json, std::str::from_utf8(body)) {
        (Some(json), _) => ("body", json.compact()),
        (None, Ok(text)) => ("text", JsonText::of(text)),
        (None, Err(_)) => ("base64", JsonText::of(&BASE64.encode(body))),
    };
    members.insert(name.into(), value);
}

/// Returns the body that was sent as one of the three.
///
/// # Errors
/// `ArgumentInvalid` for none or several of them, and for base64 that is none.
pub(super) fn bytes(
    body: Option<JsonText>,
    text: Option<String>,
    base64: Option<String>,
) -> Result<Vec<u8>, Error> {
    match (body, text, base64) {
        (Some(json), None, None) => Ok(json.to_string().into_bytes()),
        (None, Some(text), None) => Ok(text.into_bytes()),
        (None, None, Some(text)) => BASE64
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
    use super::*;

    fn shown(content_type: Option<&str>, body: &[u8]) -> String {
        let mut members = Members::new();
        insert(&mut members, content_type, body);
        JsonText::of(&members).to_string()
    }

    #[test]
    fn json_is_shown_as_json_if_it_says_so_and_is() {
        let json = Some("application/json;charset=utf-8");
        assert_eq!(shown(json, b"{\"a\":1}"), r#"{"body":{"a":1}}"#);
        assert_eq!(shown(json, b"{\"a\":"), r#"{"text":"{\"a\":"}"#);
        assert_eq!(shown(None, b"1"), r#"{"text":"1"}"#);
        let deep = "[".repeat(120) + &"]".repeat(120);
        assert_eq!(
            shown(json, deep.as_bytes()),
            format!("{{\"text\":\"{deep}\"}}")
        );
    }

    #[test]
    fn bytes_survive_the_way_there_and_back() {
        let mut members = Members::new();
        insert(&mut members, None, &[0xff, 0x00]);
        let base64 = members["base64"].as_string();
        assert_eq!(bytes(None, None, base64).unwrap(), [0xff, 0x00]);
    }

    #[test]
    fn a_message_with_two_bodies_or_none_is_refused() {
        let body = || Some(JsonText::of(&1));
        let text = || Some("1".to_owned());
        assert!(bytes(None, None, None).is_err());
        assert!(bytes(body(), text(), None).is_err());
        assert!(bytes(None, text(), text()).is_err());
        assert_eq!(bytes(body(), None, None).unwrap(), b"1");
    }
}
