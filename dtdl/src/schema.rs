//! What values look like.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::text::EntityInfo;
use crate::unit::Unit;

/// The shape of a value.
///
/// Schemas that an interface defines once and uses often are shared. Serialised as an object with the member `kind`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Schema {
    /// `true` or `false`.
    Boolean,
    /// A day, such as `2026-01-31` (RFC 3339).
    Date,
    /// A moment with its offset from UTC, such as `2026-01-31T12:00:00Z` (RFC 3339).
    DateTime,
    /// A finite number of double precision.
    Double,
    /// A length of time, such as `PT1H30M` (ISO 8601).
    Duration,
    /// A finite number within the range of single precision.
    Float,
    /// A whole number of 4 bytes.
    Integer,
    /// A whole number of 8 bytes.
    Long,
    /// A text.
    String,
    /// A time of day, such as `12:00:00` or `12:00:00Z` (RFC 3339).
    Time,
    /// GeoJSON (RFC 7946) of one geometry.
    Geometry {
        /// Which.
        geometry: Geometry,
    },
    /// Elements that all have one schema.
    Array {
        /// That of each element.
        #[serde(serialize_with = "serialize_shared")]
        element: Arc<Schema>,
    },
    /// One of the values that are listed.
    Enum {
        /// The values there are.
        #[serde(serialize_with = "serialize_shared")]
        values: Arc<[EnumValue]>,
    },
    /// Texts, and for each a value of one schema.
    Map {
        /// What the keys are called.
        #[serde(serialize_with = "serialize_shared")]
        key: Arc<MapKey>,
        /// What the values are.
        #[serde(serialize_with = "serialize_shared")]
        value: Arc<Datum>,
    },
    /// Members with names. None of them need be there.
    Object {
        /// The members there may be.
        #[serde(serialize_with = "serialize_shared")]
        fields: Arc<[Datum]>,
    },
}

/// Shows what is shared whole wherever it is used.
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
    /// What it is called in messages and programs.
    pub name: String,
    /// What it is called by people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// What it is beside its class, such as `Temperature`, or a type of an extension of the language.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub semantic_types: Vec<String>,
    /// What it is measured in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// What its values look like.
    #[serde(serialize_with = "serialize_shared")]
    pub schema: Arc<Schema>,
}

/// What the keys of a Map are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapKey {
    /// What they are called. It is not part of a value.
    pub name: String,
    /// What they are called by people.
    #[serde(flatten)]
    pub info: EntityInfo,
}

/// One of the values of an Enum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnumValue {
    /// What it is called. It is not part of a value.
    pub name: String,
    /// What it is called by people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// How it is written.
    pub value: Literal,
}

/// How a value of an Enum is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Literal {
    /// As a number.
    Integer(i32),
    /// As a text.
    String(String),
}

impl Schema {
    /// The primitive schema or geometry of this name.
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

    /// Whether values are numbers, so that they can be measured in a unit.
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
    /// What GeoJSON calls it.
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
