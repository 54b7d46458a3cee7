//! Whether values are as a schema wants them.

mod format;
mod geometry;
mod message;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Number, Value};

pub use message::Findings;

use crate::describe::describe;
use crate::place::Place;
use crate::schema::{Datum, EnumValue, Literal, Schema};

/// How many misfits of one value are told: a long array of the wrong kind has as many as it has elements.
const TOLD: usize = 100;
/// Up to here double precision holds every whole number, so that one written as `5.0` or `1e3` is meant exactly.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A part of a value that is not as the model wants it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Misfit {
    /// Where, as a JSON pointer (RFC 6901) into what was checked.
    pub pointer: String,
    /// What would fit.
    pub expected: String,
    /// What is there, in part if it is long.
    pub found: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "{} is expected, not {}", self.expected, self.found),
            pointer => write!(
                f,
                "{pointer}: {} is expected, not {}",
                self.expected, self.found
            ),
        }
    }
}

impl Schema {
    /// What of a value does not fit; nothing if it all does. Of very many misfits only the first are told.
    ///
    /// Members of an Object may be missing, for twins and messages carry what has changed; others than the schema has do
    /// not fit. A whole number may be written with a point, as `5.0`.
    pub fn check(&self, value: &Value) -> Vec<Misfit> {
        let mut check = Check::default();
        check.schema(self, value, &Place::DOCUMENT);
        check.misfits
    }

    /// What fits, in a few words.
    fn expectation(&self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Date => "a date such as \"2026-01-31\"",
            Self::DateTime => "a date and time with its offset such as \"2026-01-31T12:00:00Z\"",
            Self::Double => "a number",
            Self::Duration => "a duration such as \"PT1H30M\"",
            Self::Float => "a number of single precision",
            Self::Integer => "a whole number of 4 bytes",
            Self::Long => "a whole number of 8 bytes",
            Self::String => "a text",
            Self::Time => "a time such as \"12:00:00\"",
            Self::Geometry { .. } => "a GeoJSON geometry",
            Self::Array { .. } => "an array",
            Self::Enum { .. } => "one of the values listed",
            Self::Map { .. } | Self::Object { .. } => "an object",
        }
    }
}

/// A check under way.
#[derive(Debug, Default)]
pub(crate) struct Check {
    misfits: Vec<Misfit>,
    /// Whether null stands for what is removed, as it does in twins.
    removals: bool,
}

impl Check {
    /// Checks what stands in a twin.
    fn of_twin() -> Self {
        Self {
            removals: true,
            ..Self::default()
        }
    }

    fn misfit(&mut self, place: &Place<'_>, expected: impl Into<String>, found: &Value) {
        if self.misfits.len() < TOLD {
            self.misfits.push(Misfit {
                pointer: place.to_string(),
                expected: expected.into(),
                found: describe(found),
            });
        }
    }

    /// Calls itself no deeper than the schema is nested, however deep the value is.
    fn schema(&mut self, schema: &Schema, value: &Value, place: &Place<'_>) {
        match schema {
            Schema::Geometry { geometry } => self.geometry(*geometry, value, place),
            Schema::Enum { values } => self.enumeration(values, value, place),
            Schema::Array { element } => match value.as_array() {
                Some(elements) => self.array(element, elements, place),
                None => self.misfit(place, schema.expectation(), value),
            },
            Schema::Map { value: datum, .. } => match value.as_object() {
                Some(members) => self.map(datum, members, place),
                None => self.misfit(place, schema.expectation(), value),
            },
            Schema::Object { fields } => match value.as_object() {
                Some(members) => self.object(fields, members, place),
                None => self.misfit(place, schema.expectation(), value),
            },
            primitive if fits_primitive(primitive, value) => {}
            primitive => self.misfit(place, primitive.expectation(), value),
        }
    }

    fn array(&mut self, schema: &Schema, elements: &[Value], place: &Place<'_>) {
        for (index, element) in elements.iter().enumerate() {
            self.schema(schema, element, &place.element(index));
        }
    }

    fn map(&mut self, datum: &Datum, members: &Map<String, Value>, place: &Place<'_>) {
        for (name, value) in members {
            self.member(&datum.schema, value, &place.member(name));
        }
    }

    fn object(&mut self, fields: &[Datum], members: &Map<String, Value>, place: &Place<'_>) {
        for (name, value) in members {
            let place = place.member(name);
            match fields.iter().find(|field| field.name == *name) {
                Some(field) => self.member(&field.schema, value, &place),
                None => self.misfit(&place, format!("no member but {}", names(fields)), value),
            }
        }
    }

    fn member(&mut self, schema: &Schema, value: &Value, place: &Place<'_>) {
        if !(self.removals && value.is_null()) {
            self.schema(schema, value, place);
        }
    }

    fn enumeration(&mut self, values: &[EnumValue], value: &Value, place: &Place<'_>) {
        let fits = |literal: &Literal| match literal {
            Literal::Integer(number) => whole(value) == Some(i64::from(*number)),
            Literal::String(text) => value.as_str() == Some(text),
        };
        if !values.iter().any(|listed| fits(&listed.value)) {
            self.misfit(place, format!("one of {}", listed(values)), value);
        }
    }
}

fn fits_primitive(schema: &Schema, value: &Value) -> bool {
    let text = |is: fn(&str) -> bool| value.as_str().is_some_and(is);
    match schema {
        Schema::Boolean => value.is_boolean(),
        Schema::Date => text(format::is_date),
        Schema::DateTime => text(format::is_date_time),
        Schema::Duration => text(format::is_duration),
        Schema::Time => text(format::is_time),
        Schema::String => value.is_string(),
        Schema::Double => value.as_f64().is_some_and(f64::is_finite),
        Schema::Float => value
            .as_f64()
            .is_some_and(|number| number.abs() <= f64::from(f32::MAX)),
        Schema::Integer => whole(value).is_some_and(|number| i32::try_from(number).is_ok()),
        Schema::Long => whole(value).is_some(),
        _ => false,
    }
}

/// The whole number of 8 bytes that a value is, however it is written.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number.as_i64().or_else(|| whole_float(number))
}

fn whole_float(number: &Number) -> Option<i64> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    (float.fract() == 0.0 && float.abs() <= EXACT).then_some(float as i64)
}

fn names(fields: &[Datum]) -> String {
    let names: Vec<_> = fields.iter().map(|field| field.name.as_str()).collect();
    names.join(", ")
}

fn listed(values: &[EnumValue]) -> String {
    let literal = |listed: &EnumValue| match &listed.value {
        Literal::Integer(number) => number.to_string(),
        Literal::String(text) => format!("{text:?}"),
    };
    values.iter().map(literal).collect::<Vec<_>>().join(", ")
}
