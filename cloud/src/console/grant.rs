//! Grants: the credential that a console session depends on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::policies::Policies;

/// The policy whose keys open the console.
const POLICY: &str = "iothubowner";

/// The credential that a sign-in link was issued for. The session it begins ends with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    /// SHA-256 of the shared access key, in hexadecimal.
    key: String,
    /// Expiry of the token, if there was one.
    expiry: Option<Timestamp>,
}

impl Grant {
    /// Makes the grant of a token that this key signed.
    pub(crate) fn of_token(key: &str, expiry: Timestamp) -> Self {
        Self {
            key: sha256(key),
            expiry: Some(expiry),
        }
    }

    /// Makes the grant of the cloud itself, by the primary key of its owner's policy.
    pub(super) fn of_owner(policies: &Policies) -> Self {
        let keys = policies.keys(POLICY);
        Self {
            key: keys
                .map(|keys| sha256(&keys.primary_key))
                .unwrap_or_default(),
            expiry: None,
        }
    }

    /// Returns true if the key is one of the owner's policy.
    pub(super) fn is_by_owner(&self, policies: &Policies) -> bool {
        let keys = policies.keys(POLICY).map(|keys| keys.both().map(sha256));
        keys.is_some_and(|keys| keys.contains(&self.key))
    }

    /// Returns the expiry of the token, if there was one.
    pub(super) fn expiry(&self) -> Option<Timestamp> {
        self.expiry
    }
}

/// Returns the SHA-256 of `text` in hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}
