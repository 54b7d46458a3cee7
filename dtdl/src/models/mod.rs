//! Models put together from interfaces, and where the interfaces come from.

mod directory;
mod resolve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::dtmi::Dtmi;
use crate::interface::Interface;
use crate::parse::ParseError;
use crate::schema::whole;
use directory::Directory;
use resolve::Resolution;

/// A device's whole model: its interface with everything it inherits, and that of each component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    #[serde(serialize_with = "whole")]
    interface: Arc<Interface>,
    #[serde(serialize_with = "each_whole")]
    components: BTreeMap<String, Arc<Interface>>,
}

fn each_whole<S: Serializer>(
    components: &BTreeMap<String, Arc<Interface>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(components.iter().map(|(name, it)| (name, &**it)))
}

impl Model {
    /// The identifier of the model.
    pub fn id(&self) -> &Dtmi {
        &self.interface.id
    }

    /// The interface of the device itself, which names its components.
    pub fn root(&self) -> &Interface {
        &self.interface
    }

    /// The interface of a component.
    pub fn component(&self, name: &str) -> Option<&Interface> {
        self.components.get(name).map(AsRef::as_ref)
    }

    /// The interface of a component, or of the device itself if none is named.
    pub fn interface(&self, component: Option<&str>) -> Option<&Interface> {
        match component {
            Some(name) => self.component(name),
            None => Some(self.root()),
        }
    }
}

/// Why there is no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// No such interface was given, and no file has it.
    #[error("no interface {id} is known{}", looked_for(.file))]
    Unknown {
        /// What was asked for, or what the model needs.
        id: Dtmi,
        /// Where it would be.
        file: Option<PathBuf>,
    },
    /// A file or directory could not be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file holds no interfaces that can be used.
    #[error("{}: {source}", file.display())]
    Broken {
        /// Which.
        file: PathBuf,
        /// What is wrong with it.
        source: ParseError,
    },
    /// A file holds other interfaces than its name says. Case matters.
    #[error("{} has no interface {id}: it has {}", file.display(), listed(.found))]
    Misplaced {
        /// Which.
        file: PathBuf,
        /// What it should hold.
        id: Dtmi,
        /// What it holds.
        found: Vec<Dtmi>,
    },
    /// A file is not named after any of its interfaces.
    #[error("{} is not named after an interface in it: it has {}", file.display(), listed(.found))]
    Misnamed {
        /// Which.
        file: PathBuf,
        /// What it holds.
        found: Vec<Dtmi>,
    },
    /// The interfaces are there, but make no model.
    #[error("{id}: {problem}")]
    Inconsistent {
        /// The interface in question.
        id: Dtmi,
        /// What is wrong, and what is allowed.
        problem: String,
    },
}

/// The interfaces there are: those that were given, and those of a directory, which is looked into anew each time, so that
/// a file that changes is noticed.
#[derive(Clone, Debug, Default)]
pub struct Models {
    given: BTreeMap<Dtmi, Arc<Interface>>,
    directory: Option<Directory>,
}

/// What there is.
#[derive(Debug, Default)]
pub struct Listing {
    /// The interfaces, sorted.
    pub ids: Vec<Dtmi>,
    /// The files that cannot be used, and why.
    pub broken: Vec<ModelError>,
}

impl Models {
    /// No interfaces yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The interfaces of a directory in the layout of models repositories: `dtmi/com/example/thermostat-1.json` below it
    /// holds `dtmi:com:example:Thermostat;1`, or `thermostat-1.expanded.json` does.
    pub fn in_directory(root: impl Into<PathBuf>) -> Self {
        Self {
            given: BTreeMap::new(),
            directory: Some(Directory::new(root.into())),
        }
    }

    /// Adds interfaces, such as [`parse`](crate::parse) reads. They come before those of the directory, and take the
    /// place of those given before under the same identifiers.
    pub fn add(&mut self, interfaces: impl IntoIterator<Item = Interface>) {
        for interface in interfaces {
            self.given.insert(interface.id.clone(), Arc::new(interface));
        }
    }

    /// Forgets an interface that was given; whether there was one.
    pub fn remove(&mut self, id: &Dtmi) -> bool {
        self.given.remove(id).is_some()
    }

    /// Puts together the model of this identifier: its interface, what it extends, and its components.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if an interface is missing or broken, or they do not fit together.
    pub fn resolve(&self, id: &Dtmi) -> Result<Model, ModelError> {
        Resolution::new(self).model(id)
    }

    /// The interfaces that the model of this identifier is made of, as they are written: its own, those it extends and those
    /// of its components.
    ///
    /// # Errors
    ///
    /// As for [`resolve`](Self::resolve).
    pub fn documents(&self, id: &Dtmi) -> Result<Vec<Value>, ModelError> {
        self.resolve(id)?;
        Resolution::new(self).documents(id)
    }

    /// What there is, every file of the directory read.
    ///
    /// # Errors
    ///
    /// [`ModelError::Read`] if the directory cannot be read.
    pub fn list(&self) -> Result<Listing, ModelError> {
        let mut listing = match &self.directory {
            Some(directory) => directory.list()?,
            None => Listing::default(),
        };
        listing.ids.extend(self.given.keys().cloned());
        listing.ids.sort();
        listing.ids.dedup();
        Ok(listing)
    }
}

fn looked_for(file: &Option<PathBuf>) -> String {
    let file = file.as_ref();
    file.map(|file| format!(": there is no file {}", file.display()))
        .unwrap_or_default()
}

fn listed(ids: &[Dtmi]) -> String {
    let ids: Vec<_> = ids.iter().map(Dtmi::as_str).collect();
    ids.join(", ")
}
