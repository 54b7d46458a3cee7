//! The load devices in the registry.

use cloud::sas::random_key;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    super::{
        client::{Client, Policy},
        command_error::CommandError,
        output,
    },
    stopped,
};

/// The maximum number of devices per bulk request.
const BATCH_SIZE: usize = 100;

/// Load devices: unique ids with a common prefix, and a common key.
pub(super) struct LoadDevices {
    prefix: String,
    key: String,
    ids: Vec<String>,
    registered: usize,
}

impl LoadDevices {
    pub(super) fn new(devices: u32) -> Self {
        let prefix = format!("load-{:06x}", rand::random::<u32>() >> 8);
        Self {
            ids: (1..=devices)
                .map(|number| format!("{prefix}-{number:05}"))
                .collect(),
            key: random_key(),
            prefix,
            registered: 0,
        }
    }

    /// Returns the prefix of all ids.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Returns the ids, in order.
    pub(super) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Returns the key, in base64.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Registers all devices, until `stop` is true.
    pub(super) fn register(
        &mut self,
        client: &Client,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), CommandError> {
        let keys = json!({"primaryKey": self.key, "secondaryKey": self.key});
        for ids in self.ids.chunks(BATCH_SIZE) {
            if *stop.borrow() {
                return Err(stopped());
            }
            // Counted first: a request without a response may have succeeded.
            self.registered += ids.len();
            change(
                client,
                ids,
                |id| json!({"id": id, "importMode": "create", "authentication": {"symmetricKey": keys}}),
            )?;
        }
        Ok(())
    }

    /// Removes the registered devices. Prints a note if it cannot.
    pub(super) fn remove(&self, client: &Client) {
        let registered = self.ids.get(..self.registered).unwrap_or_default();
        for ids in registered.chunks(BATCH_SIZE) {
            let entry = |id: &str| json!({"id": id, "importMode": "delete"});
            if let Err(error) = change(client, ids, entry) {
                let reason = error.message().unwrap_or_default();
                let prefix = &self.prefix;
                return output::note(&format!("cannot remove the devices {prefix}-*: {reason}"));
            }
        }
    }
}

fn change(
    client: &Client,
    ids: &[String],
    entry: impl Fn(&str) -> Value,
) -> Result<(), CommandError> {
    let entries = ids.iter().map(|id| entry(id)).collect();
    client
        .send(Policy::RegistryWrite, "POST", "/devices", &entries)
        .map(drop)
}
