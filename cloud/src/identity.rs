//! Keys and status, which devices and enrollments have.

use std::{fmt, ops::RangeInclusive};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Deserializer, Serialize};

use crate::sas;

/// Sizes of a symmetric key, decoded, in bytes.
const KEY_SIZES: RangeInclusive<usize> = 16..=64;

/// A pair of symmetric keys in base64, either of which signs. `Debug` does not show them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SymmetricKeys {
    /// The key that tools use.
    #[serde(deserialize_with = "null_is_empty")]
    pub primary_key: String,
    /// The key to change over to.
    #[serde(deserialize_with = "null_is_empty")]
    pub secondary_key: String,
}

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("a symmetric key must be 16 to 64 bytes in base64")]
pub(crate) struct InvalidKey;

impl SymmetricKeys {
    /// Generates a pair of keys.
    pub(crate) fn random() -> Self {
        Self {
            primary_key: sas::random_key(),
            secondary_key: sas::random_key(),
        }
    }

    /// Returns both keys, to verify a signature with.
    pub fn both(&self) -> [&str; 2] {
        [&self.primary_key, &self.secondary_key]
    }

    /// Derives the keys of one registration from this pair, the keys of a group.
    pub(crate) fn derived(&self, registration_id: &str) -> Self {
        let derive = |key| sas::derive_key(key, registration_id).unwrap_or_default();
        Self {
            primary_key: derive(&self.primary_key),
            secondary_key: derive(&self.secondary_key),
        }
    }

    /// Fills in missing keys from `other`.
    pub(crate) fn or(mut self, other: Option<&Self>) -> Self {
        if let Some(other) = other {
            if self.primary_key.is_empty() {
                self.primary_key.clone_from(&other.primary_key);
            }
            if self.secondary_key.is_empty() {
                self.secondary_key.clone_from(&other.secondary_key);
            }
        }
        self
    }

    /// Generates missing keys and validates the others.
    ///
    /// # Errors
    /// A key has the wrong size or is not in base64.
    pub(crate) fn or_generated(mut self) -> Result<Self, InvalidKey> {
        for key in [&mut self.primary_key, &mut self.secondary_key] {
            if key.is_empty() {
                *key = sas::random_key();
            }
            let size = BASE64.decode(key.as_str()).map(|bytes| bytes.len());
            if !size.is_ok_and(|size| KEY_SIZES.contains(&size)) {
                return Err(InvalidKey);
            }
        }
        Ok(self)
    }
}

impl fmt::Debug for SymmetricKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SymmetricKeys(..)")
    }
}

/// Deserializes `null`, which Microsoft's tools send for a key to be generated.
fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The status of a device or an enrollment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// May be used.
    #[default]
    Enabled,
    /// Refused.
    Disabled,
}
