//! Where an answer goes on, as a text that means nothing to whoever carries it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use sha2::{Digest, Sha256};

/// How far an answer has been given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub(super) after: String,
    pub(super) given: u32,
}

/// Enough to tell a query from others of the same client.
const FINGERPRINT: usize = 8;

impl Position {
    /// The text for the header `x-ms-continuation`, for the query `of`.
    pub fn token(&self, of: &str) -> String {
        let (query, given) = (fingerprint(of), self.given.to_be_bytes());
        BASE64.encode([query.as_slice(), &given, self.after.as_bytes()].concat())
    }

    /// The position such a text stands for. Nothing, if it was not made for the query `of`.
    pub fn of_token(token: &str, of: &str) -> Option<Self> {
        let bytes = BASE64.decode(token).ok()?;
        let rest = bytes.strip_prefix(fingerprint(of).as_slice())?;
        let (given, after) = rest.split_first_chunk()?;
        Some(Self {
            after: String::from_utf8(after.to_vec()).ok()?,
            given: u32::from_be_bytes(*given),
        })
    }

    /// The same after so many rows more, the last of which has this place.
    pub(super) fn moved(&self, after: String, rows: usize) -> Self {
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        Self {
            after,
            given: self.given.saturating_add(rows),
        }
    }
}

fn fingerprint(query: &str) -> Vec<u8> {
    let hash = Sha256::digest(query);
    hash.into_iter().take(FINGERPRINT).collect()
}
