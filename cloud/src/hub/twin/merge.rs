//! Merging of JSON documents, and their metadata.

use std::mem;

use jiff::Timestamp;

use crate::{
    clock::format_timestamp,
    json::{JsonObject, JsonValue},
};

/// The metadata of an update, written for each property it changes.
pub(super) struct UpdateMetadata {
    updated: String,
    version: Option<u64>,
}

impl UpdateMetadata {
    pub(super) fn reported(updated: Timestamp) -> Self {
        Self {
            updated: format_timestamp(updated),
            version: None,
        }
    }

    pub(super) fn desired(updated: Timestamp, version: u64) -> Self {
        Self {
            updated: format_timestamp(updated),
            version: Some(version),
        }
    }

    pub(super) fn object(&self) -> JsonObject {
        let mut object = JsonObject::new();
        self.write_to(&mut object);
        object
    }

    fn write_to(&self, metadata: &mut JsonObject) {
        metadata.insert("$lastUpdated".into(), (&self.updated).into());
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

/// Writes metadata for every property that `patch` changes in `values`.
pub(super) fn metadata(
    metadata: &mut JsonObject,
    values: Option<&JsonObject>,
    patch: &JsonObject,
    update: &UpdateMetadata,
) {
    remove_nulls(metadata, patch);
    update.write_to(metadata);
    for (key, change) in patch {
        match change {
            JsonValue::Null => {}
            JsonValue::Object(change) => {
                let values = values.and_then(|values| values.get(key)?.as_object());
                let mut inner = match values {
                    Some(_) => take_object(metadata, key),
                    None => JsonObject::new(),
                };
                self::metadata(&mut inner, values, change, update);
                metadata.insert(key.clone(), inner.into());
            }
            _ => {
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
