//! Paths to attributes of a twin.

use crate::json::JsonValue;

/// A path to an attribute: `properties.reported.temperature`, `tags['floor plan']`, `tags.doors[0]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path(Vec<PathSegment>);

#[derive(Clone, Debug, PartialEq)]
pub(super) enum PathSegment {
    Key(String),
    Index(usize),
}

/// The attributes of every twin. Only these names are case-insensitive.
const STANDARD_ATTRIBUTES: [&str; 16] = [
    "authenticationType",
    "capabilities",
    "cloudToDeviceMessageCount",
    "connectionState",
    "deviceEtag",
    "deviceId",
    "deviceScope",
    "etag",
    "lastActivityTime",
    "modelId",
    "properties",
    "status",
    "statusUpdateTime",
    "tags",
    "version",
    "x509Thumbprint",
];

/// An alias of `deviceId` in a sample of Microsoft.
const ID: &str = "id";

impl Path {
    /// Makes a path. A leading `devices` is ignored.
    pub(super) fn new(mut segments: Vec<PathSegment>) -> Self {
        let collection = |segment: &PathSegment| matches!(segment, PathSegment::Key(key) if key.eq_ignore_ascii_case("devices"));
        if segments.len() > 1 && segments.first().is_some_and(collection) {
            segments.remove(0);
        }
        if let Some(PathSegment::Key(root)) = segments.first_mut() {
            *root = canonical(root);
        }
        Self(segments)
    }

    /// Returns the value in `twin`, if it is defined.
    pub(super) fn of<'a>(&self, twin: &'a JsonValue) -> Option<&'a JsonValue> {
        let mut segments = self.0.iter();
        segments.try_fold(twin, |value, segment| match segment {
            PathSegment::Key(key) => value.get(key),
            PathSegment::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// Returns the default name of a column.
    pub(super) fn name(&self) -> String {
        match self.0.last() {
            Some(PathSegment::Key(key)) => key.clone(),
            Some(PathSegment::Index(index)) => index.to_string(),
            None => String::new(),
        }
    }
}

fn canonical(root: &str) -> String {
    if root.eq_ignore_ascii_case(ID) {
        return "deviceId".into();
    }
    let known = STANDARD_ATTRIBUTES.into_iter();
    let known = known
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(root));
    known.unwrap_or(root).to_owned()
}
