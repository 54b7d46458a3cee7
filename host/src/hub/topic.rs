//! The topics of IoT Hub.
//!
//! Source: "Communicate with an IoT hub using the MQTT protocol" of the Azure IoT documentation. The hub decodes
//! property bags but not device IDs, so these stand in topics as they are.

use percent_encoding::percent_decode_str;

use crate::provision::sas::quote;

/// The version that knows Plug and Play.
const API_VERSION: &str = "2021-04-12";
/// The name of this client.
const CLIENT: &str = concat!("pnp-host/", env!("CARGO_PKG_VERSION"));

const TWIN_RESPONSES: &str = "$iothub/twin/res/";
const METHODS: &str = "$iothub/methods/POST/";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/";

/// The length limit of a method's `$rid`, in bytes: the topic of the response carries it. IoT Hub's have a few digits.
const MAX_REQUEST_ID_LENGTH: usize = 1024;

/// The topic of a message from the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// The answer to a twin request.
    TwinResponse {
        /// As in HTTP.
        status: u16,
        /// The `$rid` of the request.
        request: String,
        /// The `$version` of the reported properties after a PATCH.
        version: Option<u64>,
    },
    /// A change of desired properties.
    Desired {
        /// Its `$version`.
        version: u64,
    },
    /// A direct method.
    Method {
        /// Its name.
        name: String,
        /// The `$rid` to answer with, as sent.
        request: String,
    },
    /// A cloud-to-device message.
    Message {
        /// System (`$.…`) and application properties in the order they came.
        properties: Vec<(String, String)>,
    },
}

/// Reads the topic of a message to this device; none if the device has not subscribed to such a topic, or could not answer
/// under the `$rid` in it.
#[must_use]
pub fn parse(topic: &str, device_id: &str) -> Option<Topic> {
    if let Some(rest) = topic.strip_prefix(TWIN_RESPONSES) {
        let (status, query) = rest.split_once("/?")?;
        return Some(Topic::TwinResponse {
            status: status.parse().ok()?,
            request: parameter(query, "$rid")?.to_owned(),
            version: parameter(query, "$version").and_then(|version| version.parse().ok()),
        });
    }
    if let Some(rest) = topic.strip_prefix(METHODS) {
        let (name, query) = rest.split_once("/?")?;
        return (!name.is_empty()).then_some(Topic::Method {
            name: decode(name),
            request: parameter(query, "$rid")
                .filter(|request| can_be_answered(request))?
                .to_owned(),
        });
    }
    if let Some(rest) = topic.strip_prefix(DESIRED) {
        let version = parameter(rest.strip_prefix('?')?, "$version")?;
        let version = version.parse().ok()?;
        return Some(Topic::Desired { version });
    }
    let bag = topic.strip_prefix("devices/")?.strip_prefix(device_id)?;
    let properties = properties(bag.strip_prefix("/messages/devicebound/")?);
    Some(Topic::Message { properties })
}

/// Returns the topic filters of a device; cloud-to-device messages only if it takes them.
#[must_use]
pub fn subscriptions(device_id: &str, messages: bool) -> Vec<String> {
    let mut topics = vec![
        format!("{TWIN_RESPONSES}#"),
        format!("{METHODS}#"),
        format!("{DESIRED}#"),
    ];
    if messages {
        topics.push(format!("devices/{device_id}/messages/devicebound/#"));
    }
    topics
}

/// Asks for the whole twin.
#[must_use]
pub fn twin_get(request: &str) -> String {
    format!("$iothub/twin/GET/?$rid={request}")
}

/// Changes reported properties.
#[must_use]
pub fn reported_patch(request: &str) -> String {
    format!("$iothub/twin/PATCH/properties/reported/?$rid={request}")
}

/// Answers a direct method under the `$rid` it came with.
#[must_use]
pub fn method_response(status: u32, request: &str) -> String {
    format!("$iothub/methods/res/{status}/?$rid={request}")
}

/// Returns the topic of telemetry. The names of system properties (`$.…`) are written as they are, everything else is encoded.
#[must_use]
pub fn events<'a>(
    device_id: &str,
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut topic = format!("devices/{device_id}/messages/events/");
    for (index, (name, value)) in properties.into_iter().enumerate() {
        if index > 0 {
            topic.push('&');
        }
        match name.strip_prefix("$.") {
            Some(system) => {
                topic.push_str("$.");
                topic.extend(quote(system));
            }
            None => topic.extend(quote(name)),
        }
        topic.push('=');
        topic.extend(quote(value));
    }
    topic
}

/// The MQTT user name, which announces the Plug and Play model.
#[must_use]
pub fn username(hub: &str, device_id: &str, model_id: &str) -> String {
    let (client, model_id) = (quote(CLIENT), quote(model_id));
    format!(
        "{hub}/{device_id}/?api-version={API_VERSION}&DeviceClientType={client}&model-id={model_id}"
    )
}

/// Reads a property bag. A name without `=` has an empty value.
fn properties(bag: &str) -> Vec<(String, String)> {
    bag.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value)
}

/// Returns whether a topic can carry this `$rid` back (MQTT 3.1.1, 3.3.2.1).
fn can_be_answered(request: &str) -> bool {
    request.len() <= MAX_REQUEST_ID_LENGTH && !request.contains(['+', '#', '\0'])
}

/// Decodes percent-encoding; invalid UTF-8 becomes U+FFFD.
fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn read(topic: &str) -> Option<Topic> {
        parse(topic, "d-1")
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        expected.iter().map(owned).collect()
    }

    #[test]
    fn answers_to_twin_requests_carry_status_request_and_version() {
        let response = |status, version| {
            let request = "1f".to_owned();
            Some(Topic::TwinResponse {
                status,
                request,
                version,
            })
        };
        assert_eq!(read("$iothub/twin/res/200/?$rid=1f"), response(200, None));
        assert_eq!(
            read("$iothub/twin/res/204/?$rid=1f&$version=6"),
            response(204, Some(6))
        );
        assert_eq!(
            read("$iothub/twin/res/204/?$version=6&$rid=1f"),
            response(204, Some(6))
        );
    }

    #[test]
    fn desired_changes_carry_their_version() {
        let topic = "$iothub/twin/PATCH/properties/desired/?$version=42";
        assert_eq!(read(topic), Some(Topic::Desired { version: 42 }));
    }

    #[test]
    fn methods_carry_name_and_request_as_sent() {
        let method = |name: &str, request: &str| {
            let (name, request) = (name.to_owned(), request.to_owned());
            Some(Topic::Method { name, request })
        };
        assert_eq!(
            read("$iothub/methods/POST/getMaxMinReport/?$rid=a%2f"),
            method("getMaxMinReport", "a%2f")
        );
        assert_eq!(
            read("$iothub/methods/POST/c%2Areboot/?$rid=1"),
            method("c*reboot", "1")
        );
    }

    #[test]
    fn messages_carry_their_properties_decoded_and_in_order() {
        let topic = "devices/d-1/messages/devicebound/%24.to=%2Fdevices%2Fd-1&$.ct=a%2Fb&x%20y=1%2B1+1&empty=&bare";
        let expected = [
            ("$.to", "/devices/d-1"),
            ("$.ct", "a/b"),
            ("x y", "1+1+1"),
            ("empty", ""),
            ("bare", ""),
        ];
        let properties = pairs(&expected);
        assert_eq!(read(topic), Some(Topic::Message { properties }));
        let bare = read("devices/d-1/messages/devicebound/");
        assert_eq!(bare, Some(Topic::Message { properties: vec![] }));
    }

    #[test]
    fn other_topics_are_not_understood() {
        for topic in [
            "",
            "$iothub/twin/res/?$rid=1",
            "$iothub/twin/res/x/?$rid=1",
            "$iothub/twin/res/200/",
            "$iothub/methods/POST//?$rid=1",
            "$iothub/methods/POST/a",
            "$iothub/methods/POST/a/?$rid=+",
            "$iothub/methods/POST/a/?$rid=a#",
            &format!("$iothub/methods/POST/a/?$rid={}", "1".repeat(1025)),
            "$iothub/twin/PATCH/properties/desired/?$version=-1",
            "$iothub/twin/PATCH/properties/reported/?$version=1",
            "devices/d-2/messages/devicebound/",
            "devices/d-11/messages/devicebound/",
            "devices/d-1/messages/events/",
        ] {
            assert_eq!(read(topic), None, "{topic}");
        }
    }

    #[test]
    fn requests_and_user_name_read_as_documented() {
        assert_eq!(twin_get("1"), "$iothub/twin/GET/?$rid=1");
        assert_eq!(
            reported_patch("2"),
            "$iothub/twin/PATCH/properties/reported/?$rid=2"
        );
        assert_eq!(
            method_response(404, "3f"),
            "$iothub/methods/res/404/?$rid=3f"
        );
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            username("h:1", "d-1", "dtmi:com:example:Thermostat;1"),
            format!(
                "h:1/d-1/?api-version=2021-04-12&DeviceClientType=pnp-host%2F{version}\
                 &model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1"
            )
        );
    }

    #[test]
    fn a_device_subscribes_to_messages_only_if_it_takes_them() {
        let three = subscriptions("d-1", false);
        assert_eq!(three.len(), 3);
        let four = subscriptions("d-1", true);
        assert_eq!(four[..3], three);
        assert_eq!(four[3], "devices/d-1/messages/devicebound/#");
    }

    #[test]
    fn telemetry_goes_out_with_an_encoded_property_bag() {
        let bag = [
            ("$.ct", "application/json"),
            ("$.ce", "utf-8"),
            ("a&b", "ä=1"),
            ("none", ""),
        ];
        assert_eq!(
            events("d-1", bag),
            "devices/d-1/messages/events/$.ct=application%2Fjson&$.ce=utf-8&a%26b=%C3%A4%3D1&none="
        );
        assert_eq!(events("d-1", []), "devices/d-1/messages/events/");
    }

    proptest! {
        #[test]
        fn no_topic_makes_it_panic(start in 0..4_usize, rest in ".{0,60}") {
            let starts = [TWIN_RESPONSES, METHODS, DESIRED, "devices/d-1/messages/devicebound/"];
            read(&format!("{}{rest}", starts[start]));
            read(&rest);
        }

        #[test]
        fn a_property_bag_is_read_as_it_was_written(bag in vec((".{1,9}", ".{0,9}"), 0..5)) {
            let topic = events("d-1", bag.iter().map(|(name, value)| (&**name, &**value)));
            prop_assert!(topic.is_ascii());
            let returned = topic.replace("/events/", "/devicebound/");
            prop_assert_eq!(read(&returned), Some(Topic::Message { properties: bag }));
        }

        /// IoT Hub encodes names too.
        #[test]
        fn a_property_bag_is_read_however_it_is_encoded(bag in vec((".{1,9}", ".{0,9}"), 0..5)) {
            let encode = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
            let pairs = bag.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
            let topic = format!("devices/d-1/messages/devicebound/{}", pairs.collect::<Vec<_>>().join("&"));
            prop_assert_eq!(read(&topic), Some(Topic::Message { properties: bag }));
        }

        #[test]
        fn whatever_method_is_called_it_is_answered_on_a_legal_topic_under_its_request_id(
            name in ".{0,9}",
            request in prop_oneof!["[0-9a-f]{1,9}", ".{0,9}", "[+#\\x00a]{0,3}", "a{2000}"],
            status: u32,
        ) {
            let called = read(&format!("$iothub/methods/POST/{name}/?$rid={request}"));
            let Some(Topic::Method { request: given, .. }) = called else {
                return Ok(());
            };
            let answer = method_response(status, &given);
            prop_assert!(answer.len() < 65_536 && !answer.contains(['+', '#', '\0']), "{answer}");
            let sent = format!("/?$rid={given}");
            prop_assert!(answer.ends_with(&sent));
        }
    }
}
