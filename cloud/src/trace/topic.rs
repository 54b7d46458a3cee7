//! The operation behind a topic of IoT Hub or DPS.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Prefixes of topics, their operation, and the name of the next level, if it is a parameter.
const OPERATIONS: [(&str, &str, Option<&str>); 9] = [
    ("$iothub/twin/GET/", "twin-get", None),
    ("$iothub/twin/PATCH/properties/reported/", "report", None),
    ("$iothub/twin/PATCH/properties/desired/", "desired", None),
    ("$iothub/twin/res/", "twin-response", Some("status")),
    ("$iothub/methods/POST/", "method-call", Some("method")),
    ("$iothub/methods/res/", "method-response", Some("status")),
    ("$dps/registrations/PUT/iotdps-register/", "register", None),
    (
        "$dps/registrations/GET/iotdps-get-operationstatus/",
        "register-status",
        None,
    ),
    (
        "$dps/registrations/res/",
        "register-response",
        Some("status"),
    ),
];

/// Returns the parts of a topic as members of an object: `operation`, and `rid`, `version`, `status`, `method`, `properties`
/// if present. Empty for other topics.
pub(crate) fn describe_topic(topic: &str) -> Map<String, Value> {
    request_topic(topic)
        .or_else(|| message_topic(topic))
        .unwrap_or_default()
}

fn request_topic(topic: &str) -> Option<Map<String, Value>> {
    let known = OPERATIONS.iter().find_map(|(prefix, operation, level)| {
        let rest = topic.strip_prefix(prefix)?;
        Some((rest, *operation, *level))
    });
    let (rest, operation, level) = known?;
    let mut members = Map::from_iter([("operation".to_owned(), operation.into())]);
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    if let Some(level) = level {
        let value = before.trim_end_matches('/');
        let number = value.parse().ok().filter(|_| level == "status");
        members.insert(
            level.into(),
            number.map_or_else(|| value.into(), |number: i64| number.into()),
        );
    }
    for (name, value) in parameters(query) {
        let name = name.trim_start_matches('$').to_owned();
        members.entry(name).or_insert(value);
    }
    Some(members)
}

fn message_topic(topic: &str) -> Option<Map<String, Value>> {
    let (_, rest) = topic.strip_prefix("devices/")?.split_once("/messages/")?;
    let (operation, bag) = match rest.split_once('/').unwrap_or((rest, "")) {
        ("events", bag) => ("telemetry", bag),
        ("devicebound", bag) => ("message", bag),
        _ => return None,
    };
    let properties: Map<_, _> = parameters(bag.trim_start_matches('?')).collect();
    let properties = (!properties.is_empty()).then(|| ("properties".to_owned(), properties.into()));
    let operation = ("operation".to_owned(), operation.into());
    Some([operation].into_iter().chain(properties).collect())
}

fn parameters(query: &str) -> impl Iterator<Item = (String, Value)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value).into())
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn described(topic: &str) -> Value {
        describe_topic(topic).into()
    }

    #[test]
    fn each_topic_says_what_it_is_for() {
        for (topic, said) in [
            (
                "$iothub/twin/GET/?$rid=a1",
                json!({"operation": "twin-get", "rid": "a1"}),
            ),
            (
                "$iothub/twin/res/204/?$rid=2&$version=7",
                json!({"operation": "twin-response", "status": 204, "rid": "2", "version": "7"}),
            ),
            (
                "$iothub/twin/PATCH/properties/desired/?$version=3",
                json!({"operation": "desired", "version": "3"}),
            ),
            (
                "$iothub/methods/POST/getMaxMinReport/?$rid=1",
                json!({"operation": "method-call", "method": "getMaxMinReport", "rid": "1"}),
            ),
            (
                "$iothub/methods/res/200/?$rid=1",
                json!({"operation": "method-response", "status": 200, "rid": "1"}),
            ),
            (
                "$iothub/methods/res/-1/?$rid=1",
                json!({"operation": "method-response", "status": -1, "rid": "1"}),
            ),
            (
                "$dps/registrations/res/202/?$rid=1&retry-after=3",
                json!({"operation": "register-response", "status": 202, "rid": "1", "retry-after": "3"}),
            ),
            (
                "devices/t-1/messages/events/%24.ct=application%2Fjson&a=b",
                json!({"operation": "telemetry", "properties": {"$.ct": "application/json", "a": "b"}}),
            ),
            (
                "devices/t-1/messages/events/",
                json!({"operation": "telemetry"}),
            ),
            (
                "devices/t-1/messages/devicebound/$.mid=1",
                json!({"operation": "message", "properties": {"$.mid": "1"}}),
            ),
            ("else/where", json!({})),
        ] {
            assert_eq!(described(topic), said, "{topic}");
        }
    }

    #[test]
    fn a_topic_cannot_take_the_place_of_what_it_means() {
        let said = described("$iothub/twin/res/200/?operation=x&$status=500&$rid=1");
        assert_eq!(
            said,
            json!({"operation": "twin-response", "status": 200, "rid": "1"})
        );
    }

    proptest! {
        #[test]
        fn no_topic_is_too_strange_to_read(
            head in prop::sample::select(vec!["", "devices/t/messages/events", "$iothub/methods/res/"]),
            tail in ".{0,40}",
        ) {
            describe_topic(&format!("{head}{tail}"));
        }
    }
}
