//! Merging of JSON documents, with and without metadata.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::hub::format_timestamp;

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

    pub(super) fn object(&self) -> Map<String, Value> {
        let mut object = Map::new();
        self.write_to(&mut object);
        object
    }

    fn write_to(&self, metadata: &mut Map<String, Value>) {
        metadata.insert("$lastUpdated".into(), format_timestamp(self.updated).into());
        if let Some(version) = self.version {
            metadata.insert("$lastUpdatedVersion".into(), version.into());
        }
    }
}

/// Merges `patch` into `values`: objects merge, `null` removes, everything else replaces.
pub(super) fn plain(values: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, change) in patch {
        match change {
            Value::Null => {
                values.remove(key);
            }
            Value::Object(change) => {
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
    values: &mut Map<String, Value>,
    metadata: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    update: &UpdateMetadata,
) {
    update.write_to(metadata);
    for (key, change) in patch {
        match change {
            Value::Null => {
                values.remove(key);
                metadata.remove(key);
            }
            Value::Object(change) => {
                if !values.get(key).is_some_and(Value::is_object) {
                    metadata.remove(key);
                }
                let mut inner = take_object(values, key);
                let mut inner_metadata = take_object(metadata, key);
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

/// Removes the object at `key`; an empty one if there is none.
fn take_object(parent: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match parent.remove(key) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
