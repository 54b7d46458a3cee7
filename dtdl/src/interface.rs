//! Interfaces and what they are made of.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::dialect::Dialect;
use crate::dtmi::Dtmi;
use crate::schema::Datum;
use crate::text::EntityInfo;

/// What a device, or a component of one, is able to do.
///
/// Serialised with everything a form needs. [`parse`](crate::parse) gives it as it is written; in a
/// [`Model`](crate::Model) its contents are joined by those it inherits.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its identifier.
    pub id: Dtmi,
    /// The version of the language it is written in.
    pub dialect: Dialect,
    /// What it is called by people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// The interfaces whose contents it inherits.
    pub extends: Vec<Dtmi>,
    /// What it is made of, in the order of the document.
    pub contents: Vec<Content>,
    /// The interface as it is written.
    #[serde(skip)]
    pub source: Arc<Value>,
}

/// An element of an interface. No two of one interface have the same name.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Content {
    /// What the device measures and sends.
    Telemetry(Datum),
    /// What the device is or shall be.
    Property(Property),
    /// What the device can be told to do.
    Command(Command),
    /// A part of the device with an interface of its own.
    Component(Component),
    /// A link to another twin. Devices have none: it is kept, and takes part in no check of values.
    Relationship(Relationship),
}

/// A property of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Property {
    /// Its name and its values.
    #[serde(flatten)]
    pub datum: Datum,
    /// Whether an operator may desire a value.
    pub writable: bool,
}

/// A command of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// What it is called in methods and programs.
    pub name: String,
    /// What it is called by people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// What is given to it; none if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<Datum>>,
    /// What it answers; none if nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Box<Datum>>,
}

/// A component of a device.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Component {
    /// What it is called in messages and twins.
    pub name: String,
    /// What it is called by people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// Its interface.
    pub schema: Dtmi,
}

/// A link to another twin.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Relationship {
    /// What it is called in programs.
    pub name: String,
    /// What it is called by people.
    #[serde(flatten)]
    pub info: EntityInfo,
    /// The interface of the other twin; none if any will do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Dtmi>,
    /// How many links there may be at most, if that is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_multiplicity: Option<u32>,
    /// What each link says of itself.
    pub properties: Vec<Property>,
    /// Whether an operator may change the link.
    pub writable: bool,
}

impl Content {
    /// Its name, which is its own in the interface.
    pub fn name(&self) -> &str {
        match self {
            Self::Telemetry(telemetry) => &telemetry.name,
            Self::Property(property) => &property.datum.name,
            Self::Command(command) => &command.name,
            Self::Component(component) => &component.name,
            Self::Relationship(relationship) => &relationship.name,
        }
    }
}

impl Interface {
    /// Everything the device sends as telemetry.
    pub fn telemetry(&self) -> impl Iterator<Item = &Datum> {
        self.contents.iter().filter_map(|content| match content {
            Content::Telemetry(telemetry) => Some(telemetry),
            _ => None,
        })
    }

    /// Its properties.
    pub fn properties(&self) -> impl Iterator<Item = &Property> {
        self.contents.iter().filter_map(|content| match content {
            Content::Property(property) => Some(property),
            _ => None,
        })
    }

    /// Its commands.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.contents.iter().filter_map(|content| match content {
            Content::Command(command) => Some(command),
            _ => None,
        })
    }

    /// Its components.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.contents.iter().filter_map(|content| match content {
            Content::Component(component) => Some(component),
            _ => None,
        })
    }

    /// The property of this name.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties()
            .find(|property| property.datum.name == name)
    }

    /// The command of this name.
    pub fn command(&self, name: &str) -> Option<&Command> {
        self.commands().find(|command| command.name == name)
    }
}
