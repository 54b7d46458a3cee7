//! The device models known to the cloud.

mod refresher;

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use anyhow::Context;
use dtdl::{Dtmi, Listing, Model, ModelError, Models, ParseError};
use refresher::Refresher;
use serde_json::Value;
use tracing::warn;

use crate::store::{Content, Row, Store};

/// The models of this repository (`models/`), built in so that the program needs no other files.
const BUILTIN: [&str; 4] = [
    include_str!("../../../models/dtmi/com/example/thermostat-1.json"),
    include_str!("../../../models/dtmi/com/example/temperaturecontroller-1.json"),
    include_str!("../../../models/dtmi/com/example/devicehost-1.json"),
    include_str!("../../../models/dtmi/azure/devicemanagement/deviceinformation-1.json"),
];

/// Returns the built-in models.
///
/// # Errors
/// If one of them is invalid, which a test excludes.
pub fn builtin_models() -> Result<Models, ParseError> {
    let mut models = Models::new();
    for text in BUILTIN {
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

/// All known models: those of the start, and those added by operators.
pub struct ModelLibrary {
    store: Store,
    models: RwLock<Models>,
    refresher: Refresher,
}

impl ModelLibrary {
    /// Opens the library: `models`, and those added to this store. Begins to read the directory of the models.
    ///
    /// # Errors
    /// If the store cannot be read, or no thread can be started.
    pub fn open(mut models: Models, store: Store) -> anyhow::Result<Self> {
        for document in store.models()? {
            match dtdl::parse(&document) {
                Ok(interfaces) => models.add(interfaces),
                // An earlier version accepted it.
                Err(error) => warn!(%error, "stored model ignored: not valid DTDL"),
            }
        }
        let refresher = Refresher::start(models.clone());
        Ok(Self {
            store,
            models: RwLock::new(models),
            refresher: refresher.context("cannot start the thread that reads the models")?,
        })
    }

    /// Returns a model, like [`Models::resolve`].
    ///
    /// # Errors
    /// Those of [`Models::resolve`].
    pub fn resolve(&self, id: &Dtmi) -> Result<Model, ModelError> {
        self.models().resolve(id)
    }

    /// Returns the interfaces of a model, like [`Models::documents`].
    ///
    /// # Errors
    /// Those of [`Models::documents`].
    pub fn documents(&self, id: &Dtmi) -> Result<Vec<Value>, ModelError> {
        self.models().documents(id)
    }

    /// Lists the models, like [`Models::list`], after the files that have changed were read. What takes longer than 50 ms goes on
    /// in the background, and the next listing has it.
    pub async fn list(&self) -> Listing {
        self.refresher.refresh().await;
        // Without the lock: a clone is small, and a listing may be long.
        let models = self.models().clone();
        models.list()
    }

    /// Adds the interfaces of a document. Replaces those with the same id. The model `id` must be complete then.
    ///
    /// # Errors
    /// [`AddError`], with the place in the document.
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
    fn every_builtin_model_is_complete() {
        let models = builtin_models().unwrap();
        let ids = models.list().ids;
        assert_eq!(ids.len(), BUILTIN.len());
        for id in ids {
            models.resolve(&id).unwrap();
        }
    }
}
