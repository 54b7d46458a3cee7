//! Ids of registrations, enrollments and enrollment groups.

use std::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};

/// The largest length, in characters.
const MAX_LENGTH: usize = 128;

/// A registration ID, or the id of an enrollment group. It keeps its spelling, but case makes no difference, as in Azure.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegistrationId(String);

impl RegistrationId {
    /// Checks an id.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(id: &str) -> Result<Self, String> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
        let is_last = |c: char| c.is_ascii_alphanumeric() || c == '-';
        match id.len() <= MAX_LENGTH && id.chars().all(is_allowed) && id.ends_with(is_last) {
            true => Ok(Self(id.to_owned())),
            false => Err(format!(
                "registration ID {id:?} must have 1 to {MAX_LENGTH} letters, digits and characters of -._: and end with a \
                 letter, a digit or -"
            )),
        }
    }

    /// Returns the id as it was spelled.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id in lower case, the order of ids.
    pub(crate) fn lowercase(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl fmt::Display for RegistrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq for RegistrationId {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for RegistrationId {}

impl Ord for RegistrationId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.lowercase().cmp(&other.lowercase())
    }
}

impl PartialOrd for RegistrationId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_characters_of_azure() {
        for id in ["a", "Sensor-AB12", "mac-aa:bb.c_d-", "1", &"x".repeat(128)] {
            assert_eq!(RegistrationId::parse(id).unwrap().as_str(), id);
        }
        let long = "x".repeat(129);
        for id in [
            "", "a.", "a_", "a:", "a@b", "a#b", "it's", "q?x", "a b", "\u{e4}", &long,
        ] {
            assert!(RegistrationId::parse(id).is_err(), "{id}");
        }
    }

    #[test]
    fn case_makes_no_difference() {
        let [one, other] =
            ["Sensor-AB12", "sensor-ab12"].map(|id| RegistrationId::parse(id).unwrap());
        assert_eq!(one, other);
        assert_eq!(one.cmp(&other), Ordering::Equal);
        assert_ne!(one.as_str(), other.as_str());
    }
}
