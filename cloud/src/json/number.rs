//! Numbers of JSON.

use std::fmt;

use serde::{Serialize, Serializer, ser::Error as _};
use serde_json::value::RawValue;

/// A number with the digits it was written with: `1.10`, `1e3`, `12345678901234567890123`. Numbers with other digits are not
/// equal, even if their values are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonNumber(Digits);

/// The text of a number, on the heap only if it is long: documents are full of short ones.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Digits {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<str>),
}

const SHORT: usize = 22;

impl From<&str> for Digits {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match bytes.get_mut(..text.len()) {
            Some(start) => {
                start.copy_from_slice(text.as_bytes());
                Self::Short {
                    length: text.len() as u8,
                    bytes,
                }
            }
            None => Self::Long(text.into()),
        }
    }
}

impl Digits {
    fn as_str(&self) -> &str {
        match self {
            Self::Short { length, bytes } => {
                let bytes = bytes.get(..usize::from(*length)).unwrap_or_default();
                std::str::from_utf8(bytes).unwrap_or_default()
            }
            Self::Long(text) => text,
        }
    }
}

impl JsonNumber {
    /// Makes a number of the text of a JSON number; `None` if no `f64` comes near to it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value: f64 = text.parse().ok()?;
        value.is_finite().then(|| Self(text.into()))
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns true for a number without fraction and exponent.
    pub fn is_integer(&self) -> bool {
        !self.as_str().contains(['.', 'e', 'E'])
    }

    /// Returns the nearest `f64`.
    pub fn as_f64(&self) -> f64 {
        self.as_str().parse().unwrap_or_default()
    }

    /// Returns the value, if the number is an integer of this range.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_str().parse().ok()
    }

    /// Returns the value, if the number is an integer of this range.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_str().parse().ok()
    }
}

macro_rules! from_integers {
    ($($integer:ty),*) => {$(
        impl From<$integer> for JsonNumber {
            fn from(number: $integer) -> Self {
                Self(number.to_string().as_str().into())
            }
        }
    )*};
}

from_integers!(i32, i64, u16, u32, u64, usize);

impl From<serde_json::Number> for JsonNumber {
    fn from(number: serde_json::Number) -> Self {
        Self(number.to_string().as_str().into())
    }
}

impl fmt::Display for JsonNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for JsonNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digits: &RawValue = serde_json::from_str(self.as_str()).map_err(S::Error::custom)?;
        digits.serialize(serializer)
    }
}
