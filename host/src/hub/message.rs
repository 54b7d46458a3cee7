//! Telemetry messages.

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    topic,
    twin::{NameError, check_name},
};

/// The size limit of a device-to-cloud message, in bytes (IoT Hub quotas: 256 KB).
pub const MAX_SIZE: usize = 262_144;
/// The length limit of a topic in MQTT (3.1.1, 1.5.3), which includes the encoded properties.
const MAX_TOPIC_LENGTH: usize = 65_535;
/// The length limit of a device ID in IoT Hub, which is part of the topic too.
const MAX_DEVICE_ID_LENGTH: usize = 128;

/// A telemetry message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryMessage {
    /// The same on every attempt to send it (`$.mid`).
    pub id: String,
    /// When the component sent it (`$.ctime`).
    pub created: Timestamp,
    /// The Plug and Play component it belongs to (`$.sub`); none for the device itself.
    pub component: Option<String>,
    /// Such as `application/json` (`$.ct`); empty for none.
    pub content_type: String,
    /// Such as `utf-8` (`$.ce`); empty for none.
    pub content_encoding: String,
    /// Application properties.
    pub properties: Vec<(String, String)>,
    /// The body.
    #[serde(with = "body")]
    pub body: Bytes,
}

/// The reason why IoT Hub would reject a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Body and properties are too large together.
    #[error("the message is {size} bytes with its properties, the limit is {limit}")]
    TooLarge {
        /// Its size in bytes, as [`TelemetryMessage::size`] counts.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The properties do not fit the topic.
    #[error("the encoded properties of the message are {size} bytes, the limit is {limit}")]
    TooManyProperties {
        /// Their size in bytes, as sent.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The Plug and Play component has a name the hub does not accept.
    #[error("the component of the message has an {0}")]
    Component(#[from] NameError),
    /// A property has a name the hub does not accept.
    #[error("the property name {0:?} is empty, starts with `$` or contains a control character")]
    PropertyName(String),
}

impl TelemetryMessage {
    /// Returns a new id: a random UUID (version 4).
    #[must_use]
    pub fn new_id() -> String {
        Uuid::new_v4().to_string()
    }

    /// Returns the topic the message is published on, with all its properties.
    #[must_use]
    pub fn topic(&self, device_id: &str) -> String {
        let created = self.creation_time();
        topic::events(device_id, self.all_properties(&created))
    }

    /// Returns the size in bytes as the hub counts it: body, and names and values of all properties.
    #[must_use]
    pub fn size(&self) -> usize {
        let created = self.creation_time();
        let properties = self.all_properties(&created);
        let sizes = properties.map(|(name, value)| name.len() + value.len());
        self.body.len() + sizes.sum::<usize>()
    }

    /// Checks that the hub accepts the message. To be called before it is stored: a message the hub rejects blocks all others.
    pub fn validate(&self) -> Result<(), MessageError> {
        if let Some(component) = &self.component {
            check_name(component)?;
        }
        let wrong = |name: &str| {
            name.is_empty() || name.starts_with('$') || name.contains(char::is_control)
        };
        if let Some((name, _)) = self.properties.iter().find(|(name, _)| wrong(name)) {
            let shown = name.chars().take(100).collect();
            return Err(MessageError::PropertyName(shown));
        }
        let (size, limit) = (self.size(), MAX_SIZE);
        if size > limit {
            return Err(MessageError::TooLarge { size, limit });
        }
        let (size, limit) = (
            self.topic("").len(),
            MAX_TOPIC_LENGTH - MAX_DEVICE_ID_LENGTH,
        );
        if size > limit {
            return Err(MessageError::TooManyProperties { size, limit });
        }
        Ok(())
    }

    /// System properties, which are left out where empty, and application properties.
    fn all_properties<'a>(&'a self, created: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let system = [
            ("$.ct", &*self.content_type),
            ("$.ce", &*self.content_encoding),
            ("$.mid", &*self.id),
            ("$.ctime", created),
            ("$.sub", self.component.as_deref().unwrap_or_default()),
        ];
        let given = system.into_iter().filter(|(_, value)| !value.is_empty());
        given.chain(
            self.properties
                .iter()
                .map(|(name, value)| (&**name, &**value)),
        )
    }

    fn creation_time(&self) -> String {
        format!("{:.3}", self.created)
    }
}

/// Bodies as base64, since they need not be text.
pub(crate) mod body {
    use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(body: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(body))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(from)?;
        BASE64
            .decode(text)
            .map(Bytes::from)
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::hub::topic::Topic;

    fn message(properties: &[(&str, &str)], body: impl Into<Bytes>) -> TelemetryMessage {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        TelemetryMessage {
            id: "m-1".to_owned(),
            created: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
            component: Some("thermostat1".to_owned()),
            content_type: "application/json".to_owned(),
            content_encoding: "utf-8".to_owned(),
            properties: properties.iter().map(owned).collect(),
            body: body.into(),
        }
    }

    #[test]
    fn the_topic_carries_system_and_application_properties() {
        assert_eq!(
            message(&[("alert", "a b"), ("empty", "")], "{}").topic("d-1"),
            "devices/d-1/messages/events/$.ct=application%2Fjson&$.ce=utf-8&$.mid=m-1\
             &$.ctime=2026-01-02T03%3A04%3A05.678Z&$.sub=thermostat1&alert=a%20b&empty="
        );
    }

    #[test]
    fn what_is_not_given_is_left_out() {
        let plain = TelemetryMessage {
            component: None,
            content_type: String::new(),
            content_encoding: String::new(),
            ..message(&[], "x")
        };
        assert_eq!(
            plain.topic("d-1"),
            "devices/d-1/messages/events/$.mid=m-1&$.ctime=2026-01-02T03%3A04%3A05.678Z"
        );
    }

    #[test]
    fn a_message_of_the_largest_size_is_taken_and_one_byte_more_is_not() {
        let properties = message(&[("k", "v")], "").size();
        assert_eq!(
            message(&[("k", "v"), ("kk", "vv")], "").size(),
            properties + 4
        );
        let largest = message(&[("k", "v")], vec![0; MAX_SIZE - properties]);
        assert_eq!(largest.validate(), Ok(()));
        let over = message(&[("k", "v")], vec![0; MAX_SIZE - properties + 1]);
        let error = over.validate().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the message is 262145 bytes with its properties, the limit is 262144"
        );
    }

    #[test]
    fn properties_that_do_not_fit_a_topic_are_refused() {
        let error = message(&[("k", &"ä".repeat(20_000))], "").validate();
        assert!(matches!(
            error,
            Err(MessageError::TooManyProperties { limit: 65_407, .. })
        ));
    }

    #[test]
    fn property_names_of_the_host_and_control_characters_are_refused() {
        for name in ["", "$.mid", "$x", "a\nb", "a\u{0}"] {
            let error = message(&[(name, "v")], "").validate().unwrap_err();
            assert_eq!(error, MessageError::PropertyName(name.to_owned()));
            assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn a_component_has_a_name_that_properties_may_have() {
        for name in ["", "a.b", "$a", "a b", "a\u{1}", &"c".repeat(1025)] {
            let message = TelemetryMessage {
                component: Some(name.to_owned()),
                ..message(&[], "")
            };
            let error = message.validate().unwrap_err();
            assert!(matches!(error, MessageError::Component(_)), "{name:?}");
            assert!(!error.to_string().contains(char::is_control));
        }
    }

    #[test]
    fn ids_are_version_4_uuids_and_differ() {
        let ids: HashSet<_> = (0..1000).map(|_| TelemetryMessage::new_id()).collect();
        assert_eq!(ids.len(), 1000);
        for id in ids {
            let groups: Vec<_> = id.split('-').collect();
            let lengths: Vec<_> = groups.iter().map(|group| group.len()).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
            assert!(groups[2].starts_with('4'));
            assert!(groups[3].starts_with(['8', '9', 'a', 'b']));
        }
    }

    #[test]
    fn a_message_is_read_back_as_it_was_kept() {
        let message = message(&[("k", "v")], vec![0, 255, 128]);
        let kept = serde_json::to_string(&message).unwrap();
        assert_eq!(
            serde_json::from_str::<TelemetryMessage>(&kept).unwrap(),
            message
        );
    }

    fn text() -> impl Strategy<Value = String> {
        prop_oneof![9 => ".{0,12}", 1 => ".{9000}"]
    }

    proptest! {
        #[test]
        fn whatever_is_taken_goes_out_on_a_legal_topic_that_says_all_of_it(
            names in vec((text(), text()), 0..5),
            (content_type, content_encoding) in (text(), text()),
            component in prop::option::of(text()),
            device_id in "[a-z]{1,128}",
        ) {
            let message = TelemetryMessage {
                component,
                content_type,
                content_encoding,
                properties: names,
                ..message(&[], "{}")
            };
            let topic = message.topic(&device_id);
            if message.validate().is_err() {
                return Ok(());
            }
            prop_assert!(topic.is_ascii() && topic.len() < 65_536);
            prop_assert!(!topic.contains(['+', '#', '\0']));
            let returned = topic.replacen("/events/", "/devicebound/", 1);
            let created = message.creation_time();
            let sent = message.all_properties(&created);
            let properties = sent.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            prop_assert_eq!(topic::parse(&returned, &device_id), Some(Topic::Message { properties }));
        }
    }
}
