//! Shared access policies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identity::SymmetricKeys;

/// The shared access policies, by name.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Policies(BTreeMap<String, SymmetricKeys>);

impl Policies {
    /// The names of Azure's built-in policies, of IoT Hub and of DPS (the last).
    pub const NAMES: [&str; 6] = [
        "iothubowner",
        "service",
        "registryRead",
        "registryReadWrite",
        "device",
        "provisioningserviceowner",
    ];

    /// Generates Azure's built-in policies, with new keys.
    pub fn generate() -> Self {
        Self(
            Self::NAMES
                .map(|name| (name.to_owned(), SymmetricKeys::random()))
                .into(),
        )
    }

    /// Returns true if the policy has the permission DeviceConnect: its tokens connect every device.
    pub fn connects_devices(name: &str) -> bool {
        matches!(name, "iothubowner" | "device")
    }

    /// Returns the keys of a policy.
    pub fn keys(&self, name: &str) -> Option<&SymmetricKeys> {
        self.0.get(name)
    }
}
