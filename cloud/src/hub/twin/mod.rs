//! A device twin: desired and reported properties and tags, merged and stamped as Azure does it. No time, no I/O.

mod limits;
mod merge;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use self::merge::Stamp;
use super::Error;

/// Tags, desired and reported properties of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    tags: Map<String, Value>,
    desired: Section,
    reported: Section,
    version: u64,
}

/// One half of the properties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Section {
    values: Map<String, Value>,
    metadata: Map<String, Value>,
    version: u64,
}

/// Which half.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Desired,
    Reported,
}

/// A change of tags and desired properties. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TwinPatch {
    /// Changes of the tags.
    pub tags: Option<Map<String, Value>>,
    /// Changes of the desired properties.
    pub desired: Option<Map<String, Value>>,
}

/// What a device is to be told: a desired patch and the `$version` it made.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredPush {
    /// The patch; `null` removes.
    pub patch: Map<String, Value>,
    /// The desired `$version` now.
    pub version: u64,
}

impl DesiredPush {
    /// The payload as it goes to the device.
    pub fn to_json(&self) -> Value {
        with_version(self.patch.clone(), self.version)
    }
}

impl TwinPatch {
    /// Reads Azure's body `{tags, properties: {desired}}`. What else stands there is ignored, as Azure does, so
    /// that a whole twin can be sent back.
    ///
    /// # Errors
    /// `ArgumentInvalid` if one of them is not an object.
    pub fn from_json(body: &Value) -> Result<Self, Error> {
        let object = |at: &str| match body.pointer(at) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map.clone())),
            Some(_) => Err(Error::ArgumentInvalid(format!(
                "the twin's {at} must be a JSON object"
            ))),
        };
        if !body.is_object() {
            return Err(Error::ArgumentInvalid(
                "a twin patch must be a JSON object".into(),
            ));
        }
        Ok(Self {
            tags: object("/tags")?,
            desired: object("/properties/desired")?,
        })
    }

    /// The same body.
    pub fn to_json(&self) -> Value {
        json!({"tags": self.tags, "properties": {"desired": self.desired}})
    }

    /// Without what the hub keeps beside the properties.
    pub(super) fn clean(mut self) -> Self {
        for part in [&mut self.tags, &mut self.desired].into_iter().flatten() {
            remove_own(part);
        }
        self
    }
}

impl Section {
    fn new(now: Timestamp) -> Self {
        Self {
            values: Map::new(),
            metadata: Stamp::reported(now).object(),
            version: 1,
        }
    }

    fn merge(&mut self, patch: &Map<String, Value>, stamp: Stamp) {
        self.version += 1;
        merge::stamped(&mut self.values, &mut self.metadata, patch, &stamp);
    }

    fn service_json(&self) -> Value {
        let mut section = self.values.clone();
        section.insert("$metadata".into(), self.metadata.clone().into());
        with_version(section, self.version)
    }
}

impl Twin {
    /// The twin of a device that was made at `now`: empty, every version 1.
    pub fn new(now: Timestamp) -> Self {
        let mut desired = Section::new(now);
        desired.metadata = Stamp::desired(now, 1).object();
        Self {
            tags: Map::new(),
            desired,
            reported: Section::new(now),
            version: 1,
        }
    }

    /// Counts every change of tags and properties.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The `$version` of the desired properties.
    pub fn desired_version(&self) -> u64 {
        self.desired.version
    }

    /// The tags.
    pub fn tags(&self) -> &Map<String, Value> {
        &self.tags
    }

    /// Counts the changes of tags and desired properties. The etag is made of it, so that what a device reports never
    /// makes an operator's change late.
    pub fn operated_version(&self) -> u64 {
        self.version + 1 - self.reported.version
    }

    /// The desired properties, without metadata and `$version`.
    pub fn desired(&self) -> &Map<String, Value> {
        &self.desired.values
    }

    /// The reported properties, without metadata and `$version`.
    pub fn reported(&self) -> &Map<String, Value> {
        &self.reported.values
    }

    /// When, and by which `$version`, each desired property last changed.
    pub(super) fn desired_metadata(&self) -> &Map<String, Value> {
        &self.desired.metadata
    }

    /// When each reported property last changed.
    pub(super) fn reported_metadata(&self) -> &Map<String, Value> {
        &self.reported.metadata
    }

    /// What a device gets when it asks for its twin.
    pub fn device_json(&self) -> Value {
        json!({
            "desired": with_version(self.desired.values.clone(), self.desired.version),
            "reported": with_version(self.reported.values.clone(), self.reported.version),
        })
    }

    /// `properties` as the service sees them, with `$metadata` and `$version`.
    pub fn properties_json(&self) -> Value {
        json!({
            "desired": self.desired.service_json(),
            "reported": self.reported.service_json(),
        })
    }

    /// Merges what a device reports. Returns the reported `$version` this makes.
    ///
    /// # Errors
    /// `ArgumentInvalid` if the patch is no object or breaks a limit; the twin is unchanged then.
    pub fn report(&mut self, patch: &Value, now: Timestamp) -> Result<u64, Error> {
        let mut patch = as_object(patch)?;
        remove_own(&mut patch);
        limits::check_properties(&patch)?;
        let mut reported = self.reported.clone();
        reported.merge(&patch, Stamp::reported(now));
        limits::check_size("reported", &reported.values)?;
        self.reported = reported;
        self.version += 1;
        Ok(self.reported.version)
    }

    /// Merges an operator's patch. Returns what the device is to be told, if desired properties were named.
    ///
    /// # Errors
    /// `ArgumentInvalid` if the patch breaks a limit; the twin is unchanged then.
    pub fn patch(
        &mut self,
        patch: TwinPatch,
        now: Timestamp,
    ) -> Result<Option<DesiredPush>, Error> {
        let patch = patch.clean();
        let mut next = self.clone();
        if let Some(tags) = &patch.tags {
            limits::check_properties(tags)?;
            merge::plain(&mut next.tags, tags);
            limits::check_tags(&next.tags)?;
        }
        if let Some(desired) = &patch.desired {
            limits::check_properties(desired)?;
            let stamp = Stamp::desired(now, next.desired.version + 1);
            next.desired.merge(desired, stamp);
            limits::check_size("desired", &next.desired.values)?;
        }
        next.version += 1;
        *self = next;
        let version = self.desired.version;
        Ok(patch.desired.map(|patch| DesiredPush { patch, version }))
    }

    /// Puts other tags and desired properties in the place of those that are named. The device is told as by
    /// [`Twin::patch`], with a `null` for each property that is gone.
    ///
    /// # Errors
    /// As for [`Twin::patch`].
    pub fn replace(
        &mut self,
        with: TwinPatch,
        now: Timestamp,
    ) -> Result<Option<DesiredPush>, Error> {
        let with = with.clean();
        let patch = TwinPatch {
            tags: with.tags.map(|new| removing_others(&self.tags, new)),
            desired: with
                .desired
                .map(|new| removing_others(&self.desired.values, new)),
        };
        self.patch(patch, now)
    }
}

/// A patch as a section shows it, with what the change of `at` that made `version` wrote beside it.
pub(crate) fn as_changed(
    patch: &Map<String, Value>,
    at: Timestamp,
    version: u64,
    side: Side,
) -> Value {
    let stamp = match side {
        Side::Desired => Stamp::desired(at, version),
        Side::Reported => Stamp::reported(at),
    };
    let (mut values, mut metadata) = (Map::new(), Map::new());
    merge::stamped(&mut values, &mut metadata, patch, &stamp);
    let mut shown = patch.clone();
    shown.insert("$metadata".into(), metadata.into());
    with_version(shown, version)
}

/// A patch that leaves nothing of `old` but `new`.
fn removing_others(old: &Map<String, Value>, new: Map<String, Value>) -> Map<String, Value> {
    let mut patch: Map<_, _> = old.keys().map(|key| (key.clone(), Value::Null)).collect();
    for (key, value) in new {
        let value = replacing(old.get(&key), Some(value));
        patch.insert(key, value);
    }
    patch
}

/// A patch that puts `new` in the place of `old`.
pub(super) fn replacing(old: Option<&Value>, new: Option<Value>) -> Value {
    match (old, new) {
        (Some(Value::Object(old)), Some(Value::Object(new))) => removing_others(old, new).into(),
        (_, new) => new.unwrap_or(Value::Null),
    }
}

/// What the hub itself keeps beside the properties is not a property when it comes back.
fn remove_own(properties: &mut Map<String, Value>) {
    properties.remove("$metadata");
    properties.remove("$version");
}

fn with_version(mut properties: Map<String, Value>, version: u64) -> Value {
    properties.insert("$version".into(), version.into());
    properties.into()
}

fn as_object(value: &Value) -> Result<Map<String, Value>, Error> {
    let object = value.as_object().cloned();
    object.ok_or_else(|| Error::ArgumentInvalid("properties must be a JSON object".into()))
}
