//! Persistence of enrollments and registrations.

use serde::de::DeserializeOwned;

use super::{DpsState, Enrollment, Registration};
use crate::store::{Content, Row, Store, StoreError};

impl Enrollment {
    pub(super) fn persist(&self, store: &Store) {
        store.put(self.row(), Content::json(self));
    }

    pub(super) fn delete_row(&self, store: &Store) {
        store.remove(self.row());
    }

    fn row(&self) -> Row {
        Row::Enrollment(self.kind.name(), self.id.to_string())
    }
}

impl Registration {
    pub(super) fn persist(&self, store: &Store) {
        store.put(self.row(), Content::json(self));
    }

    pub(super) fn delete_row(&self, store: &Store) {
        store.remove(self.row());
    }

    fn row(&self) -> Row {
        Row::Registration(self.registration_id.to_string())
    }
}

/// Reads all enrollments and registrations from the store.
pub(super) fn load(store: &Store) -> Result<DpsState, StoreError> {
    let mut state = DpsState::default();
    for document in store.enrollments()? {
        let one: Enrollment = read(&document, store)?;
        state.enrollments.insert((one.kind, one.id.clone()), one);
    }
    for document in store.registrations()? {
        let one: Registration = read(&document, store)?;
        state.registrations.insert(one.registration_id.clone(), one);
    }
    Ok(state)
}

fn read<T: DeserializeOwned>(document: &str, store: &Store) -> Result<T, StoreError> {
    serde_json::from_str(document).map_err(|error| store.corrupt(error))
}
