//! Schemas of values.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::{text::EntityInfo, unit::Unit};

/// The schema of a value.
///
/// Schemas that an interface references are shared. Serialized as an object with the member `kind`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Schema {
    /// `true` or `false`.
    Boolean,
    /// A date, such as `2026-01-31` (RFC 3339).
    Date,
    /// A date and time with its offset, such as `2026-01-31T12:00:00Z` (RFC 3339).
    DateTime,
    /// A finite number of double precision.
    Double,
    /// A duration, such as `PT1H30M` (ISO 8601).
    Duration,
    /// A finite number within the range of single precision.
    Float,
    /// A 32-bit integer.
    Integer,
    /// A 64-bit integer.
    Long,
    /// A string.
    String,
    /// A time of day, such as `12:00:00` or `12:00:00Z` (RFC 3339).
    Time,
    /// A GeoJSON geometry (RFC 7946).
    Geometry {
        /// Kind of the geometry.
        geometry: Geometry,
    },
    /// An array of elements of one schema.
    Array {
        /// Schema of the elements.
        #[serde(serialize_with = "serialize_shared")]
        element: Arc<Schema>,
    },
    /// One of several values.
    Enum {
        /// Allowed values.
        #[serde(serialize_with = "serialize_shared")]
        values: Arc<[EnumValue]>,
    },
    /// A map from strings to values of one schema.
    Map {
        /// Keys.
        #[serde(serialize_with = "serialize_shared")]
        key: Arc<MapKey>,
        /// Values.
        #[serde(serialize_with = "serialize_shared")]
        value: Arc<Datum>,
    },
    /// Named members, all optional.
    Object {
        /// Allowed members.
        #[serde(serialize_with = "serialize_shared")]
        fields: Arc<[Datum]>,
    },
}

/// Serializes a shared value in full wherever it is used.
pub(crate) fn serialize_shared<T: Serialize + ?Sized, S: Serializer>(
    shared: &Arc<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    (**shared).serialize(serializer)
}

/// A geometry of GeoJSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Geometry {
    /// One position.
    Point,
    /// Positions.
    MultiPoint,
    /// Two positions or more.
    LineString,
    /// Lines.
    MultiLineString,
    /// Closed rings, the first around the others.
    Polygon,
    /// Polygons.
    MultiPolygon,
}

/// A value with a name and a schema: telemetry, a field of an Object, the request or response of a command.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Datum {
    /// Name in messages and programs.
    pub name: String,
    /// Texts for people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// Types beside the class, such as `Temperature`, or a type of an extension.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub semantic_types: Vec<String>,
    /// Unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Schema.
    #[serde(serialize_with = "serialize_shared")]
    pub schema: Arc<Schema>,
}

/// The keys of a Map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapKey {
    /// Name, not part of a value.
    pub name: String,
    /// Texts for people.
    #[serde(flatten)]
    pub info: EntityInfo,
}

/// A value of an Enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnumValue {
    /// Name, not part of a value.
    pub name: String,
    /// Texts for people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// Literal in messages.
    pub value: Literal,
}

/// The literal of an Enum value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Literal {
    /// An integer.
    Integer(i32),
    /// A string.
    String(String),
}

impl Schema {
    /// Returns the primitive schema or geometry of this name.
    pub(crate) fn of_term(term: &str) -> Option<Self> {
        Some(match term {
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "double" => Self::Double,
            "duration" => Self::Duration,
            "float" => Self::Float,
            "integer" => Self::Integer,
            "long" => Self::Long,
            "string" => Self::String,
            "time" => Self::Time,
            "point" => Self::of_geometry(Geometry::Point),
            "multiPoint" => Self::of_geometry(Geometry::MultiPoint),
            "lineString" => Self::of_geometry(Geometry::LineString),
            "multiLineString" => Self::of_geometry(Geometry::MultiLineString),
            "polygon" => Self::of_geometry(Geometry::Polygon),
            "multiPolygon" => Self::of_geometry(Geometry::MultiPolygon),
            _ => return None,
        })
    }

    /// Returns true for numbers, which may have a unit.
    pub fn is_numeric(&self) -> bool {
        matches!(
            self,
            Self::Double | Self::Float | Self::Integer | Self::Long
        )
    }

    fn of_geometry(geometry: Geometry) -> Self {
        Self::Geometry { geometry }
    }
}

impl Geometry {
    /// Returns the name in GeoJSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Point => "Point",
            Self::MultiPoint => "MultiPoint",
            Self::LineString => "LineString",
            Self::MultiLineString => "MultiLineString",
            Self::Polygon => "Polygon",
            Self::MultiPolygon => "MultiPolygon",
        }
    }
}
