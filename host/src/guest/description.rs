//! The check of a component's description.

use crate::contract::behaviour::{CallFailure, Description};

/// The longest name and the longest version, in bytes.
const MAX_TEXT: usize = 128;
/// The longest model ID, in bytes.
const MAX_MODEL_ID: usize = 2048;
/// The most digits of a major and of a minor version of a model ID.
const MAX_MAJOR_DIGITS: usize = 9;
const MAX_MINOR_DIGITS: usize = 6;

/// Checks a description: it goes into user names, logs and the cloud.
pub(super) fn check(description: &Description) -> Result<(), CallFailure> {
    let Description {
        name,
        version,
        model_id,
    } = description;
    for (what, text) in [("name", name), ("version", version)] {
        if !is_label(text) {
            return Err(CallFailure::Error(format!(
                "{what} {:?} is not 1 to {MAX_TEXT} printable ASCII characters",
                shown(text)
            )));
        }
    }
    if !is_model_id(model_id) {
        return Err(CallFailure::Error(format!(
            "model ID {:?} is not a DTMI such as dtmi:com:example:Thermostat;1",
            shown(model_id)
        )));
    }
    Ok(())
}

fn shown(text: &str) -> String {
    text.chars().take(100).collect()
}

fn is_label(text: &str) -> bool {
    let printable = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    !text.is_empty() && text.len() <= MAX_TEXT && text.bytes().all(printable)
}

/// Returns true for a Digital Twin Model Identifier: `dtmi`, segments, and a version with an optional minor part (DTDL
/// version 3).
fn is_model_id(text: &str) -> bool {
    let Some((path, version)) = text.split_once(';') else {
        return false;
    };
    let path = path.strip_prefix("dtmi:");
    text.len() <= MAX_MODEL_ID
        && path.is_some_and(|path| path.split(':').all(is_segment))
        && is_version(version)
}

/// Returns true for letters, digits and underscores that start with a letter and do not end with an underscore.
fn is_segment(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with('_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_version(text: &str) -> bool {
    match text.split_once('.') {
        Some((major, minor)) => {
            is_number(major, MAX_MAJOR_DIGITS) && is_number(minor, MAX_MINOR_DIGITS)
        }
        None => is_number(text, MAX_MAJOR_DIGITS),
    }
}

/// Returns true for a positive number without leading zeros.
fn is_number(text: &str, digits: usize) -> bool {
    text.len() <= digits
        && text.starts_with(|first: char| matches!(first, '1'..='9'))
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn described(name: &str, version: &str, model_id: &str) -> Result<(), CallFailure> {
        check(&Description {
            name: name.to_owned(),
            version: version.to_owned(),
            model_id: model_id.to_owned(),
        })
    }

    const MODEL: &str = "dtmi:com:example:Thermostat;1";

    #[test]
    fn name_and_version_are_short_plain_text() {
        assert_eq!(described("a thermostat", "1.2.0-rc.1", MODEL), Ok(()));
        let long = "x".repeat(129);
        for wrong in ["", "a\nb", "\u{1b}", "ä", &long] {
            assert!(described(wrong, "1", MODEL).is_err(), "{wrong:?}");
            let error = described("a", wrong, MODEL).unwrap_err().to_string();
            assert!(error.contains("version"), "{error}");
            assert!(!error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn a_model_id_is_a_dtmi() {
        let of = |length: usize| format!("dtmi:{};1", "a".repeat(length - "dtmi:;1".len()));
        for right in [
            "dtmi:a;1",
            "dtmi:a:B_1:c9;999999999",
            "dtmi:a;1.2",
            &of(2048),
        ] {
            assert_eq!(described("a", "1", right), Ok(()), "{right}");
        }
        for wrong in [
            "",
            "Thermostat",
            "dtmi:x",
            "dtmi:;1",
            "dtmi:a::b;1",
            "dtmi:a;",
            "dtmi:a;0",
            "dtmi:a;01",
            "dtmi:a;1234567890",
            "dtmi:a;1.",
            "dtmi:a;1.0",
            "dtmi:a;1;1",
            "dtmi:a;1&api-version=2020-09-30",
            "dtmi:a;1&model-id=dtmi:b;1",
            "dtmi:a;1\n",
            "dtmi:_a;1",
            "dtmi:a_;1",
            "dtmi:1a;1",
            "dtmi:a b;1",
            "dtmi:ä;1",
            "dtmi:\u{1b};1",
            "DTMI:a;1",
            &of(2049),
        ] {
            let error = described("a", "1", wrong).unwrap_err().to_string();
            assert!(!error.contains(char::is_control), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_model_id_has_no_character_that_means_something_in_a_user_name(
            text in "dtmi:[a-z&=/?%:;. _0-9]{0,9};[0-9&=.]{1,3}",
        ) {
            if is_model_id(&text) {
                prop_assert!(!text.contains(['&', '=', '/', '?', '%', ' ']));
            }
        }
    }
}
