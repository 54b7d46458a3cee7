//! Geometries of GeoJSON (RFC 7946).

use serde_json::Value;

use super::Check;
use crate::place::Place;
use crate::schema::Geometry;

/// Positions a line has at least.
const LINE: usize = 2;
/// Positions a ring has at least, the last being the first.
const RING: usize = 4;

impl Check {
    pub(super) fn geometry(&mut self, geometry: Geometry, value: &Value, place: &Place<'_>) {
        let expected = || format!("a GeoJSON {}", geometry.name());
        let Some(members) = value.as_object() else {
            return self.misfit(place, expected(), value);
        };
        let kind = members.get("type").unwrap_or(&Value::Null);
        if kind.as_str() != Some(geometry.name()) {
            return self.misfit(
                &place.member("type"),
                format!("{:?}", geometry.name()),
                kind,
            );
        }
        let coordinates = members.get("coordinates").unwrap_or(&Value::Null);
        if !fits(geometry, coordinates) {
            let expected = format!("coordinates of {}", expected());
            self.misfit(&place.member("coordinates"), expected, coordinates);
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

/// Whether this is an array of so many elements at least, each of which passes.
fn all(value: &Value, least: usize, passes: impl Fn(&Value) -> bool) -> bool {
    let elements = value.as_array();
    elements.is_some_and(|elements| elements.len() >= least && elements.iter().all(passes))
}

/// Longitude, latitude and perhaps altitude.
fn is_position(value: &Value) -> bool {
    all(value, 2, Value::is_number) && !all(value, 4, |_| true)
}

fn is_line(value: &Value) -> bool {
    all(value, LINE, is_position)
}

fn is_polygon(value: &Value) -> bool {
    all(value, 1, is_ring)
}

fn is_ring(value: &Value) -> bool {
    let positions = value.as_array();
    all(value, RING, is_position) && positions.is_some_and(|all| all.first() == all.last())
}
