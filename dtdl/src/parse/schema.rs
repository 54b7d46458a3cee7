//! Schemas, and what has one.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::class::{self, Class};
use super::element::{self, Element, term};
use super::fault::Fault;
use super::node::Node;
use super::partition::Partition;
use crate::dialect::NESTED_SCHEMAS;
use crate::dtmi::Dtmi;
use crate::schema::{Datum, EnumValue, Key, Literal, Schema};
use crate::text::About;

/// The schemas that have a name.
const TERMS: &str = "boolean, date, dateTime, double, duration, float, integer, long, string, time, \
    point, multiPoint, lineString, multiLineString, polygon, multiPolygon";

/// A schema, and what is to be known of it where it is used.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) schema: Arc<Schema>,
    /// How many complex schemas are nested, this one counted and an Enum not.
    levels: usize,

    /// Whether there is an array in it.
    pub(super) arrays: bool,
}

impl Shape {
    fn simple(schema: Schema) -> Self {
        Self {
            arrays: matches!(schema, Schema::Geometry { .. }),
            schema: Arc::new(schema),
            levels: 0,
        }
    }

    /// The shape of a complex schema that has these within.
    fn around(schema: Schema, inner: &[Self]) -> Self {
        let array = matches!(schema, Schema::Array { .. });

        Self {
            schema: Arc::new(schema),
            levels: 1 + inner.iter().map(|shape| shape.levels).max().unwrap_or(0),

            arrays: array || inner.iter().any(|shape| shape.arrays),
        }
    }
}

impl<'d> Partition<'d> {
    /// Reads a schema that stands in so many complex ones.
    pub(super) fn shape(&mut self, node: &Node<'d>, depth: usize) -> Result<Shape, Fault> {
        let node = node.only()?;
        match node.value.as_str() {
            Some(text) => self.named(&node, text, depth),
            None => self.complex(&node, depth),
        }
    }

    /// Reads a complex schema that stands in so many others.
    pub(super) fn complex(&mut self, node: &Node<'d>, depth: usize) -> Result<Shape, Fault> {
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
            Err(node.fault("a complex schema has the type Array, Enum, Map or Object"))
        }
    }

    /// Reads an element with a name and a schema, which stands in so many complex schemas.
    pub(super) fn datum(
        &mut self,
        element: &Element<'d>,
        depth: usize,
    ) -> Result<(Datum, Shape), Fault> {
        let name = element.name()?;
        let node = element.require("schema")?;
        let shape = self.shape(&node, depth)?;
        if element.quantity().is_some() && !shape.schema.is_numeric() {
            return Err(node.unexpected("double, float, integer or long, by the semantic type,"));
        }
        let datum = Datum {
            name,
            about: element.about()?,
            semantic_types: element.semantic_types(),
            unit: element.unit()?,
            schema: Arc::clone(&shape.schema),
        };
        Ok((datum, shape))
    }

    /// The element that stands here, or that is referred to.
    pub(super) fn element(&self, node: Node<'d>, class: &Class) -> Result<Element<'d>, Fault> {
        Element::new(self.referent(node)?, class, self.dialect)
    }

    fn named(&mut self, node: &Node<'d>, text: &str, depth: usize) -> Result<Shape, Fault> {
        let name = term(text);
        if let Some(schema) = Schema::of_term(name).or_else(|| of_central(name)) {
            return Ok(Shape::simple(schema));
        }
        let Some((id, definition)) = self.definition(text) else {
            return Err(unknown(node, text));
        };
        if self.open.contains(&id) {
            return Err(node.fault(format!("{id} contains itself")));
        }
        let shape = match self.shapes.get(id) {
            Some(shape) => shape.clone(),
            None => self.define(id, &definition, depth)?,
        };
        check_depth(node, depth + shape.levels)?;
        Ok(shape)
    }

    fn define(&mut self, id: &'d str, node: &Node<'d>, depth: usize) -> Result<Shape, Fault> {
        self.open.push(id);
        let shape = self.complex(node, depth);
        self.open.pop();
        let shape = shape?;
        self.shapes.insert(id, shape.clone());
        Ok(shape)
    }

    fn array(&mut self, node: &Node<'d>, depth: usize) -> Result<Shape, Fault> {
        let array = self.element(node.clone(), &class::ARRAY)?;
        array.about()?;
        let element = self.shape(&array.require("elementSchema")?, depth + 1)?;
        let schema = Schema::Array {
            element: Arc::clone(&element.schema),
        };
        Ok(Shape::around(schema, &[element]))
    }

    fn map(&mut self, node: &Node<'d>, depth: usize) -> Result<Shape, Fault> {
        let map = self.element(node.clone(), &class::MAP)?;
        map.about()?;
        let key = self.key(map.require("mapKey")?)?;
        let value = self.element(map.require("mapValue")?.only()?, &class::MAP_VALUE)?;
        let (value, shape) = self.datum(&value, depth + 1)?;
        let schema = Schema::Map {
            key: Arc::new(key),
            value: Arc::new(value),
        };
        Ok(Shape::around(schema, &[shape]))
    }

    fn key(&self, node: Node<'d>) -> Result<Key, Fault> {
        let key = self.element(node.only()?, &class::MAP_KEY)?;
        let schema = key.require("schema")?;
        if term(schema.text()?) != "string" {
            return Err(schema.unexpected("the schema string"));
        }
        Ok(Key {
            name: key.name()?,
            about: key.about()?,
        })
    }

    fn object(&mut self, node: &Node<'d>, depth: usize) -> Result<Shape, Fault> {
        let object = self.element(node.clone(), &class::OBJECT)?;
        object.about()?;
        let limits = self.dialect.limits();
        let nodes = members_of(&object, "fields", limits.fields, limits.empty_sets)?;
        let mut names = Names::default();
        let mut fields = Vec::new();
        let mut shapes = Vec::new();
        for node in nodes {
            let (field, shape) =
                self.datum(&self.element(node.clone(), &class::FIELD)?, depth + 1)?;
            names.add(&field.name, &node)?;
            fields.push(field);
            shapes.push(shape);
        }
        let schema = Schema::Object {
            fields: fields.into(),
        };
        Ok(Shape::around(schema, &shapes))
    }

    fn enumeration(&self, node: &Node<'d>) -> Result<Shape, Fault> {
        let element = self.element(node.clone(), &class::ENUM)?;
        element.about()?;
        let value_schema = element.require("valueSchema")?;
        let numbers = match term(value_schema.text()?) {
            "integer" => true,
            "string" => false,
            _ => return Err(value_schema.unexpected("the schema integer or string")),
        };
        let limits = self.dialect.limits();
        let nodes = members_of(
            &element,
            "enumValues",
            limits.enum_values,
            limits.empty_sets,
        )?;
        let mut names = Names::default();
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
        Ok(Shape::simple(schema))
    }

    fn enum_value(&self, node: Node<'d>, number: bool) -> Result<EnumValue, Fault> {
        let element = self.element(node, &class::ENUM_VALUE)?;
        let value = element.require("enumValue")?;
        Ok(EnumValue {
            name: element.name()?,
            about: element.about()?,
            value: if number {
                Literal::Integer(value.integer()?)
            } else {
                Literal::String(value.text()?.to_owned())
            },
        })
    }
}

/// The names, and values of an Enum, that have been seen among elements of which no two may have the same.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Names {
    pub(super) fn add(&mut self, name: &str, node: &Node<'_>) -> Result<(), Fault> {
        if self.names.insert(name.to_owned()) {
            return Ok(());
        }
        Err(node.fault(format!("there are two of the name {name:?}")))
    }

    fn add_value(&mut self, value: &Literal, node: &Node<'_>) -> Result<(), Fault> {
        let value = match value {
            Literal::Integer(number) => number.to_string(),
            Literal::String(text) => text.clone(),
        };
        if self.values.insert(value.clone()) {
            return Ok(());
        }
        Err(node.fault(format!("there are two of the value {value:?}")))
    }
}

/// The elements of a set whose size is limited.
pub(super) fn members_of<'d>(
    element: &Element<'d>,
    name: &str,
    most: usize,
    may_be_empty: bool,
) -> Result<Vec<Node<'d>>, Fault> {
    let node = match element.get(name) {
        None if may_be_empty => return Ok(Vec::new()),
        _ => element.require(name)?,
    };
    let members = node.set();
    if members.len() > most {
        return Err(node.fault(format!(
            "{} elements are too many, {most} are allowed",
            members.len()
        )));
    }
    Ok(members)
}

fn check_depth(node: &Node<'_>, levels: usize) -> Result<(), Fault> {
    if levels > NESTED_SCHEMAS {
        return Err(node.fault(format!(
            "more than {NESTED_SCHEMAS} complex schemas are nested"
        )));
    }
    Ok(())
}

fn unknown(node: &Node<'_>, text: &str) -> Fault {
    if text.parse::<Dtmi>().is_ok() {
        return node.fault(format!("no schema {text} is defined in this interface"));
    }
    node.unexpected(&format!("a schema of this interface or one of {TERMS}"))
}

/// A schema that IoT Central adds to the language.
fn of_central(term: &str) -> Option<Schema> {
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
        about: About::default(),
        semantic_types: Vec::new(),
        unit: None,
        schema: Arc::new(Schema::Double),
    }
}
