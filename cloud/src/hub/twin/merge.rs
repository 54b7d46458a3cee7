//! Merging of JSON documents, with and without metadata.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::hub::written;

/// What is written beside each property that a change touches.
pub(super) struct Stamp {
    updated: Timestamp,
    version: Option<u64>,
}

impl Stamp {
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
        self.put(&mut object);
        object
    }

    fn put(&self, metadata: &mut Map<String, Value>) {
        metadata.insert("$lastUpdated".into(), written(self.updated).into());
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

/// The same, with the stamp put on everything the patch touches.
pub(super) fn stamped(
    values: &mut Map<String, Value>,
    metadata: &mut Map<String, Value>,
    patch: &Map<String, Value>,
    stamp: &Stamp,
) {
    stamp.put(metadata);
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
                let mut about = take_object(metadata, key);
                stamped(&mut inner, &mut about, change, stamp);
                values.insert(key.clone(), inner.into());
                metadata.insert(key.clone(), about.into());
            }
            change => {
                values.insert(key.clone(), change.clone());
                metadata.insert(key.clone(), stamp.object().into());
            }
        }
    }
}

/// Takes the object at `key` out, an empty one if something else, or nothing, is there.
fn take_object(parent: &mut Map<String, Value>, key: &str) -> Map<String, Value> {
    match parent.remove(key) {
        Some(Value::Object(object)) => object,
        _ => Map::new(),
    }
}
