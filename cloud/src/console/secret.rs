//! What cannot be guessed.

use std::fmt;

use subtle::ConstantTimeEq;

/// 128 random bits. There is no `Debug`, so that it does not end in a log.
#[derive(Clone, Copy)]
pub(super) struct Secret(u128);

impl Secret {
    pub(super) fn generate() -> Self {
        Self(rand::random())
    }

    /// Whether it is the one written as `text`. How long that takes says nothing of how much of it is right.
    pub(super) fn is(&self, text: &str) -> bool {
        self.to_string().as_bytes().ct_eq(text.as_bytes()).into()
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
