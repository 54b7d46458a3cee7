//! Parsing of contents: telemetry, properties, commands, components and relationships.

use super::{
    class::{self, Class},
    diagnostic::Diagnostic,
    element::{self, Element},
    interface::Parser,
    node::Node,
    partition::Partition,
    schema::UniqueNames,
};
use crate::{
    dialect::{Dialect, Language},
    interface::{Command, Component, Content, Property, Relationship},
    schema::Datum,
};

/// The type of IoT Central's properties that the device does not have.
const CLOUD: &str = "Cloud";

impl<'d> Parser<'d> {
    /// Parses an element of an interface.
    pub(super) fn content(
        &mut self,
        partition: &mut Partition<'d>,
        node: Node<'d>,
    ) -> Result<Content, Diagnostic> {
        let node = partition.referent(node)?;
        node.members()?;
        let types = element::types(&node)?;
        let is = |class: &Class| types.contains(&class.name);
        if is(&class::TELEMETRY) {
            telemetry(partition, node)
        } else if is(&class::PROPERTY) {
            property(partition, node)
        } else if is(&class::COMMAND) {
            command(partition, node)
        } else if is(&class::COMPONENT) {
            self.component(partition.language, node)
        } else if is(&class::RELATIONSHIP) {
            self.relationship(partition, node)
        } else {
            Err(node
                .error("expected the type Telemetry, Property, Command, Component or Relationship"))
        }
    }

    fn component(&mut self, language: Language, node: Node<'d>) -> Result<Content, Diagnostic> {
        let element = Element::new(node, &class::COMPONENT, language)?;
        let component = Component {
            name: element.name()?,
            info: element.info()?,
            schema: self.reference(&element.require("schema")?, &element)?,
        };
        Ok(Content::Component(component))
    }

    fn relationship(
        &mut self,
        partition: &mut Partition<'d>,
        node: Node<'d>,
    ) -> Result<Content, Diagnostic> {
        let element = partition.element(node, &class::RELATIONSHIP)?;
        let properties = link_properties(partition, &element)?;
        if let Some(min) = element.get("minMultiplicity")
            && min.integer()? != 0
        {
            return Err(min.unexpected("0"));
        }
        let target = element.get("target");
        let target = target.map(|node| match element.language.central {
            // IoT Central has the interface of a module in its place.
            true => self.reference(&node, &element),
            false => element::identifier(&node, element.language.dialect),
        });
        let relationship = Relationship {
            name: element.name()?,
            info: element.info()?,
            target: target.transpose()?,
            max_multiplicity: max_multiplicity(&element)?,
            properties,
            writable: writable(&element)?,
        };
        Ok(Content::Relationship(relationship))
    }
}

fn telemetry<'d>(partition: &mut Partition<'d>, node: Node<'d>) -> Result<Content, Diagnostic> {
    let element = partition.element(node, &class::TELEMETRY)?;
    let (telemetry, _) = partition.datum(&element, 0)?;
    Ok(Content::Telemetry(telemetry))
}

/// Parses a property: the device's, or with IoT Central's type `Cloud` one that the cloud keeps.
fn property<'d>(partition: &mut Partition<'d>, node: Node<'d>) -> Result<Content, Diagnostic> {
    let element = partition.element(node, &class::PROPERTY)?;
    let is_of_cloud = element.language.central && element.is(CLOUD);
    let property = property_of(partition, &element)?;
    Ok(match is_of_cloud {
        true => Content::CloudProperty(property),
        false => Content::Property(property),
    })
}

fn property_of<'d>(
    partition: &mut Partition<'d>,
    element: &Element<'d>,
) -> Result<Property, Diagnostic> {
    let (datum, schema) = partition.datum(element, 0)?;
    if schema.has_arrays && !partition.language.dialect.limits().arrays_in_properties {
        let schema = element.require("schema")?;
        return Err(schema.error("a property must not contain an array or a geometry in DTDL v2"));
    }
    Ok(Property {
        datum,
        writable: writable(element)?,
    })
}

fn command<'d>(partition: &mut Partition<'d>, node: Node<'d>) -> Result<Content, Diagnostic> {
    let (request, response) = match partition.language.dialect {
        Dialect::V2 => (&class::PAYLOAD_V2, &class::PAYLOAD_V2),
        Dialect::V3 => (&class::REQUEST_V3, &class::RESPONSE_V3),
    };
    let element = partition.element(node, &class::COMMAND)?;
    if let Some(kind) = element.get("commandType")
        && !["synchronous", "asynchronous"].contains(&element::term(kind.text()?))
    {
        return Err(kind.unexpected("synchronous or asynchronous"));
    }
    if let Some(durable) = element.get("durable")
        && element.language.central
    {
        durable.boolean()?;
    }
    let command = Command {
        name: element.name()?,
        info: element.info()?,
        request: payload(partition, &element, "request", request)?,
        response: payload(partition, &element, "response", response)?,
    };
    Ok(Content::Command(command))
}

fn payload<'d>(
    partition: &mut Partition<'d>,
    command: &Element<'d>,
    member: &str,
    class: &Class,
) -> Result<Option<Box<Datum>>, Diagnostic> {
    let Some(node) = command.get(member) else {
        return Ok(None);
    };
    let element = partition.element(node.only()?, class)?;
    let (datum, _) = partition.datum(&element, 0)?;
    Ok(Some(Box::new(datum)))
}

fn link_properties<'d>(
    partition: &mut Partition<'d>,
    element: &Element<'d>,
) -> Result<Vec<Property>, Diagnostic> {
    let nodes = element.set("properties");
    let max = partition.language.dialect.limits().contents;
    if nodes.len() > max {
        return Err(element.node.error(format!("more than {max} properties")));
    }
    let mut names = UniqueNames::default();
    let mut properties = Vec::new();

    for node in nodes {
        let element = partition.element(node.clone(), &class::PROPERTY)?;
        let property = property_of(partition, &element)?;
        names.add(&property.datum.name, &node)?;

        properties.push(property);
    }
    Ok(properties)
}

fn max_multiplicity(element: &Element<'_>) -> Result<Option<u32>, Diagnostic> {
    let Some(node) = element.get("maxMultiplicity") else {
        return Ok(None);
    };
    let max = element.language.dialect.limits().multiplicity;
    let number = u32::try_from(node.integer()?).unwrap_or(0);
    if number == 0 || i64::from(number) > max {
        return Err(node.unexpected(&format!("a number from 1 to {max}")));
    }
    Ok(Some(number))
}

fn writable(element: &Element<'_>) -> Result<bool, Diagnostic> {
    let node = element.get("writable");
    node.map_or(Ok(false), |node| node.boolean())
}
