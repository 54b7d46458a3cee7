//! MQTT topics of IoT Hub.

use percent_encoding::percent_decode_str;

const TWIN_GET: &str = "$iothub/twin/GET/";
const REPORTED: &str = "$iothub/twin/PATCH/properties/reported/";
const METHOD_RESULT: &str = "$iothub/methods/res/";
const TWIN_RESULT: &str = "$iothub/twin/res/";
const METHOD: &str = "$iothub/methods/POST/";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/";

/// A PUBLISH from a device, by its topic.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// Telemetry, with its property bag.
    Telemetry { bag: &'a str },
    /// Request for the twin.
    TwinGet { rid: String },
    /// Reported properties.
    Report { rid: String },
    /// Response to a method call.
    MethodResult { status: i64, rid: String },
}

impl<'a> Incoming<'a> {
    /// Parses a topic; `None` if the device may not publish to it.
    pub(super) fn parse(topic: &'a str, device_id: &str) -> Option<Self> {
        if let Some(bag) = telemetry_bag(topic, device_id) {
            return Some(Self::Telemetry { bag });
        }
        if let Some(query) = topic.strip_prefix(TWIN_GET) {
            return Some(Self::TwinGet { rid: rid(query)? });
        }
        if let Some(query) = topic.strip_prefix(REPORTED) {
            return Some(Self::Report { rid: rid(query)? });
        }
        let (status, query) = topic.strip_prefix(METHOD_RESULT)?.split_once('/')?;
        Some(Self::MethodResult {
            status: status.parse().ok()?,
            rid: rid(query)?,
        })
    }
}

fn telemetry_bag<'a>(topic: &'a str, device_id: &str) -> Option<&'a str> {
    let rest = topic.strip_prefix("devices/")?.strip_prefix(device_id)?;
    match rest.strip_prefix("/messages/events")? {
        "" => Some(""),
        bag => bag.strip_prefix('/').map(|bag| bag.trim_start_matches('?')),
    }
}

/// Returns the topic of the response to a twin request, with the new version for a reported patch.
pub(super) fn twin_result(status: u16, rid: &str, version: Option<u64>) -> String {
    let version = version.map(|version| format!("&$version={version}"));
    format!(
        "{TWIN_RESULT}{status}/?$rid={rid}{}",
        version.unwrap_or_default()
    )
}

/// Returns the topic of a method call.
pub(super) fn method(name: &str, rid: &str) -> String {
    format!("{METHOD}{name}/?$rid={rid}")
}

/// Returns the topic of a change of desired properties.
pub(super) fn desired(version: u64) -> String {
    format!("{DESIRED}?$version={version}")
}

/// Returns the topic of a cloud-to-device message with its property bag.
pub(super) fn device_bound(device_id: &str, bag: &str) -> String {
    format!("devices/{device_id}/messages/devicebound/{bag}")
}

/// Returns true if the hub publishes to topics of this filter.
pub(super) fn is_known_filter(device_id: &str, filter: &str) -> bool {
    let device_bound = device_bound(device_id, "");
    let offered = [TWIN_RESULT, METHOD, DESIRED, &device_bound];
    offered.iter().any(|prefix| {
        let rest = filter.strip_prefix(prefix);
        rest.is_some_and(|rest| !rest.is_empty() && is_well_formed(rest))
    })
}

/// Checks that `+` is a whole level, and `#` the last one.
fn is_well_formed(filter: &str) -> bool {
    let mut levels = filter.split('/').peekable();
    while let Some(level) = levels.next() {
        match level {
            "+" => {}
            "#" if levels.peek().is_none() => {}
            level if level.contains(['+', '#']) => return false,
            _ => {}
        }
    }
    true
}

/// Returns true if a filter matches a topic (MQTT 3.1.1, 4.7).
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

/// Returns the request id in a query such as `?$rid=1&x=y`, still encoded, because it goes back into a topic.
pub(crate) fn rid(query: &str) -> Option<String> {
    let rid = raw_parameter(query, "$rid")?;
    (!rid.is_empty()).then(|| rid.to_owned())
}

/// Returns a parameter of a query, decoded.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    raw_parameter(query, name).and_then(decode)
}

/// Returns a parameter, still encoded. Names may be percent-encoded too.
fn raw_parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let query = query.strip_prefix('?').unwrap_or(query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find_map(|(key, value)| (decode(key)? == name).then_some(value))
}

fn decode(text: &str) -> Option<String> {
    let text = percent_decode_str(text).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_topic_is_too_strange_to_read(
            head in prop::sample::select(vec!["", "devices/t", TWIN_GET, REPORTED, METHOD_RESULT]),
            tail in ".{0,40}",
        ) {
            let topic = format!("{head}{tail}");
            Incoming::parse(&topic, "t");
            is_known_filter("t", &topic);
            matches(&topic, &tail);
        }
    }

    #[test]
    fn each_topic_of_a_device_is_told_apart() {
        let parse = |topic| Incoming::parse(topic, "t-1");
        let rid = || "a1".to_owned();
        assert_eq!(
            parse("devices/t-1/messages/events/$.ct=x&a=b"),
            Some(Incoming::Telemetry { bag: "$.ct=x&a=b" })
        );
        assert_eq!(
            parse("devices/t-1/messages/events"),
            Some(Incoming::Telemetry { bag: "" })
        );
        assert_eq!(
            parse("$iothub/twin/GET/?$rid=a1"),
            Some(Incoming::TwinGet { rid: rid() })
        );
        assert_eq!(
            parse("$iothub/twin/PATCH/properties/reported/?x=y&%24rid=a1"),
            Some(Incoming::Report { rid: rid() })
        );
        assert_eq!(
            parse("$iothub/methods/res/200/?$rid=a1"),
            Some(Incoming::MethodResult {
                status: 200,
                rid: rid()
            })
        );
    }

    #[test]
    fn a_device_may_answer_a_method_with_any_number() {
        for status in [-1, 0, 4_294_967_295] {
            let topic = format!("$iothub/methods/res/{status}/?$rid=1");
            let rid = "1".to_owned();
            let parsed = Incoming::parse(&topic, "t");
            assert_eq!(parsed, Some(Incoming::MethodResult { status, rid }));
        }
    }

    #[test]
    fn a_request_id_goes_back_as_it_came() {
        let Some(Incoming::TwinGet { rid }) = Incoming::parse("$iothub/twin/GET/?$rid=%23", "t")
        else {
            panic!("not a GET");
        };
        assert_eq!(
            twin_result(200, &rid, None),
            "$iothub/twin/res/200/?$rid=%23"
        );
    }

    #[test]
    fn a_topic_that_is_not_the_devices_is_none() {
        for topic in [
            "devices/t-2/messages/events/",
            "devices/t-1/messages/eventsx",
            "devices/t-1/messages/devicebound/",
            "$iothub/twin/GET/",
            "$iothub/methods/res/ok/?$rid=1",
            "",
        ] {
            assert_eq!(Incoming::parse(topic, "t-1"), None, "{topic}");
        }
    }

    #[test]
    fn wildcards_stand_for_levels() {
        assert!(matches("a/#", "a/b/c"));
        assert!(matches("a/#", "a"));
        assert!(matches("a/+/c", "a/b/c"));
        assert!(!matches("a/+", "a/b/c"));
        assert!(!matches("a/b", "a"));
        assert!(!is_known_filter("t", "$iothub/twin/res/x#"));
        assert!(!is_known_filter("t", "$iothub/twin/res/#/x"));
    }
}
