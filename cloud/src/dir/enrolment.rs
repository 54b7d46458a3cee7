//! What lets a device provision again after the cloud was started anew.

use serde::{Deserialize, Serialize};

use super::policies::random_keys;
use crate::hub::SymmetricKeys;

/// Name of the enrolment group every cloud has.
pub const DEFAULT_GROUP: &str = "default";

/// The id scope and the keys of the default enrolment group.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolment {
    /// What tells this provisioning service from others, such as `0ne00A1B2C3`.
    pub id_scope: String,
    /// The keys from which those of the group's devices derive.
    pub default_group: SymmetricKeys,
}

impl Enrolment {
    /// A new scope and new keys.
    pub fn generate() -> Self {
        Self {
            id_scope: format!("0ne{:08X}", rand::random::<u32>()),
            default_group: random_keys(),
        }
    }
}
