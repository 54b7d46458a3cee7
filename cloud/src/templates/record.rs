//! Templates in the store.

use std::collections::BTreeMap;

use super::Template;
use crate::store::{Content, Row, Store, StoreError};

impl Template {
    pub(super) fn save(&self, store: &Store) {
        store.put(self.row(), Content::json(self));
    }

    pub(super) fn delete(&self, store: &Store) {
        store.remove(self.row());
    }

    fn row(&self) -> Row {
        Row::Template(self.model.clone())
    }
}

/// Loads all templates.
pub(super) fn load(store: &Store) -> Result<BTreeMap<String, Template>, StoreError> {
    let read = |document: String| {
        let template: Template =
            serde_json::from_str(&document).map_err(|error| store.corrupt(error))?;
        Ok((template.model.clone(), template))
    };
    store.templates()?.into_iter().map(read).collect()
}
