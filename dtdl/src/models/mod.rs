//! Models, resolved from interfaces.

mod directory;
mod index;
mod refresh;
mod resolve;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use directory::Directory;
pub use refresh::Refresh;
use resolve::Resolver;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::{dtmi::Dtmi, interface::Interface, parse::ParseError, schema::serialize_shared};

/// The resolved model of a device: its interface with inherited contents, and those of its components.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    #[serde(serialize_with = "serialize_shared")]
    interface: Arc<Interface>,
    #[serde(serialize_with = "serialize_each_shared")]
    components: BTreeMap<String, Arc<Interface>>,
}

fn serialize_each_shared<S: Serializer>(
    components: &BTreeMap<String, Arc<Interface>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(components.iter().map(|(name, it)| (name, &**it)))
}

impl Model {
    /// Returns the identifier of the model.
    pub fn id(&self) -> &Dtmi {
        &self.interface.id
    }

    /// Returns the interface of the device itself.
    pub fn root(&self) -> &Interface {
        &self.interface
    }

    /// Returns the interface of a component.
    pub fn component(&self, name: &str) -> Option<&Interface> {
        self.components.get(name).map(AsRef::as_ref)
    }

    /// Returns the interface of a component, or of the device itself.
    pub fn interface(&self, component: Option<&str>) -> Option<&Interface> {
        match component {
            Some(name) => self.component(name),
            None => Some(self.root()),
        }
    }
}

/// A model that cannot be resolved.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The interface was not added, and no file contains it.
    #[error("interface {id} not found{}", looked_for(.file))]
    Unknown {
        /// The requested interface, or one that the model references.
        id: Dtmi,
        /// File that would contain it.
        file: Option<PathBuf>,
    },
    /// A file or directory could not be read.
    #[error("cannot read {}: {source}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A file is invalid.
    #[error("{}: {source}", file.display())]
    Broken {
        /// The file.
        file: PathBuf,
        /// Diagnostics.
        source: ParseError,
    },
    /// A file does not contain the interface of its name. Case matters.
    #[error("{} does not contain the interface {id}, but {}", file.display(), listed(.found))]
    Misplaced {
        /// The file.
        file: PathBuf,
        /// The expected interface.
        id: Dtmi,
        /// The interfaces in it.
        found: Vec<Dtmi>,
    },
    /// A file is not named after any of its interfaces.
    #[error("{} is not named after any of its interfaces: {}", file.display(), listed(.found))]
    Misnamed {
        /// The file.
        file: PathBuf,
        /// The interfaces in it.
        found: Vec<Dtmi>,
    },
    /// The interfaces contradict each other or the limits of DTDL.
    #[error("{id}: {problem}")]
    Inconsistent {
        /// The interface in question.
        id: Dtmi,
        /// Problem, and the allowed alternative.
        problem: String,
    },
}

/// A collection of interfaces: those that were added, and those of a directory. Files are read each time, so that changes take
/// effect; only the listing is of the last [`refresh`](Self::refresh). Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Models {
    given: BTreeMap<Dtmi, Arc<Interface>>,
    directory: Option<Directory>,
}

/// A listing of interfaces.
#[derive(Debug, Default)]
pub struct Listing {
    /// The interfaces, sorted.
    pub ids: Vec<Dtmi>,
    /// Invalid files, with the reason.
    pub broken: Vec<Arc<ModelError>>,
    /// True if not all files have been read: some are new or have changed.
    pub pending: bool,
}

impl Models {
    /// Makes an empty collection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a collection of a directory in the layout of models repositories: `dtmi/com/example/thermostat-1.json` below it
    /// holds `dtmi:com:example:Thermostat;1`, or `thermostat-1.expanded.json` does.
    pub fn in_directory(root: impl Into<PathBuf>) -> Self {
        Self {
            given: BTreeMap::new(),
            directory: Some(Directory::new(root.into())),
        }
    }

    /// Adds interfaces from [`parse`](crate::parse). They take precedence over those of the directory, and replace added ones
    /// with the same identifiers.
    pub fn add(&mut self, interfaces: impl IntoIterator<Item = Interface>) {
        for interface in interfaces {
            self.given.insert(interface.id.clone(), Arc::new(interface));
        }
    }

    /// Removes an added interface. Returns true if there was one.
    pub fn remove(&mut self, id: &Dtmi) -> bool {
        self.given.remove(id).is_some()
    }

    /// Resolves the model of this identifier: its interface, those it extends, and its components.
    ///
    /// # Errors
    ///
    /// [`ModelError`] if an interface is missing or invalid, or they contradict each other.
    pub fn resolve(&self, id: &Dtmi) -> Result<Model, ModelError> {
        Resolver::new(self).model(id)
    }

    /// Returns the documents of all interfaces of a model: its own, those it extends, and those of its components.
    ///
    /// # Errors
    ///
    /// As for [`resolve`](Self::resolve).
    pub fn documents(&self, id: &Dtmi) -> Result<Vec<Value>, ModelError> {
        self.resolve(id)?;
        Resolver::new(self).documents(id)
    }

    /// Checks that the directory, if there is one, can be read.
    ///
    /// # Errors
    ///
    /// [`ModelError::Read`].
    pub fn check(&self) -> Result<(), ModelError> {
        self.directory.as_ref().map_or(Ok(()), Directory::check)
    }

    /// Finds the files of the directory that are new or have changed, which the iterator then reads for the
    /// [`list`](Self::list). A directory below it that cannot be read counts as an invalid file.
    ///
    /// Another refresh must not run at the same time.
    pub fn refresh(&self) -> Refresh {
        Refresh::of(self.directory.clone())
    }

    /// Lists all interfaces that were added or have been found by a [`refresh`](Self::refresh), without reading files.
    pub fn list(&self) -> Listing {
        let directory = self.directory.as_ref();
        let listing = directory.map(|directory| directory.index().listing());
        let mut listing = listing.unwrap_or_default();
        listing.ids.extend(self.given.keys().cloned());
        listing.ids.sort();
        listing.ids.dedup();
        listing
    }
}

fn looked_for(file: &Option<PathBuf>) -> String {
    let file = file.as_ref();
    file.map(|file| format!(": no file {}", file.display()))
        .unwrap_or_default()
}

fn listed(ids: &[Dtmi]) -> String {
    let ids: Vec<_> = ids.iter().map(Dtmi::as_str).collect();
    ids.join(", ")
}
