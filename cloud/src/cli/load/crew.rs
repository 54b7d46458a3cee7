//! The devices of a load in the registry.

use cloud::sas::random_key;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::client::{Client, Policy};
use super::super::failure::Failure;
use super::super::output;
use super::stopped;

/// So many devices can be changed with one request.
const AT_ONCE: usize = 100;

/// Devices of names no other load has used, which share a key.
pub(super) struct Crew {
    name: String,
    key: String,
    ids: Vec<String>,
    registered: usize,
}

impl Crew {
    pub(super) fn new(devices: u32) -> Self {
        let name = format!("load-{:06x}", rand::random::<u32>() >> 8);
        Self {
            ids: (1..=devices)
                .map(|number| format!("{name}-{number:05}"))
                .collect(),
            key: random_key(),
            name,
            registered: 0,
        }
    }

    /// What the devices' names begin with.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// In their order.
    pub(super) fn ids(&self) -> &[String] {
        &self.ids
    }

    /// In base64.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Registers all of them, unless it is stopped.
    pub(super) fn register(
        &mut self,
        client: &Client,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), Failure> {
        let keys = json!({"primaryKey": self.key, "secondaryKey": self.key});
        for ids in self.ids.chunks(AT_ONCE) {
            if *stop.borrow() {
                return Err(stopped());
            }
            // Of an answer that does not come nobody knows what was done.
            self.registered += ids.len();
            change(
                client,
                ids,
                |id| json!({"id": id, "importMode": "create", "authentication": {"symmetricKey": keys}}),
            )?;
        }
        Ok(())
    }

    /// Removes those that were registered. What it cannot remove it tells of.
    pub(super) fn remove(&self, client: &Client) {
        let registered = self.ids.get(..self.registered).unwrap_or_default();
        for ids in registered.chunks(AT_ONCE) {
            let order = |id: &str| json!({"id": id, "importMode": "delete"});
            if let Err(failure) = change(client, ids, order) {
                let why = failure.message().unwrap_or_default();
                let name = &self.name;
                return output::note(&format!("devices {name}-* stay registered: {why}"));
            }
        }
    }
}

fn change(client: &Client, ids: &[String], order: impl Fn(&str) -> Value) -> Result<(), Failure> {
    let orders = ids.iter().map(|id| order(id)).collect();
    client
        .send(Policy::RegistryWrite, "POST", "/devices", &orders)
        .map(drop)
}
