//! Digital twin model identifiers: `dtmi:com:example:Thermostat;1`.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::name;

/// The longest identifier in a model, in characters.
const MAX_LENGTH: usize = 2048;
/// The most digits of a version, so that it fits a signed 32-bit integer.
const MAX_VERSION_DIGITS: usize = 9;
/// The most digits of a minor version.
const MAX_MINOR_DIGITS: usize = 6;
/// Prefixes reserved by DTDL.
const RESERVED: [&str; 2] = ["dtmi:dtdl:", "dtmi:standard:"];

/// The identifier of an interface or of an element in it: `dtmi`, segments that begin with a letter, and a version.
/// Case-sensitive.
///
/// In DTDL v3 the version may be absent or have a minor part; [`Dtmi::is_plain`] returns false for these.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Dtmi(String);

/// A text that is not an identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid model identifier {given:?}: expected dtmi, segments of letters, digits and underscores, and a version, such as dtmi:com:example:Thermostat;1"
)]
pub struct InvalidDtmi {
    given: String,
}

impl Dtmi {
    /// Returns the whole identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments between `dtmi` and the version.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.path().split(':').skip(1)
    }

    /// Returns the version as text, such as `1`, or `1.2` in DTDL v3.
    pub fn version(&self) -> Option<&str> {
        self.0.split_once(';').map(|(_, version)| version)
    }

    /// Returns true if the version is one number, as DTDL v2 requires.
    pub fn is_plain(&self) -> bool {
        self.version().is_some_and(|version| !version.contains('.'))
    }

    /// Returns true if DTDL reserves this identifier, so that no model may define it.
    pub fn is_reserved(&self) -> bool {
        RESERVED.iter().any(|prefix| self.0.starts_with(prefix))
    }

    /// Returns the path of the interface in a models repository: `dtmi/com/example/thermostat-1.json`.
    ///
    /// Segments contain neither dots nor slashes, so the path stays below the root.
    pub fn file(&self) -> PathBuf {
        let path = self.path().replace(':', "/");
        let version = self.version().map(|version| format!("-{version}"));
        format!("{path}{}.json", version.unwrap_or_default())
            .to_ascii_lowercase()
            .into()
    }

    /// Returns `dtmi` and the segments.
    fn path(&self) -> &str {
        self.0.split_once(';').map_or(&self.0, |(path, _)| path)
    }
}

impl FromStr for Dtmi {
    type Err = InvalidDtmi;

    fn from_str(text: &str) -> Result<Self, InvalidDtmi> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Dtmi {
    type Error = InvalidDtmi;

    fn try_from(given: String) -> Result<Self, InvalidDtmi> {
        if is_dtmi(&given) {
            Ok(Self(given))
        } else {
            Err(InvalidDtmi {
                given: given.chars().take(MAX_LENGTH).collect(),
            })
        }
    }
}

impl From<Dtmi> for String {
    fn from(id: Dtmi) -> Self {
        id.0
    }
}

impl fmt::Display for Dtmi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_dtmi(text: &str) -> bool {
    let (path, version) = match text.split_once(';') {
        Some((path, version)) => (path, Some(version)),
        None => (text, None),
    };
    text.len() <= MAX_LENGTH
        && version.is_none_or(is_version)
        && path
            .strip_prefix("dtmi:")
            .is_some_and(|path| path.split(':').all(name::is_name))
}

fn is_version(text: &str) -> bool {
    match text.split_once('.') {
        Some((major, minor)) => {
            is_number(major, MAX_VERSION_DIGITS) && is_number(minor, MAX_MINOR_DIGITS)
        }
        None => is_number(text, MAX_VERSION_DIGITS),
    }
}

/// Returns true for a number without leading zeros.
fn is_number(text: &str, digits: usize) -> bool {
    text.len() <= digits
        && text.starts_with(|first: char| matches!(first, '1'..='9'))
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_has_segments_and_a_version() {
        let id: Dtmi = "dtmi:com:example:Thermostat;12".parse().unwrap();
        assert_eq!(
            id.segments().collect::<Vec<_>>(),
            ["com", "example", "Thermostat"]
        );
        assert_eq!(id.version(), Some("12"));
        assert!(id.is_plain() && !id.is_reserved());
        assert_eq!(
            id.file(),
            PathBuf::from("dtmi/com/example/thermostat-12.json")
        );
    }

    #[test]
    fn versions_of_the_third_language_are_told_apart() {
        for text in ["dtmi:a", "dtmi:a;1.1", "dtmi:a;1.234567"] {
            assert!(!text.parse::<Dtmi>().unwrap().is_plain(), "{text}");
        }
    }

    #[test]
    fn what_the_syntax_does_not_allow_is_no_identifier() {
        for text in [
            "",
            "dtmi:",
            "dtmi:;1",
            "dtmi:a;",
            "dtmi:a;0",
            "dtmi:a;01",
            "dtmi:a;1234567890",
            "dtmi:a;1;2",
            "dtmi:a;1.",
            "dtmi:a;1.0",
            "dtmi:a;1.01",
            "dtmi:a;1.2345678",
            "dtmi:a;-1",
            "DTMI:a;1",
            "dtmi:a::b;1",
            "dtmi:_a;1",
            "dtmi:a_;1",
            "dtmi:1a;1",
            "dtmi:a-b;1",
            "dtmi:ä;1",
            "dtmi:a;1\n",
            "dtmi:..:..:etc:passwd;1",
            "dtmi:a/../b;1",
        ] {
            assert!(text.parse::<Dtmi>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_length_ends_at_two_thousand_and_forty_eight() {
        let of = |length: usize| format!("dtmi:{};1", "a".repeat(length - "dtmi:;1".len()));
        assert!(of(2048).parse::<Dtmi>().is_ok());
        assert!(of(2049).parse::<Dtmi>().is_err());
    }

    #[test]
    fn the_language_keeps_two_beginnings_for_itself() {
        assert!("dtmi:dtdl:context;2".parse::<Dtmi>().unwrap().is_reserved());
        assert!(
            "dtmi:standard:unit:metre;2"
                .parse::<Dtmi>()
                .unwrap()
                .is_reserved()
        );
        assert!(!"dtmi:standards;1".parse::<Dtmi>().unwrap().is_reserved());
    }
}
