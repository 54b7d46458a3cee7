//! Settings of DPS that outlive the cloud, so that devices can provision again.

use serde::{Deserialize, Serialize};

use crate::identity::SymmetricKeys;

/// The name of the enrollment group of every cloud.
pub const DEFAULT_GROUP: &str = "default";

/// The ID scope and the keys of the default enrollment group.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DpsSettings {
    /// The ID scope of the provisioning service, such as `0ne00A1B2C3`.
    pub id_scope: String,
    /// The keys of the default group, from which device keys are derived.
    pub default_group: SymmetricKeys,
}

impl DpsSettings {
    /// Generates an ID scope and keys.
    pub fn generate() -> Self {
        Self {
            id_scope: format!("0ne{:08X}", rand::random::<u32>()),
            default_group: SymmetricKeys::random(),
        }
    }
}
