//! Random secrets.

use std::fmt;

use subtle::ConstantTimeEq;

/// A secret of 128 random bits. Without `Debug`, so that it cannot be logged.
#[derive(Clone, Copy)]
pub(super) struct Secret(u128);

impl Secret {
    pub(super) fn generate() -> Self {
        Self(rand::random())
    }

    /// Compares it with `text` in constant time.
    pub(super) fn matches(&self, text: &str) -> bool {
        self.to_string().as_bytes().ct_eq(text.as_bytes()).into()
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
