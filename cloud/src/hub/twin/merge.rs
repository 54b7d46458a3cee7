//! Merging of JSON documents, with and without metadata.

use std::mem;

use jiff::Timestamp;

use crate::{
    hub::format_timestamp,
    json::{JsonObject, JsonValue},
};

/// The metadata of an update, written for each property it changes.
pub(super) struct UpdateMetadata {
    updated: Timestamp,
    version: Option<u64>,
}

impl UpdateMetadata {
    pub(super) fn reported(updated: Timestamp) -> Self {
        Self {
            updated,
            version: None,
        }
    }

    pub(super) fn desired(updated: Timestamp, version: u64) -> Self {
        Self {
            updated,
            version: Some(version),
        }
    }

    pub(super) fn object(&self) -> JsonObject {
        let mut object = JsonObject::new();
        self.write_to(&mut object);
        object
    }

    fn write_to(&self, metadata: &mut JsonObject) {
        metadata.insert("$lastUpdated".into(), format_timestamp(self.updated).into());
        if let Some(version) = self.version {
            metadata.insert("$lastUpdatedVersion".into(), version.into());
        }
    }
}

/// Merges `patch` into `values`: objects merge, `null` removes, everything else replaces. New members follow the others, in
/// the order of the patch.
pub(super) fn plain(values: &mut JsonObject, patch: &JsonObject) {
    remove_nulls(values, patch);
    for (key, change) in patch {
        match change {
            JsonValue::Null => {}
            JsonValue::Object(change) => {
                let mut inner = take_object(values, key);
                plain(&mut inner, change);
                values.insert(key.clone(), inner.into());
            }
            change => {
                values.insert(key.clone(), change.clone());
            }
        }
    }
}

/// Merges as [`plain`] does, and writes metadata for every changed property.
pub(super) fn with_metadata(
    values: &mut JsonObject,
    metadata: &mut JsonObject,
    patch: &JsonObject,
    update: &UpdateMetadata,
) {
    remove_nulls(values, patch);
    remove_nulls(metadata, patch);
    update.write_to(metadata);
    for (key, change) in patch {
        match change {
            JsonValue::Null => {}
            JsonValue::Object(change) => {
                let mut inner_metadata = match values.get(key) {
                    Some(JsonValue::Object(_)) => take_object(metadata, key),
                    _ => JsonObject::new(),
                };
                let mut inner = take_object(values, key);
                with_metadata(&mut inner, &mut inner_metadata, change, update);
                values.insert(key.clone(), inner.into());
                metadata.insert(key.clone(), inner_metadata.into());
            }
            change => {
                values.insert(key.clone(), change.clone());
                metadata.insert(key.clone(), update.object().into());
            }
        }
    }
}

/// Removes the members that are `null` in `patch`, all at once: each alone would move all that follow.
fn remove_nulls(members: &mut JsonObject, patch: &JsonObject) {
    if patch.values().any(JsonValue::is_null) {
        members.retain(|key, _| !patch.get(key).is_some_and(JsonValue::is_null));
    }
}

/// Takes the object at `key`, which keeps its place; an empty one if there is none.
fn take_object(parent: &mut JsonObject, key: &str) -> JsonObject {
    match parent.get_mut(key).map(mem::take) {
        Some(JsonValue::Object(object)) => object,
        _ => JsonObject::new(),
    }
}
