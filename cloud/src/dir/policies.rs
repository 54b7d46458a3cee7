//! The keys of operators.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::sas::random_key;

/// The names of Azure's built-in policies: the hub's, and the provisioning service's one.
const NAMES: [&str; 6] = [
    "iothubowner",
    "service",
    "registryRead",
    "registryReadWrite",
    "device",
    "provisioningserviceowner",
];

/// A pair of keys, in base64. Either counts, so that the other can be changed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Keys {
    /// The key in use.
    pub primary_key: String,
    /// The spare.
    pub secondary_key: String,
}

impl Keys {
    /// Two new random keys.
    pub fn generate() -> Self {
        Self {
            primary_key: random_key(),
            secondary_key: random_key(),
        }
    }

    /// Both.
    pub fn both(&self) -> [&str; 2] {
        [&self.primary_key, &self.secondary_key]
    }
}

/// The shared access policies, by name.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policies(BTreeMap<String, Keys>);

impl Policies {
    /// Azure's built-in policies, each with new keys.
    pub fn generate() -> Self {
        Self(NAMES.map(|name| (name.to_owned(), Keys::generate())).into())
    }

    /// The keys of the policy of this name.
    pub fn keys(&self, name: &str) -> Option<&Keys> {
        self.0.get(name)
    }
}
