//! What the store keeps of a device.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::c2d::Queue;
use super::subscriptions::Session;
use super::twins::Pushed;
use super::{Device, Entry, Twin};
use crate::store::{Content, Row, Store, StoreError};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    device: Cow<'a, Device>,
    revision: u64,
    twin: Cow<'a, Twin>,
    model_id: Cow<'a, Option<String>>,
    session: Cow<'a, Session>,
}

impl Entry {
    /// Stages everything but the messages.
    pub(super) fn keep(&self, store: &Store) {
        let record = Record {
            device: Cow::Borrowed(&self.device),
            revision: self.revision,
            twin: Cow::Borrowed(&self.twin),
            model_id: Cow::Borrowed(&self.model_id),
            session: Cow::Borrowed(&self.session),
        };
        store.put(self.row(), Content::json(&record));
    }

    /// Stages the subscriptions, if they outlive the connection.
    pub(super) fn keep_session(&self, store: &Store) {
        if self.session.is_kept() {
            self.keep(store);
        }
    }

    /// Stages what changed of the messages.
    pub(super) fn keep_messages(&mut self, store: &Store) {
        for (number, content) in self.queue.changes() {
            let row = Row::Message(self.device.device_id.clone(), number);
            match content {
                Some(content) => store.put(row, content),
                None => store.remove(row),
            }
        }
    }

    /// Stages that nothing is kept of the device any more.
    pub(super) fn discard(&mut self, store: &Store) {
        self.queue.clear();
        self.keep_messages(store);
        store.remove(self.row());
    }

    fn row(&self) -> Row {
        Row::Device(self.device.device_id.clone())
    }
}

impl From<Record<'static>> for Entry {
    fn from(record: Record<'static>) -> Self {
        Self {
            device: record.device.into_owned(),
            revision: record.revision,
            twin: record.twin.into_owned(),
            pushed: Pushed::default(),
            model_id: record.model_id.into_owned(),
            session: record.session.into_owned(),
            queue: Queue::default(),
            link: None,
        }
    }
}

/// Every device there was, as it was.
pub(super) fn restored(store: &Store) -> Result<BTreeMap<String, Entry>, StoreError> {
    let mut entries = BTreeMap::new();
    for document in store.devices()? {
        let record: Record<'static> =
            serde_json::from_str(&document).map_err(|error| store.damaged(error))?;
        let entry = Entry::from(record);
        entries.insert(entry.device.device_id.clone(), entry);
    }
    for message in store.messages()? {
        let entry = entries.get_mut(&message.device_id);
        let entry = entry.ok_or_else(|| store.damaged("a message is of no device"))?;
        let restored = entry.queue.restore(message);
        restored.map_err(|error| store.damaged(error))?;
    }
    Ok(entries)
}
