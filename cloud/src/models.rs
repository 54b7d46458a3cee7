//! The device models the cloud knows.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use dtdl::{Dtmi, Listing, Model, ModelError, Models, ParseError};
use serde_json::Value;
use tracing::warn;

use crate::store::{Content, Row, Store, StoreError};

/// The models of this repository (`models/`), so that the program needs no files beside it.
const SHIPPED: [&str; 4] = [
    include_str!("../../models/dtmi/com/example/thermostat-1.json"),
    include_str!("../../models/dtmi/com/example/temperaturecontroller-1.json"),
    include_str!("../../models/dtmi/com/example/devicehost-1.json"),
    include_str!("../../models/dtmi/azure/devicemanagement/deviceinformation-1.json"),
];

/// The models that are part of this program.
///
/// # Errors
/// If one of them is no model: a test makes sure that all are.
pub fn shipped() -> Result<Models, ParseError> {
    let mut models = Models::new();
    for text in SHIPPED {
        models.add(dtdl::parse(text)?);
    }
    Ok(models)
}

/// A document that cannot be added to the library.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The document is not valid DTDL.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// The document does not contain the interface it is added for.
    #[error("the document has no interface {0}")]
    Missing(Dtmi),
    /// The interfaces do not make a model.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// The models there are, and those that operators have added.
pub struct Library {
    store: Store,
    models: RwLock<Models>,
}

impl Library {
    /// `models`, and what was added to them in this store.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn open(mut models: Models, store: Store) -> Result<Self, StoreError> {
        for document in store.models()? {
            match dtdl::parse(&document) {
                Ok(interfaces) => models.add(interfaces),
                // An earlier version of this program took it.
                Err(error) => warn!(%error, "a model that was added cannot be used any more"),
            }
        }
        Ok(Self {
            store,
            models: RwLock::new(models),
        })
    }

    /// The model of this identifier, as [`Models::resolve`] has it.
    ///
    /// # Errors
    /// As there.
    pub fn resolve(&self, id: &Dtmi) -> Result<Model, ModelError> {
        self.models().resolve(id)
    }

    /// What it is made of, as [`Models::documents`] has it.
    ///
    /// # Errors
    /// As there.
    pub fn documents(&self, id: &Dtmi) -> Result<Vec<Value>, ModelError> {
        self.models().documents(id)
    }

    /// What there is, as [`Models::list`] has it.
    ///
    /// # Errors
    /// As there.
    pub fn list(&self) -> Result<Listing, ModelError> {
        self.models().list()
    }

    /// Adds the interfaces of a document, in place of those of the same identifiers. The model of `id` must then be whole.
    ///
    /// # Errors
    /// [`AddError`] says what is wrong with the document, and where.
    pub fn add(&self, id: &Dtmi, document: &Value) -> Result<(), AddError> {
        let interfaces = dtdl::parse_value(document)?;
        if interfaces.iter().all(|interface| interface.id != *id) {
            return Err(AddError::Missing(id.clone()));
        }
        let mut models = self.models.write().unwrap_or_else(PoisonError::into_inner);
        let mut changed = models.clone();
        changed.add(interfaces.iter().cloned());
        changed.resolve(id)?;
        for interface in &interfaces {
            let row = Row::Model(interface.id.to_string());
            self.store.put(row, Content::json(&*interface.source));
        }
        *models = changed;
        Ok(())
    }

    fn models(&self) -> RwLockReadGuard<'_, Models> {
        self.models.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_model_is_whole() {
        let models = shipped().unwrap();
        let ids = models.list().unwrap().ids;
        assert_eq!(ids.len(), SHIPPED.len());
        for id in ids {
            models.resolve(&id).unwrap();
        }
    }
}
