//! What a digital twin shows of a device twin.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::super::Twin;
use super::{MARKER, METADATA, component};

/// The properties of the device itself, or of one component, in both halves of the twin, with their metadata.
#[derive(Clone, Copy)]
struct Level<'a> {
    desired: Half<'a>,
    reported: Half<'a>,
}

#[derive(Clone, Copy, Default)]
struct Half<'a> {
    values: Option<&'a Map<String, Value>>,
    metadata: Option<&'a Map<String, Value>>,
}

pub(super) fn digital_twin(id: &str, model: &str, twin: &Twin) -> Value {
    let level = Level {
        desired: Half::new(twin.desired(), twin.desired_metadata()),
        reported: Half::new(twin.reported(), twin.reported_metadata()),
    };
    let (mut properties, mut metadata) = level.project();
    metadata.insert("$model".into(), model.into());
    properties.insert("$dtId".into(), id.into());
    properties.insert(METADATA.into(), metadata.into());
    properties.into()
}

impl<'a> Half<'a> {
    fn new(values: &'a Map<String, Value>, metadata: &'a Map<String, Value>) -> Self {
        Self {
            values: Some(values),
            metadata: Some(metadata),
        }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.values?.get(name)
    }

    /// What is kept beside a property: `$lastUpdated`, `$lastUpdatedVersion`.
    fn stamp(&self, name: &str, of: &str) -> Option<Value> {
        self.metadata?.get(name)?.get(of).cloned()
    }

    fn component(&self, name: &str) -> Option<Self> {
        let metadata = self.metadata.and_then(|metadata| metadata.get(name));
        Some(Self {
            values: Some(component(self.values?, name)?),
            metadata: metadata.and_then(Value::as_object),
        })
    }
}

impl<'a> Level<'a> {
    /// The values, and what `$metadata` says of them.
    fn project(self) -> (Map<String, Value>, Map<String, Value>) {
        let (mut properties, mut metadata) = (Map::new(), Map::new());
        for name in self.names() {
            if let Some(level) = self.component(name) {
                let (mut inner, about) = level.project();
                inner.insert(METADATA.into(), about.into());
                properties.insert(name.into(), inner.into());
                continue;
            }
            let reported = self.reported.value(name).map(Reported::of);
            let about = self.about(name, reported);
            metadata.insert(name.into(), about.into());
            let value = reported.and_then(|reported| reported.value);
            properties.extend(value.map(|value| (name.into(), value.clone())));
        }
        (properties, metadata)
    }

    fn names(self) -> BTreeSet<&'a str> {
        let halves = [self.desired.values, self.reported.values];
        let names = halves.into_iter().flatten().flat_map(Map::keys);
        let names = names.map(String::as_str);
        names.filter(|name| *name != MARKER.0).collect()
    }

    /// It is a component if either half says so; a half that says otherwise is not shown.
    fn component(self, name: &str) -> Option<Self> {
        let (desired, reported) = (self.desired.component(name), self.reported.component(name));
        if desired.is_none() && reported.is_none() {
            return None;
        }
        Some(Self {
            desired: desired.unwrap_or_default(),
            reported: reported.unwrap_or_default(),
        })
    }

    fn about(self, name: &str, reported: Option<Reported<'_>>) -> Map<String, Value> {
        let acknowledged = |key| reported?.acknowledgment?.get(key).cloned();
        let about = [
            ("desiredValue", self.desired.value(name).cloned()),
            (
                "desiredVersion",
                self.desired.stamp(name, "$lastUpdatedVersion"),
            ),
            ("ackVersion", acknowledged("av")),
            ("ackCode", acknowledged("ac")),
            ("ackDescription", acknowledged("ad")),
            ("lastUpdateTime", self.reported.stamp(name, "$lastUpdated")),
        ];
        let about = about
            .into_iter()
            .filter_map(|(key, value)| Some((key.into(), value?)));
        about.collect()
    }
}

/// What a device reports of a property: its value, or an acknowledgment `{value, ac, av, ad}` that holds it. One of a value
/// that was removed holds none: the twin keeps no nulls.
#[derive(Clone, Copy)]
struct Reported<'a> {
    value: Option<&'a Value>,
    acknowledgment: Option<&'a Map<String, Value>>,
}

impl<'a> Reported<'a> {
    fn of(reported: &'a Value) -> Self {
        let acknowledgment = reported.as_object().filter(|object| {
            let own = |key: &String| matches!(key.as_str(), "value" | "ac" | "av" | "ad");
            let answers = object.contains_key("value") || object.contains_key("av");
            object.get("ac").is_some_and(Value::is_u64) && answers && object.keys().all(own)
        });
        Self {
            value: acknowledgment.map_or(Some(reported), |object| object.get("value")),
            acknowledgment,
        }
    }
}
