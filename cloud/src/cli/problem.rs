//! Error responses of the cloud.

use serde_json::Value;
use ureq::{Body, http::Response};

use super::command_error::CommandError;

/// Converts an error response.
pub(crate) fn error_of(mut response: Response<Body>) -> CommandError {
    let status = response.status().as_u16();
    let name = response.headers().get("iothub-errorcode");
    let name = name.and_then(|name| name.to_str().ok()).unwrap_or_default();
    let name = name.to_owned();
    let body = response.body_mut().read_to_string().unwrap_or_default();
    let separator = if name.is_empty() { "" } else { " " };
    let text = text(&body);
    CommandError::Request(format!(
        "the cloud returned {status}{separator}{name}: {text}"
    ))
}

/// Extracts the message from any of Azure's three error formats.
fn text(body: &str) -> String {
    let Ok(json) = serde_json::from_str::<Value>(body) else {
        return body.trim().to_owned();
    };
    let message = json.get("Message").or_else(|| json.get("message"));
    let Some(message) = message.and_then(Value::as_str) else {
        return body.trim().to_owned();
    };
    if message.starts_with('{') {
        return text(message);
    }
    let named = message.strip_prefix("ErrorCode:");
    let rest = named.and_then(|named| Some(named.split_once(';')?.1));
    rest.unwrap_or(message).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_found_in_each_of_azures_shapes() {
        for body in [
            r#"{"Message":"ErrorCode:DeviceNotFound;gone","ExceptionMessage":"Tracking ID:1"}"#,
            r#"{"errorCode":404201,"message":"gone","trackingId":"1"}"#,
            r#"{"Message":"{\"errorCode\":404103,\"message\":\"gone\"}","ExceptionMessage":""}"#,
            "gone\n",
        ] {
            assert_eq!(text(body), "gone", "{body}");
        }
    }
}
