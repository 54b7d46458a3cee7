//! The digital twin made of a device twin.

use indexmap::IndexSet;

use super::{super::Twin, MARKER, METADATA, component};
use crate::json::{JsonObject, JsonValue, object};

/// The desired and reported properties of the device itself or of one component.
#[derive(Clone, Copy)]
struct Scope<'a> {
    desired: SectionView<'a>,
    reported: SectionView<'a>,
}

#[derive(Clone, Copy, Default)]
struct SectionView<'a> {
    values: Option<&'a JsonObject>,
    metadata: Option<&'a JsonObject>,
}

pub(super) fn digital_twin(id: &str, model: &str, twin: &Twin) -> JsonValue {
    let scope = Scope {
        desired: SectionView::new(twin.desired(), twin.desired_metadata()),
        reported: SectionView::new(twin.reported(), twin.reported_metadata()),
    };
    let (properties, metadata) = scope.project();
    let mut twin = object([("$dtId", id.into())]);
    let mut with_model = object([("$model", model.into())]);
    with_model.extend(metadata);
    twin.extend(properties);
    twin.insert(METADATA.into(), with_model.into());
    twin.into()
}

impl<'a> SectionView<'a> {
    fn new(values: &'a JsonObject, metadata: &'a JsonObject) -> Self {
        Self {
            values: Some(values),
            metadata: Some(metadata),
        }
    }

    fn value(&self, name: &str) -> Option<&'a JsonValue> {
        self.values?.get(name)
    }

    /// Returns a member of the metadata of a property: `$lastUpdated`, `$lastUpdatedVersion`.
    fn metadata_of(&self, name: &str, of: &str) -> Option<JsonValue> {
        self.metadata?.get(name)?.get(of).cloned()
    }

    fn component(&self, name: &str) -> Option<Self> {
        let metadata = self.metadata.and_then(|metadata| metadata.get(name));
        Some(Self {
            values: Some(component(self.values?, name)?),
            metadata: metadata.and_then(JsonValue::as_object),
        })
    }
}

impl<'a> Scope<'a> {
    /// Returns the values and their `$metadata`.
    fn project(self) -> (JsonObject, JsonObject) {
        let (mut properties, mut metadata) = (JsonObject::new(), JsonObject::new());
        for name in self.names() {
            if let Some(scope) = self.component(name) {
                let (mut inner, inner_metadata) = scope.project();
                inner.insert(METADATA.into(), inner_metadata.into());
                properties.insert(name.into(), inner.into());
                continue;
            }
            let reported = self.reported.value(name).map(ReportedProperty::parse);
            let property_metadata = self.property_metadata(name, reported);
            metadata.insert(name.into(), property_metadata.into());
            let value = reported.and_then(|reported| reported.value);
            properties.extend(value.map(|value| (name.into(), value.clone())));
        }
        (properties, metadata)
    }

    fn names(self) -> IndexSet<&'a str> {
        let sections = [self.desired.values, self.reported.values];
        let names = sections.into_iter().flatten().flat_map(JsonObject::keys);
        let names = names.map(String::as_str);
        names.filter(|name| *name != MARKER.0).collect()
    }

    /// Returns the scope of a component, if either section has one under this name.
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

    fn property_metadata(self, name: &str, reported: Option<ReportedProperty<'_>>) -> JsonObject {
        let acknowledged = |key| reported?.acknowledgment?.get(key).cloned();
        let members = [
            ("desiredValue", self.desired.value(name).cloned()),
            (
                "desiredVersion",
                self.desired.metadata_of(name, "$lastUpdatedVersion"),
            ),
            ("ackVersion", acknowledged("av")),
            ("ackCode", acknowledged("ac")),
            ("ackDescription", acknowledged("ad")),
            (
                "lastUpdateTime",
                self.reported.metadata_of(name, "$lastUpdated"),
            ),
        ];
        let members = members
            .into_iter()
            .filter_map(|(key, value)| Some((key.into(), value?)));
        members.collect()
    }
}

/// A reported property: a plain value, or an acknowledgment `{value, ac, av, ad}`. The acknowledgment of a removed value has
/// none, because a twin stores no nulls.
#[derive(Clone, Copy)]
struct ReportedProperty<'a> {
    value: Option<&'a JsonValue>,
    acknowledgment: Option<&'a JsonObject>,
}

impl<'a> ReportedProperty<'a> {
    fn parse(reported: &'a JsonValue) -> Self {
        let acknowledgment = reported.as_object().filter(|object| {
            let is_member = |key: &String| matches!(key.as_str(), "value" | "ac" | "av" | "ad");
            let is_complete = object.contains_key("value") || object.contains_key("av");
            object.get("ac").and_then(JsonValue::as_u64).is_some()
                && is_complete
                && object.keys().all(is_member)
        });
        Self {
            value: acknowledgment.map_or(Some(reported), |object| object.get("value")),
            acknowledgment,
        }
    }
}
