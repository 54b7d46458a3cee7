//! Device twins: desired and reported properties and tags, merged as Azure does. No time, no I/O.

mod limits;
mod merge;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use self::merge::UpdateMetadata;
use super::Error;
use crate::json::{JsonObject, JsonValue, object};

/// Tags, desired and reported properties of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Twin {
    tags: JsonObject,
    desired: Section,
    reported: Section,
    version: u64,
}

/// The desired or the reported properties.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Section {
    values: JsonObject,
    metadata: JsonObject,
    version: u64,
}

/// A section of the properties.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TwinSection {
    Desired,
    Reported,
}

/// A change of tags and desired properties. An absent section stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TwinPatch {
    /// Changes of the tags.
    pub tags: Option<JsonObject>,
    /// Changes of the desired properties.
    pub desired: Option<JsonObject>,
}

/// A push of desired properties to the device: the patch and the new `$version`.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredPush {
    /// The patch; `null` removes.
    pub patch: JsonObject,
    /// The new desired `$version`.
    pub version: u64,
}

impl DesiredPush {
    /// Returns the payload for the device.
    pub fn to_json(&self) -> JsonValue {
        with_version(self.patch.clone(), self.version)
    }
}

impl TwinPatch {
    /// Parses Azure's body `{tags, properties: {desired}}`. Other members are ignored, as in Azure, so that a whole twin
    /// can be sent back.
    ///
    /// # Errors
    /// `ArgumentInvalid` if one of them is not an object.
    pub fn from_json(body: &JsonValue) -> Result<Self, Error> {
        let members = |at: &str, value: Option<&JsonValue>| match value {
            None | Some(JsonValue::Null) => Ok(None),
            Some(JsonValue::Object(members)) => Ok(Some(members.clone())),
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
            tags: members("/tags", body.get("tags"))?,
            desired: members("/properties/desired", body["properties"].get("desired"))?,
        })
    }

    /// Returns the body.
    pub fn to_json(&self) -> JsonValue {
        let desired = object([("desired", self.desired.clone().into())]);
        let properties = ("properties", desired.into());
        object([("tags", self.tags.clone().into()), properties]).into()
    }

    /// Removes the metadata and versions that the hub adds to properties.
    pub(super) fn without_metadata(mut self) -> Self {
        for part in [&mut self.tags, &mut self.desired].into_iter().flatten() {
            remove_metadata(part);
        }
        self
    }
}

impl Section {
    fn new(now: Timestamp) -> Self {
        Self {
            values: JsonObject::new(),
            metadata: UpdateMetadata::reported(now).object(),
            version: 1,
        }
    }

    /// Merges a patch. The section is unchanged if that breaks a limit.
    fn merge(
        &mut self,
        name: &str,
        patch: &JsonObject,
        update: &UpdateMetadata,
    ) -> Result<(), Error> {
        limits::check_properties(patch)?;
        let mut values = self.values.clone();
        merge::plain(&mut values, patch);
        limits::check_size(name, &values)?;
        merge::metadata(&mut self.metadata, Some(&self.values), patch, update);
        self.values = values;
        self.version += 1;
        Ok(())
    }

    fn service_json(&self) -> JsonValue {
        let mut section = self.values.clone();
        section.insert("$metadata".into(), self.metadata.clone().into());
        with_version(section, self.version)
    }
}

impl Twin {
    /// Makes the twin of a device registered at `now`: empty, every version 1.
    pub fn new(now: Timestamp) -> Self {
        let mut desired = Section::new(now);
        desired.metadata = UpdateMetadata::desired(now, 1).object();
        Self {
            tags: JsonObject::new(),
            desired,
            reported: Section::new(now),
            version: 1,
        }
    }

    /// Returns the version, which counts every change of tags and properties.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the `$version` of the desired properties.
    pub fn desired_version(&self) -> u64 {
        self.desired.version
    }

    /// Returns the tags.
    pub fn tags(&self) -> &JsonObject {
        &self.tags
    }

    /// Returns the number of changes by the service, plus one. The etag is made of it, so that a reported patch never fails
    /// a precondition of the service.
    pub fn service_version(&self) -> u64 {
        self.version + 1 - self.reported.version
    }

    /// Returns the desired properties, without metadata and `$version`.
    pub fn desired(&self) -> &JsonObject {
        &self.desired.values
    }

    /// Returns the reported properties, without metadata and `$version`.
    pub fn reported(&self) -> &JsonObject {
        &self.reported.values
    }

    /// Returns time and `$version` of the last change of each desired property.
    pub(super) fn desired_metadata(&self) -> &JsonObject {
        &self.desired.metadata
    }

    /// Returns the time of the last change of each reported property.
    pub(super) fn reported_metadata(&self) -> &JsonObject {
        &self.reported.metadata
    }

    /// Returns the twin as the device gets it.
    pub fn device_json(&self) -> JsonValue {
        let section = |section: &Section| with_version(section.values.clone(), section.version);
        self.sections(section).into()
    }

    /// Returns `properties` as the service gets them, with `$metadata` and `$version`.
    pub fn properties_json(&self) -> JsonValue {
        self.sections(Section::service_json).into()
    }

    fn sections(&self, json: impl Fn(&Section) -> JsonValue) -> JsonObject {
        let (desired, reported) = (json(&self.desired), json(&self.reported));
        object([("desired", desired), ("reported", reported)])
    }

    /// Merges a reported patch. Returns the new reported `$version`.
    ///
    /// # Errors
    /// `ArgumentInvalid` if the patch breaks a limit; the twin is unchanged then.
    pub fn report(&mut self, mut patch: JsonObject, now: Timestamp) -> Result<u64, Error> {
        remove_metadata(&mut patch);
        let update = UpdateMetadata::reported(now);
        self.reported.merge("reported", &patch, &update)?;
        self.version += 1;
        Ok(self.reported.version)
    }

    /// Merges a patch of the service. Returns the push for the device, if the patch has desired properties.
    ///
    /// # Errors
    /// `ArgumentInvalid` if the patch breaks a limit; the twin is unchanged then.
    pub fn patch(
        &mut self,
        patch: TwinPatch,
        now: Timestamp,
    ) -> Result<Option<DesiredPush>, Error> {
        let patch = patch.without_metadata();
        let mut tags = self.tags.clone();
        if let Some(patch) = &patch.tags {
            limits::check_properties(patch)?;
            merge::plain(&mut tags, patch);
            limits::check_tags(&tags)?;
        }
        if let Some(patch) = &patch.desired {
            let update = UpdateMetadata::desired(now, self.desired.version + 1);
            self.desired.merge("desired", patch, &update)?;
        }
        self.tags = tags;
        self.version += 1;
        let version = self.desired.version;
        Ok(patch.desired.map(|patch| DesiredPush { patch, version }))
    }

    /// Replaces the sections in `with`. Returns the push for the device as [`Twin::patch`] does, with a `null` for each
    /// removed property.
    ///
    /// # Errors
    /// As for [`Twin::patch`], and if a property is `null`.
    pub fn replace(
        &mut self,
        with: TwinPatch,
        now: Timestamp,
    ) -> Result<Option<DesiredPush>, Error> {
        let with = with.without_metadata();
        for section in [&with.tags, &with.desired].into_iter().flatten() {
            limits::check_no_null(section)?;
        }
        let patch = |old, new: &Option<JsonObject>| Some(replacement_patch(old, new.clone()?));
        let patch = TwinPatch {
            tags: patch(&self.tags, &with.tags),
            desired: patch(&self.desired.values, &with.desired),
        };
        let push = self.patch(patch, now)?;
        // What stays would keep its place among what is gone.
        if let Some(tags) = with.tags {
            self.tags = tags;
        }
        if let Some(desired) = with.desired {
            self.desired.values = desired;
        }
        Ok(push)
    }
}

/// Returns a patch in the form of a section: with the metadata of its change at `at`, and its version.
pub(crate) fn changed_section(
    patch: &JsonObject,
    at: Timestamp,
    version: u64,
    section: TwinSection,
) -> JsonValue {
    let update = match section {
        TwinSection::Desired => UpdateMetadata::desired(at, version),
        TwinSection::Reported => UpdateMetadata::reported(at),
    };
    let mut metadata = JsonObject::new();
    merge::metadata(&mut metadata, None, patch, &update);
    let mut section = patch.clone();
    section.insert("$metadata".into(), metadata.into());
    with_version(section, version)
}

/// Returns the patch that turns `old` into `new`.
fn replacement_patch(old: &JsonObject, new: JsonObject) -> JsonObject {
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let gone: Vec<_> = gone.map(|key| (key.clone(), JsonValue::Null)).collect();
    let changed = new.into_iter().map(|(key, value)| {
        let value = replacement(old.get(&key), Some(value));
        (key, value)
    });
    changed.chain(gone).collect()
}

/// Returns the patch of one value that turns `old` into `new`.
pub(super) fn replacement(old: Option<&JsonValue>, new: Option<JsonValue>) -> JsonValue {
    match (old, new) {
        (Some(JsonValue::Object(old)), Some(JsonValue::Object(new))) => {
            replacement_patch(old, new).into()
        }
        (_, new) => new.unwrap_or_default(),
    }
}

/// Removes the members that the hub adds to properties.
fn remove_metadata(properties: &mut JsonObject) {
    properties.retain(|key, _| !matches!(key.as_str(), "$metadata" | "$version"));
}

/// Appends the version: a device of Microsoft's samples takes the first member for a component.
fn with_version(mut properties: JsonObject, version: u64) -> JsonValue {
    properties.insert("$version".into(), version.into());
    properties.into()
}
