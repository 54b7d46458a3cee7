//! Interfaces and their contents.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::{dialect::Dialect, dtmi::Dtmi, schema::Datum, text::EntityInfo};

/// The interface of a device or of a component.
///
/// Serialized with everything a form needs. From [`parse`](crate::parse) it has its own contents; in a
/// [`Model`](crate::Model) it has the inherited contents too.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Identifier.
    pub id: Dtmi,
    /// DTDL version.
    pub dialect: Dialect,
    /// Texts for people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// Extended interfaces.
    pub extends: Vec<Dtmi>,
    /// Contents, in the order of the document.
    pub contents: Vec<Content>,
    /// The original document.
    #[serde(skip)]
    pub source: Arc<Value>,
}

/// A content of an interface. Names are unique in an interface.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Content {
    /// Data that the device sends.
    Telemetry(Datum),
    /// State of the device, read-only or writable.
    Property(Property),
    /// A property that IoT Central keeps about a device. The device neither has nor gets it: it is ignored by validation.
    CloudProperty(Property),
    /// Function of the device.
    Command(Command),
    /// Part of the device with an interface of its own.
    Component(Component),
    /// Link to another twin. Devices have none: it is parsed, and ignored by validation.
    Relationship(Relationship),
}

/// A property of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    /// Name and schema.
    #[serde(flatten)]
    pub datum: Datum,
    /// True if the service may set a desired value.
    pub writable: bool,
}

/// A command of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Name in methods and programs.
    pub name: String,
    /// Texts for people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// Request payload, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<Datum>>,
    /// Response payload, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Box<Datum>>,
}

/// A component of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// Name in messages and twins.
    pub name: String,
    /// Texts for people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// Interface of the component.
    pub schema: Dtmi,
}

/// A link to another twin.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    /// Name in programs.
    pub name: String,
    /// Texts for people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// Interface of the other twin; `None` for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Dtmi>,
    /// Most links, if limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_multiplicity: Option<u32>,
    /// Properties of each link.
    pub properties: Vec<Property>,
    /// True if the service may change the link.
    pub writable: bool,
}

impl Content {
    /// Returns the name, unique in the interface.
    pub fn name(&self) -> &str {
        match self {
            Self::Telemetry(telemetry) => &telemetry.name,
            Self::Property(property) | Self::CloudProperty(property) => &property.datum.name,
            Self::Command(command) => &command.name,
            Self::Component(component) => &component.name,
            Self::Relationship(relationship) => &relationship.name,
        }
    }
}

impl Interface {
    /// Returns the telemetry.
    pub fn telemetry(&self) -> impl Iterator<Item = &Datum> {
        self.contents.iter().filter_map(|content| match content {
            Content::Telemetry(telemetry) => Some(telemetry),
            _ => None,
        })
    }

    /// Returns the properties.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.contents.iter().filter_map(|content| match content {
            Content::Property(property) => Some(property),
            _ => None,
        })
    }

    /// Returns the commands.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.contents.iter().filter_map(|content| match content {
            Content::Command(command) => Some(command),
            _ => None,
        })
    }

    /// Returns the components.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.contents.iter().filter_map(|content| match content {
            Content::Component(component) => Some(component),
            _ => None,
        })
    }

    /// Returns a property.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties()
            .find(|property| property.datum.name == name)
    }

    /// Returns a command.
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands().find(|command| command.name == name)
    }
}
