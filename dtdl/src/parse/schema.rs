//! Parsing of schemas and of elements with a schema.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    central,
    class::{self, Class},
    diagnostic::Diagnostic,
    element::{self, Element, term},
    node::Node,
    partition::Partition,
};
use crate::{
    dialect::MAX_NESTED_SCHEMAS,
    dtmi::Dtmi,
    schema::{Datum, EnumValue, Literal, MapKey, Schema},
    text::EntityInfo,
};

/// The named schemas.
const TERMS: &str = "boolean, date, dateTime, double, duration, float, integer, long, string, time, \
    point, multiPoint, lineString, multiLineString, polygon, multiPolygon";

/// A parsed schema with the properties that matter where it is used.
#[derive(Clone, Debug)]
pub(super) struct ParsedSchema {
    pub(super) schema: Arc<Schema>,
    /// Nesting depth of complex schemas, this one included, enumerations excluded.
    levels: usize,

    /// True if it contains an array.
    pub(super) has_arrays: bool,
}

impl ParsedSchema {
    fn simple(schema: Schema) -> Self {
        Self {
            has_arrays: matches!(schema, Schema::Geometry { .. }),
            schema: Arc::new(schema),
            levels: 0,
        }
    }

    /// Makes a complex schema with these inner ones.
    fn complex(schema: Schema, inner: &[Self]) -> Self {
        let is_array = matches!(schema, Schema::Array { .. });

        Self {
            schema: Arc::new(schema),
            levels: 1 + inner.iter().map(|inner| inner.levels).max().unwrap_or(0),

            has_arrays: is_array || inner.iter().any(|inner| inner.has_arrays),
        }
    }
}

impl<'d> Partition<'d> {
    /// Parses a schema nested in `depth` complex ones.
    pub(super) fn schema(
        &mut self,
        node: &Node<'d>,
        depth: usize,
    ) -> Result<ParsedSchema, Diagnostic> {
        let node = node.only()?;
        match node.value.as_str() {
            Some(text) => self.named(&node, text, depth),
            None => self.complex(&node, depth),
        }
    }

    /// Parses a complex schema nested in `depth` others.
    pub(super) fn complex(
        &mut self,
        node: &Node<'d>,
        depth: usize,
    ) -> Result<ParsedSchema, Diagnostic> {
        node.members()?;
        let types = element::types(node)?;
        if types.contains(&class::ENUM.name) {
            return self.enumeration(node);
        }
        check_depth(node, depth + 1)?;
        if types.contains(&class::ARRAY.name) {
            self.array(node, depth)
        } else if types.contains(&class::MAP.name) {
            self.map(node, depth)
        } else if types.contains(&class::OBJECT.name) {
            self.object(node, depth)
        } else {
            Err(node.error("expected a complex schema of the type Array, Enum, Map or Object"))
        }
    }

    /// Parses an element with a name and a schema, nested in `depth` complex schemas.
    pub(super) fn datum(
        &mut self,
        element: &Element<'d>,
        depth: usize,
    ) -> Result<(Datum, ParsedSchema), Diagnostic> {
        let name = element.name()?;
        let node = element.require("schema")?;
        let parsed = self.schema(&node, depth)?;
        if element.quantity().is_some() && !parsed.schema.is_numeric() {
            return Err(node.unexpected("double, float, integer or long for the semantic type"));
        }
        if element.language.central {
            central::check_value(element, &parsed.schema)?;
        }
        let datum = Datum {
            name,
            info: element.info()?,
            semantic_types: element.semantic_types(),
            unit: element.unit()?,
            schema: Arc::clone(&parsed.schema),
        };
        Ok((datum, parsed))
    }

    /// Parses an element, or the one that is referenced.
    pub(super) fn element(&self, node: Node<'d>, class: &Class) -> Result<Element<'d>, Diagnostic> {
        Element::new(self.referent(node)?, class, self.language)
    }

    fn named(
        &mut self,
        node: &Node<'d>,
        text: &str,
        depth: usize,
    ) -> Result<ParsedSchema, Diagnostic> {
        let name = term(text);
        if let Some(schema) = Schema::of_term(name).or_else(|| of_iot_central(name)) {
            return Ok(ParsedSchema::simple(schema));
        }
        let Some((id, definition)) = self.definition(text) else {
            return Err(unknown(node, text));
        };
        if self.open.contains(&id) {
            return Err(node.error(format!("{id} contains itself")));
        }
        let schema = match self.parsed.get(id) {
            Some(schema) => schema.clone(),
            None => self.define(id, &definition, depth)?,
        };
        check_depth(node, depth + schema.levels)?;
        Ok(schema)
    }

    fn define(
        &mut self,
        id: &'d str,
        node: &Node<'d>,
        depth: usize,
    ) -> Result<ParsedSchema, Diagnostic> {
        self.open.push(id);
        let schema = self.complex(node, depth);
        self.open.pop();
        let schema = schema?;
        self.parsed.insert(id, schema.clone());
        Ok(schema)
    }

    fn array(&mut self, node: &Node<'d>, depth: usize) -> Result<ParsedSchema, Diagnostic> {
        let array = self.element(node.clone(), &class::ARRAY)?;
        array.info()?;
        let element = self.schema(&array.require("elementSchema")?, depth + 1)?;
        let schema = Schema::Array {
            element: Arc::clone(&element.schema),
        };
        Ok(ParsedSchema::complex(schema, &[element]))
    }

    fn map(&mut self, node: &Node<'d>, depth: usize) -> Result<ParsedSchema, Diagnostic> {
        let map = self.element(node.clone(), &class::MAP)?;
        map.info()?;
        let key = self.key(map.require("mapKey")?)?;
        let value = self.element(map.require("mapValue")?.only()?, &class::MAP_VALUE)?;
        let (value, value_schema) = self.datum(&value, depth + 1)?;
        let schema = Schema::Map {
            key: Arc::new(key),
            value: Arc::new(value),
        };
        Ok(ParsedSchema::complex(schema, &[value_schema]))
    }

    fn key(&self, node: Node<'d>) -> Result<MapKey, Diagnostic> {
        let key = self.element(node.only()?, &class::MAP_KEY)?;
        let schema = key.require("schema")?;
        if term(schema.text()?) != "string" {
            return Err(schema.unexpected("the schema string"));
        }
        Ok(MapKey {
            name: key.name()?,
            info: key.info()?,
        })
    }

    fn object(&mut self, node: &Node<'d>, depth: usize) -> Result<ParsedSchema, Diagnostic> {
        let object = self.element(node.clone(), &class::OBJECT)?;
        object.info()?;
        let limits = self.language.dialect.limits();
        let nodes = members_of(&object, "fields", limits.fields, limits.empty_sets)?;
        let mut names = UniqueNames::default();
        let mut fields = Vec::new();
        let mut field_schemas = Vec::new();
        for node in nodes {
            let (field, field_schema) =
                self.datum(&self.element(node.clone(), &class::FIELD)?, depth + 1)?;
            names.add(&field.name, &node)?;
            fields.push(field);
            field_schemas.push(field_schema);
        }
        let schema = Schema::Object {
            fields: fields.into(),
        };
        Ok(ParsedSchema::complex(schema, &field_schemas))
    }

    fn enumeration(&self, node: &Node<'d>) -> Result<ParsedSchema, Diagnostic> {
        let element = self.element(node.clone(), &class::ENUM)?;
        element.info()?;
        let value_schema = element.require("valueSchema")?;
        let numbers = match term(value_schema.text()?) {
            "integer" => true,
            "string" => false,
            _ => return Err(value_schema.unexpected("the schema integer or string")),
        };
        let limits = self.language.dialect.limits();
        let nodes = members_of(
            &element,
            "enumValues",
            limits.enum_values,
            limits.empty_sets,
        )?;
        let mut names = UniqueNames::default();
        let mut values: Vec<EnumValue> = Vec::new();
        for node in nodes {
            let value = self.enum_value(node.clone(), numbers)?;
            names.add(&value.name, &node)?;
            names.add_value(&value.value, &node)?;
            values.push(value);
        }
        let schema = Schema::Enum {
            values: values.into(),
        };
        Ok(ParsedSchema::simple(schema))
    }

    fn enum_value(&self, node: Node<'d>, number: bool) -> Result<EnumValue, Diagnostic> {
        let element = self.element(node, &class::ENUM_VALUE)?;
        let value = element.require("enumValue")?;
        Ok(EnumValue {
            name: element.name()?,
            info: element.info()?,
            value: if number {
                Literal::Integer(value.integer()?)
            } else {
                Literal::String(value.text()?.to_owned())
            },
        })
    }
}

/// Names, and values of an Enum, that must be unique.
#[derive(Debug, Default)]
pub(super) struct UniqueNames {
    names: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl UniqueNames {
    pub(super) fn add(&mut self, name: &str, node: &Node<'_>) -> Result<(), Diagnostic> {
        if self.names.insert(name.to_owned()) {
            return Ok(());
        }
        Err(node.error(format!("duplicate name {name:?}")))
    }

    fn add_value(&mut self, value: &Literal, node: &Node<'_>) -> Result<(), Diagnostic> {
        let value = match value {
            Literal::Integer(number) => number.to_string(),
            Literal::String(text) => text.clone(),
        };
        if self.values.insert(value.clone()) {
            return Ok(());
        }
        Err(node.error(format!("duplicate value {value:?}")))
    }
}

/// Returns the elements of a set with at most `max` of them.
pub(super) fn members_of<'d>(
    element: &Element<'d>,
    name: &str,
    max: usize,
    may_be_empty: bool,
) -> Result<Vec<Node<'d>>, Diagnostic> {
    let node = match element.get(name) {
        None if may_be_empty => return Ok(Vec::new()),
        _ => element.require(name)?,
    };
    let members = node.set();
    if members.len() > max {
        return Err(node.error(format!(
            "{} elements, at most {max} are allowed",
            members.len()
        )));
    }
    Ok(members)
}

fn check_depth(node: &Node<'_>, levels: usize) -> Result<(), Diagnostic> {
    if levels > MAX_NESTED_SCHEMAS {
        return Err(node.error(format!(
            "complex schemas nested deeper than {MAX_NESTED_SCHEMAS}"
        )));
    }
    Ok(())
}

fn unknown(node: &Node<'_>, text: &str) -> Diagnostic {
    if text.parse::<Dtmi>().is_ok() {
        return node.error(format!("schema {text} is not defined in this interface"));
    }
    node.unexpected(&format!("a schema of this interface or one of {TERMS}"))
}

/// Returns a schema that IoT Central adds to DTDL.
fn of_iot_central(term: &str) -> Option<Schema> {
    let members = match term {
        "geopoint" => ["lat", "lon", "alt"],
        "vector" => ["x", "y", "z"],
        _ => return None,
    };
    Some(Schema::Object {
        fields: members.map(number).into(),
    })
}

fn number(name: &str) -> Datum {
    Datum {
        name: name.to_owned(),
        info: EntityInfo::default(),
        semantic_types: Vec::new(),
        unit: None,
        schema: Arc::new(Schema::Double),
    }
}
