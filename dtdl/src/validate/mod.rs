//! Validation of values against a schema.

mod format;
mod geometry;
mod message;
#[cfg(test)]
mod tests;

use std::fmt;

pub use message::Findings;
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::{
    describe::describe,
    location::Location,
    schema::{Datum, EnumValue, Literal, Schema},
};

/// The largest number of reported violations of one value: a long array of the wrong type has one per element.
const MAX_VIOLATIONS: usize = 100;
/// The bound of integers that double precision represents exactly, so that `5.0` and `1e3` count as integers.
const MAX_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A violation of the model by a part of a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Location as a JSON pointer (RFC 6901) into the value.
    pub pointer: String,
    /// Expected value.
    pub expected: String,
    /// Actual value, shortened if it is long.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => write!(f, "expected {}, found {}", self.expected, self.found),
            pointer => write!(
                f,
                "{pointer}: expected {}, found {}",
                self.expected, self.found
            ),
        }
    }
}

impl Schema {
    /// Validates a value. Returns the violations, the first hundred at most.
    ///
    /// Members of an Object may be missing, because twins and messages carry changes; unknown members are violations. An
    /// integer may have a decimal point, as `5.0`.
    pub fn validate(&self, value: &Value) -> Vec<Violation> {
        let mut validator = Validator::default();
        validator.schema(self, value, &Location::DOCUMENT);
        validator.violations
    }

    /// Describes the valid values.
    fn expectation(&self) -> &'static str {
        match self {
            Self::Boolean => "true or false",
            Self::Date => "a date such as \"2026-01-31\"",
            Self::DateTime => "a date and time with its offset such as \"2026-01-31T12:00:00Z\"",
            Self::Double => "a number",
            Self::Duration => "a duration such as \"PT1H30M\"",
            Self::Float => "a single-precision number",
            Self::Integer => "a 32-bit integer",
            Self::Long => "a 64-bit integer",
            Self::String => "a string",
            Self::Time => "a time such as \"12:00:00\"",
            Self::Geometry { .. } => "a GeoJSON geometry",
            Self::Array { .. } => "an array",
            Self::Enum { .. } => "one of the values listed",
            Self::Map { .. } | Self::Object { .. } => "an object",
        }
    }
}

/// A validation in progress.
#[derive(Debug, Default)]
pub(crate) struct Validator {
    violations: Vec<Violation>,
    /// True if null stands for a removed value, as in twins.
    removals: bool,
}

impl Validator {
    /// Makes a validator for properties in a twin.
    fn of_twin() -> Self {
        Self {
            removals: true,
            ..Self::default()
        }
    }

    fn violation(&mut self, location: &Location<'_>, expected: impl Into<String>, found: &Value) {
        if self.violations.len() < MAX_VIOLATIONS {
            self.violations.push(Violation {
                pointer: location.to_string(),
                expected: expected.into(),
                found: describe(found),
            });
        }
    }

    /// Validates recursively, no deeper than the schema is nested, however deep the value is.
    fn schema(&mut self, schema: &Schema, value: &Value, location: &Location<'_>) {
        match schema {
            Schema::Geometry { geometry } => self.geometry(*geometry, value, location),
            Schema::Enum { values } => self.enumeration(values, value, location),
            Schema::Array { element } => match value.as_array() {
                Some(elements) => self.array(element, elements, location),
                None => self.violation(location, schema.expectation(), value),
            },
            Schema::Map { value: datum, .. } => match value.as_object() {
                Some(members) => self.map(datum, members, location),
                None => self.violation(location, schema.expectation(), value),
            },
            Schema::Object { fields } => match value.as_object() {
                Some(members) => self.object(fields, members, location),
                None => self.violation(location, schema.expectation(), value),
            },
            primitive if fits_primitive(primitive, value) => {}
            primitive => self.violation(location, primitive.expectation(), value),
        }
    }

    fn array(&mut self, schema: &Schema, elements: &[Value], location: &Location<'_>) {
        for (index, element) in elements.iter().enumerate() {
            self.schema(schema, element, &location.element(index));
        }
    }

    fn map(&mut self, datum: &Datum, members: &Map<String, Value>, location: &Location<'_>) {
        for (name, value) in members {
            self.member(&datum.schema, value, &location.member(name));
        }
    }

    fn object(&mut self, fields: &[Datum], members: &Map<String, Value>, location: &Location<'_>) {
        for (name, value) in members {
            let location = location.member(name);
            match fields.iter().find(|field| field.name == *name) {
                Some(field) => self.member(&field.schema, value, &location),
                None => self.violation(
                    &location,
                    format!("only the members {}", names(fields)),
                    value,
                ),
            }
        }
    }

    fn member(&mut self, schema: &Schema, value: &Value, location: &Location<'_>) {
        if !(self.removals && value.is_null()) {
            self.schema(schema, value, location);
        }
    }

    fn enumeration(&mut self, values: &[EnumValue], value: &Value, location: &Location<'_>) {
        let fits = |literal: &Literal| match literal {
            Literal::Integer(number) => whole(value) == Some(i64::from(*number)),
            Literal::String(text) => value.as_str() == Some(text),
        };
        if !values.iter().any(|listed| fits(&listed.value)) {
            self.violation(location, format!("one of {}", listed(values)), value);
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

/// Returns the value as a 64-bit integer, with or without a decimal point.
fn whole(value: &Value) -> Option<i64> {
    let number = value.as_number()?;
    number.as_i64().or_else(|| whole_float(number))
}

fn whole_float(number: &Number) -> Option<i64> {
    let float = number.as_f64().filter(|_| number.is_f64())?;
    (float.fract() == 0.0 && float.abs() <= MAX_EXACT_INTEGER).then_some(float as i64)
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
