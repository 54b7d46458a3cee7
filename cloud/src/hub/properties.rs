//! Property bags: the properties of a message in its topic.

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::events::D2cMessage;

/// Characters that are percent-encoded in a bag.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl D2cMessage {
    /// Makes a message of its property bag and body.
    pub(super) fn from_bag(bag: &str, body: Bytes) -> Self {
        let mut message = Self {
            body,
            ..Self::default()
        };
        for pair in bag.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            message.set(decode(key), decode(value));
        }
        message
    }

    fn set(&mut self, key: String, value: String) {
        let slot = match key.as_str() {
            "$.mid" => &mut self.message_id,
            "$.cid" => &mut self.correlation_id,
            "$.ct" => &mut self.content_type,
            "$.ce" => &mut self.content_encoding,
            "$.ctime" => &mut self.creation_time,
            "$.sub" => &mut self.component,
            "$.uid" => &mut self.user_id,
            "$.exp" => &mut self.expiry_time,
            "$.to" => &mut self.to,
            _ => return self.properties.push((key, value)),
        };
        *slot = Some(value);
    }
}

/// Formats a property bag, keys encoded too, as Azure does.
pub(super) fn bag<'a>(properties: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = properties.into_iter();
    let pairs = pairs.map(|(key, value)| format!("{}={}", encode(key), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn encode(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, ESCAPED)
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn system_properties_are_told_from_the_applications() {
        let bag =
            "%24.mid=m1&$.ct=application%2Fjson&$.ce=utf-8&$.sub=thermostat1&level=hot%26dry&flag";
        let message = D2cMessage::from_bag(bag, Bytes::from_static(b"{}"));
        assert_eq!(message.message_id.as_deref(), Some("m1"));
        assert_eq!(message.content_type.as_deref(), Some("application/json"));
        assert_eq!(message.content_encoding.as_deref(), Some("utf-8"));
        assert_eq!(message.component.as_deref(), Some("thermostat1"));
        let own = [("level", "hot&dry"), ("flag", "")];
        let own = own.map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(message.properties, own);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pairs in prop::collection::vec(("k[^$]{0,8}", ".{0,8}"), 0..5)) {
            let text = bag(pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())));
            prop_assert!(text.is_ascii());
            prop_assert_eq!(D2cMessage::from_bag(&text, Bytes::new()).properties, pairs);
        }

        #[test]
        fn no_bag_is_too_strange_to_read(text in ".{0,64}") {
            D2cMessage::from_bag(&text, Bytes::new());
        }
    }
}
