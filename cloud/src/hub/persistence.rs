//! Persistence of devices.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::{
    Device, Entry, Twin, c2d::C2dQueue, subscriptions::MqttSession, twins::DesiredHistory,
};
use crate::{
    clock::now,
    store::{Content, Row, Store, StoreError},
};

/// The stored document of a device, without its messages.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceDocument<'a> {
    device: Cow<'a, Device>,
    revision: u64,
    twin: Cow<'a, Twin>,
    model_id: Cow<'a, Option<String>>,
    session: Cow<'a, MqttSession>,
}

impl Entry {
    /// Stages all but the messages.
    pub(super) fn persist(&self, store: &Store) {
        let document = DeviceDocument {
            device: Cow::Borrowed(&self.device),
            revision: self.revision,
            twin: Cow::Borrowed(&self.twin),
            model_id: Cow::Borrowed(&self.model_id),
            session: Cow::Borrowed(&self.session),
        };
        store.put(self.row(), Content::json(&document));
    }

    /// Stages the subscriptions, if the session is persistent.
    pub(super) fn persist_session(&self, store: &Store) {
        if self.session.is_persistent() {
            self.persist(store);
        }
    }

    /// Stages the messages that changed.
    pub(super) fn persist_messages(&mut self, store: &Store) {
        for (number, content) in self.queue.changes() {
            let row = Row::Message(self.device.device_id.clone(), number);
            match content {
                Some(content) => store.put(row, content),
                None => store.remove(row),
            }
        }
    }

    /// Stages the removal of the device and its messages.
    pub(super) fn delete_rows(&mut self, store: &Store) {
        self.queue.clear();
        self.persist_messages(store);
        store.remove(self.row());
    }

    fn row(&self) -> Row {
        Row::Device(self.device.device_id.clone())
    }
}

impl From<DeviceDocument<'static>> for Entry {
    fn from(document: DeviceDocument<'static>) -> Self {
        Self {
            device: document.device.into_owned(),
            revision: document.revision,
            twin: document.twin.into_owned(),
            desired_history: DesiredHistory::default(),
            model_id: document.model_id.into_owned(),
            session: document.session.into_owned(),
            queue: C2dQueue::default(),
            connection: None,
        }
    }
}

/// Reads all devices from the store, and removes the messages that have expired meanwhile.
pub(super) fn load(store: &Store) -> Result<BTreeMap<String, Entry>, StoreError> {
    let now = now();
    let mut entries = BTreeMap::new();
    for document in store.devices()? {
        let document: DeviceDocument<'static> =
            serde_json::from_str(&document).map_err(|error| store.corrupt(error))?;
        let entry = Entry::from(document);
        entries.insert(entry.device.device_id.clone(), entry);
    }
    for message in store.messages()? {
        let entry = entries.get_mut(&message.device_id);
        let entry = entry.ok_or_else(|| store.corrupt("a message of an unknown device"))?;
        let restored = entry.queue.restore(message, now);
        restored.map_err(|error| store.corrupt(error))?;
    }
    for entry in entries.values_mut() {
        entry.queue.remove_expired(now);
        entry.persist_messages(store);
    }
    Ok(entries)
}
