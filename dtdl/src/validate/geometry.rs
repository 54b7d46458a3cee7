//! Geometries of GeoJSON (RFC 7946).

use serde_json::Value;

use super::Validator;
use crate::{location::Location, schema::Geometry};

/// The smallest number of positions of a line.
const MIN_LINE_POSITIONS: usize = 2;
/// The smallest number of positions of a ring, the last being the first.
const MIN_RING_POSITIONS: usize = 4;

impl Validator {
    pub(super) fn geometry(&mut self, geometry: Geometry, value: &Value, location: &Location<'_>) {
        let expected = || format!("a GeoJSON {}", geometry.name());
        let Some(members) = value.as_object() else {
            return self.violation(location, expected(), value);
        };
        let kind = members.get("type").unwrap_or(&Value::Null);
        if kind.as_str() != Some(geometry.name()) {
            return self.violation(
                &location.member("type"),
                format!("{:?}", geometry.name()),
                kind,
            );
        }
        let coordinates = members.get("coordinates").unwrap_or(&Value::Null);
        if !fits(geometry, coordinates) {
            let expected = format!("coordinates of {}", expected());
            self.violation(&location.member("coordinates"), expected, coordinates);
        }
    }
}

fn fits(geometry: Geometry, coordinates: &Value) -> bool {
    match geometry {
        Geometry::Point => is_position(coordinates),
        Geometry::MultiPoint => all(coordinates, 0, is_position),
        Geometry::LineString => is_line(coordinates),
        Geometry::MultiLineString => all(coordinates, 0, is_line),
        Geometry::Polygon => is_polygon(coordinates),
        Geometry::MultiPolygon => all(coordinates, 0, is_polygon),
    }
}

/// Returns true for an array of at least `min` elements that all pass.
fn all(value: &Value, min: usize, passes: impl Fn(&Value) -> bool) -> bool {
    let elements = value.as_array();
    elements.is_some_and(|elements| elements.len() >= min && elements.iter().all(passes))
}

/// Returns true for longitude, latitude and optional altitude.
fn is_position(value: &Value) -> bool {
    all(value, 2, Value::is_number) && !all(value, 4, |_| true)
}

fn is_line(value: &Value) -> bool {
    all(value, MIN_LINE_POSITIONS, is_position)
}

fn is_polygon(value: &Value) -> bool {
    all(value, 1, is_ring)
}

fn is_ring(value: &Value) -> bool {
    let positions = value.as_array();
    all(value, MIN_RING_POSITIONS, is_position)
        && positions.is_some_and(|all| all.first() == all.last())
}
