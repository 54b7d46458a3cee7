//! The devices of a load in the registry.

use cloud::sas::random_key;
use serde_json::json;
use tokio::sync::watch;

use super::super::client::{Client, Policy};
use super::super::device::encoded;
use super::super::failure::Failure;
use super::super::output;
use super::stopped;

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
        for id in &self.ids {
            if *stop.borrow() {
                return Err(stopped());
            }
            let device = json!({"deviceId": id, "authentication": {"symmetricKey": keys}});
            client.send(Policy::RegistryWrite, "PUT", &path(id), &device)?;
            self.registered += 1;
        }
        Ok(())
    }

    /// Removes those that were registered. What it cannot remove it tells of.
    pub(super) fn remove(&self, client: &Client) {
        for id in self.ids.iter().take(self.registered) {
            if let Err(failure) = client.delete(Policy::RegistryWrite, &path(id)) {
                let why = failure.message().unwrap_or_default();
                let name = &self.name;
                return output::note(&format!("devices {name}-* stay registered: {why}"));
            }
        }
    }
}

fn path(id: &str) -> String {
    format!("/devices/{}", encoded(id))
}
