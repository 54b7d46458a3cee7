//! What the store keeps of enrolments and registrations.

use serde::de::DeserializeOwned;

use super::{Enrollment, Registration, State};
use crate::store::{Content, Row, Store, StoreError};

impl Enrollment {
    pub(super) fn keep(&self, store: &Store) {
        store.put(self.row(), Content::json(self));
    }

    pub(super) fn discard(&self, store: &Store) {
        store.remove(self.row());
    }

    fn row(&self) -> Row {
        Row::Enrollment(self.kind.name(), self.id.clone())
    }
}

impl Registration {
    pub(super) fn keep(&self, store: &Store) {
        store.put(self.row(), Content::json(self));
    }

    pub(super) fn discard(&self, store: &Store) {
        store.remove(self.row());
    }

    fn row(&self) -> Row {
        Row::Registration(self.registration_id.clone())
    }
}

/// Everything as it was.
pub(super) fn restored(store: &Store) -> Result<State, StoreError> {
    let mut state = State::default();
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
    serde_json::from_str(document).map_err(|error| store.damaged(error))
}
