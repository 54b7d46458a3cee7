//! What a topic of Azure's means.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// Beginnings of topics, what they mean, and what the next level is, if it says something.
const MEANINGS: [(&str, &str, Option<&str>); 9] = [
    ("$iothub/twin/GET/", "twin-get", None),
    ("$iothub/twin/PATCH/properties/reported/", "report", None),
    ("$iothub/twin/PATCH/properties/desired/", "desired", None),
    ("$iothub/twin/res/", "twin-answer", Some("status")),
    ("$iothub/methods/POST/", "call", Some("method")),
    ("$iothub/methods/res/", "call-answer", Some("status")),
    ("$dps/registrations/PUT/iotdps-register/", "register", None),
    (
        "$dps/registrations/GET/iotdps-get-operationstatus/",
        "register-status",
        None,
    ),
    ("$dps/registrations/res/", "register-answer", Some("status")),
];

/// What a topic says, as members of an object: `means`, and `rid`, `version`, `status`, `method`, `properties` where it has
/// them. Empty for a topic of anyone else's.
pub(crate) fn meaning(topic: &str) -> Map<String, Value> {
    hub_or_dps(topic)
        .or_else(|| message(topic))
        .unwrap_or_default()
}

fn hub_or_dps(topic: &str) -> Option<Map<String, Value>> {
    let known = MEANINGS.iter().find_map(|(head, means, level)| {
        let rest = topic.strip_prefix(head)?;
        Some((rest, *means, *level))
    });
    let (rest, means, level) = known?;
    let mut said = Map::from_iter([("means".to_owned(), means.into())]);
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    if let Some(level) = level {
        let value = before.trim_end_matches('/');
        let number = value.parse().ok().filter(|_| level == "status");
        said.insert(
            level.into(),
            number.map_or_else(|| value.into(), |number: u16| number.into()),
        );
    }
    for (name, value) in parameters(query) {
        let name = name.trim_start_matches('$').to_owned();
        said.entry(name).or_insert(value);
    }
    Some(said)
}

fn message(topic: &str) -> Option<Map<String, Value>> {
    let (_, rest) = topic.strip_prefix("devices/")?.split_once("/messages/")?;
    let (means, bag) = match rest.split_once('/').unwrap_or((rest, "")) {
        ("events", bag) => ("telemetry", bag),
        ("devicebound", bag) => ("message", bag),
        _ => return None,
    };
    let properties: Map<_, _> = parameters(bag.trim_start_matches('?')).collect();
    let properties = (!properties.is_empty()).then(|| ("properties".to_owned(), properties.into()));
    let means = ("means".to_owned(), means.into());
    Some([means].into_iter().chain(properties).collect())
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
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn shown(topic: &str) -> Value {
        meaning(topic).into()
    }

    #[test]
    fn each_topic_says_what_it_is_for() {
        for (topic, said) in [
            (
                "$iothub/twin/GET/?$rid=a1",
                json!({"means": "twin-get", "rid": "a1"}),
            ),
            (
                "$iothub/twin/res/204/?$rid=2&$version=7",
                json!({"means": "twin-answer", "status": 204, "rid": "2", "version": "7"}),
            ),
            (
                "$iothub/twin/PATCH/properties/desired/?$version=3",
                json!({"means": "desired", "version": "3"}),
            ),
            (
                "$iothub/methods/POST/getMaxMinReport/?$rid=1",
                json!({"means": "call", "method": "getMaxMinReport", "rid": "1"}),
            ),
            (
                "$iothub/methods/res/200/?$rid=1",
                json!({"means": "call-answer", "status": 200, "rid": "1"}),
            ),
            (
                "$dps/registrations/res/202/?$rid=1&retry-after=3",
                json!({"means": "register-answer", "status": 202, "rid": "1", "retry-after": "3"}),
            ),
            (
                "devices/t-1/messages/events/%24.ct=application%2Fjson&a=b",
                json!({"means": "telemetry", "properties": {"$.ct": "application/json", "a": "b"}}),
            ),
            (
                "devices/t-1/messages/events/",
                json!({"means": "telemetry"}),
            ),
            (
                "devices/t-1/messages/devicebound/$.mid=1",
                json!({"means": "message", "properties": {"$.mid": "1"}}),
            ),
            ("else/where", json!({})),
        ] {
            assert_eq!(shown(topic), said, "{topic}");
        }
    }

    #[test]
    fn a_topic_cannot_take_the_place_of_what_it_means() {
        let said = shown("$iothub/twin/res/200/?means=x&$status=500&$rid=1");
        assert_eq!(
            said,
            json!({"means": "twin-answer", "status": 200, "rid": "1"})
        );
    }

    proptest! {
        #[test]
        fn no_topic_is_too_strange_to_read(
            head in prop::sample::select(vec!["", "devices/t/messages/events", "$iothub/methods/res/"]),
            tail in ".{0,40}",
        ) {
            meaning(&format!("{head}{tail}"));
        }
    }
}
