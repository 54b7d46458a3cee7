//! Continuation tokens, opaque to the client.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest, Sha256};

/// The position in the rows of a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub(super) after: String,
    pub(super) returned: u32,
}

/// The length of the hash that binds a token to its query, in bytes.
const FINGERPRINT_LENGTH: usize = 8;

impl Position {
    /// Returns the token for the header `x-ms-continuation`, bound to `query`.
    pub fn to_token(&self, query: &str) -> String {
        let (fingerprint, returned) = (fingerprint(query), self.returned.to_be_bytes());
        BASE64.encode([fingerprint.as_slice(), &returned, self.after.as_bytes()].concat())
    }

    /// Parses a token; `None` if it was not made for `query`.
    pub fn from_token(token: &str, query: &str) -> Option<Self> {
        let bytes = BASE64.decode(token).ok()?;
        let rest = bytes.strip_prefix(fingerprint(query).as_slice())?;
        let (returned, after) = rest.split_first_chunk()?;
        Some(Self {
            after: String::from_utf8(after.to_vec()).ok()?,
            returned: u32::from_be_bytes(*returned),
        })
    }

    /// Returns the position after `rows` more rows, the last of which has the key `after`.
    pub(super) fn advanced(&self, after: String, rows: usize) -> Self {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        Self {
            after,
            returned: self.returned.saturating_add(rows),
        }
    }
}

fn fingerprint(query: &str) -> Vec<u8> {
    let hash = Sha256::digest(query);
    hash.into_iter().take(FINGERPRINT_LENGTH).collect()
}
