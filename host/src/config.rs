//! From options and environment to what a device needs.

use std::{env, path::PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::{
    cli::{CacheArgs, RunArgs},
    device::Identity,
    mqtt::Endpoint,
    provision::{
        connection_string::{ConnectionString, ConnectionStringError},
        dps::{Assignment, Registration},
        sas::Key,
    },
    secret::{Secret, by_file},
};

/// A setting that cannot be used: what, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SettingError(String);

impl SettingError {
    /// An error in these words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Who the device is, from the variables Microsoft's samples use.
pub fn identity(args: &RunArgs) -> Result<Identity, SettingError> {
    match args.security_type.as_deref() {
        Some("DPS") => Ok(Identity::Dps(registration(args)?)),
        Some("connectionString") => hub(),
        Some(other) => Err(SettingError::new(format!(
            "IOTHUB_DEVICE_SECURITY_TYPE is {}; it must be \"DPS\" or \"connectionString\"",
            shown(other)
        ))),
        None => Err(SettingError::new(
            "it is not said how the device proves who it is; set IOTHUB_DEVICE_SECURITY_TYPE to \"DPS\" or \
             \"connectionString\" (host --help shows the other variables), or try `cloud exec -- host …`",
        )),
    }
}

fn registration(args: &RunArgs) -> Result<Registration, SettingError> {
    let needed = |value: &Option<String>, variable: &str, what: &str| match value.as_deref() {
        None | Some("") => Err(SettingError::new(format!(
            "{variable} is not set; set it to {what}"
        ))),
        Some(text) if !is_id(text) => Err(SettingError::new(format!(
            "{variable} is {}; set it to {what}: letters, digits, `-`, `.`, `_` and `:`, at most {ID_LENGTH} of them",
            shown(text)
        ))),
        Some(text) => Ok(text.to_owned()),
    };
    let id_scope = needed(
        &args.id_scope,
        "IOTHUB_DEVICE_DPS_ID_SCOPE",
        "the id scope of your provisioning service",
    )?;
    let registration_id = needed(
        &args.device_id,
        "IOTHUB_DEVICE_DPS_DEVICE_ID",
        "the device's registration id",
    )?;
    let endpoint = Endpoint::parse(&args.dps_endpoint).ok_or_else(|| {
        let given = shown(&args.dps_endpoint);
        SettingError::new(format!(
            "IOTHUB_DEVICE_DPS_ENDPOINT is {given}; it must be NAME or NAME:PORT"
        ))
    })?;
    Ok(Registration {
        endpoint,
        key: device_key(&registration_id)?,
        id_scope,
        registration_id,
    })
}

/// Longest registration id of DPS.
const ID_LENGTH: usize = 128;

/// Whether DPS may know it: its registration ids and id scopes hold nothing else, and nothing that is special in a topic
/// or a user name.
fn is_id(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-._:".contains(character);
    text.len() <= ID_LENGTH && text.chars().all(allowed)
}

/// A wrong setting as an error shows it: not if it may be a key or a connection string in the wrong place.
pub(crate) fn shown(text: &str) -> String {
    /// Shorter than any key Azure makes: 32 bytes in base64.
    const LONGEST: usize = 40;
    if text.len() <= LONGEST && !text.contains("SharedAccess") {
        format!("{text:?}")
    } else {
        format!(
            "a text of {} characters, not shown here",
            text.chars().count()
        )
    }
}

/// The device's own key, or the one derived from its group's.
fn device_key(registration_id: &str) -> Result<Key, SettingError> {
    const OWN: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";
    const GROUP: &str = "IOTHUB_DEVICE_DPS_GROUP_KEY";
    let parse = |secret: &Secret| {
        Key::parse(secret.text())
            .map_err(|error| SettingError::new(format!("{secret} cannot be used: {error}")))
    };
    match (Secret::find(OWN)?, Secret::find(GROUP)?) {
        (Some(own), None) => parse(&own),
        (None, Some(group)) => Ok(parse(&group)?.derive(registration_id)),
        (Some(own), Some(group)) => Err(SettingError::new(format!(
            "{} and {} are both set; keep one of them",
            own.variable(),
            group.variable()
        ))),
        (None, None) => Err(SettingError::new(format!(
            "{OWN} is not set; set it to the device's symmetric key, or {} to a file with the key in it, or {GROUP} to the \
             key of its enrolment group",
            by_file(OWN)
        ))),
    }
}

fn hub() -> Result<Identity, SettingError> {
    const VARIABLE: &str = "IOTHUB_DEVICE_CONNECTION_STRING";
    let secret = Secret::find(VARIABLE)?.ok_or_else(|| {
        SettingError::new(format!(
            "{VARIABLE} is not set; copy the device's connection string from its page in the portal, or set {} to a file \
             with it",
            by_file(VARIABLE)
        ))
    })?;
    let ConnectionString {
        hub,
        device_id,
        key,
    } = secret
        .text()
        .parse()
        .map_err(|error: ConnectionStringError| {
            SettingError::new(format!("{secret} cannot be used: {error}"))
        })?;
    Ok(Identity::Hub {
        assignment: Assignment { hub, device_id },
        key,
    })
}

/// Where compiled components are kept.
pub fn cache_dir(args: &CacheArgs) -> Result<PathBuf, SettingError> {
    match &args.cache_dir {
        Some(dir) => Ok(dir.clone()),
        None => of_user("XDG_CACHE_HOME", ".cache", "--cache-dir"),
    }
}

/// Where the state of a device is kept: in the directory named, or in the user's, under the device's id.
pub fn state_dir(named: Option<&PathBuf>, device_id: &str) -> Result<PathBuf, SettingError> {
    /// What is the same as a file name and cannot be `.` or `..`.
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    match named {
        Some(dir) => Ok(dir.clone()),
        None => Ok(state_home()?.join(utf8_percent_encode(device_id, &PLAIN).to_string())),
    }
}

/// The directory in which each device has its state, unless another is named.
pub fn state_home() -> Result<PathBuf, SettingError> {
    of_user("XDG_STATE_HOME", ".local/state", "--state-dir")
}

/// This program's directory of a kind, by the XDG Base Directory Specification.
fn of_user(variable: &str, in_home: &str, option: &str) -> Result<PathBuf, SettingError> {
    let absolute = |variable| {
        env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(variable)
        .or_else(|| Some(absolute("HOME")?.join(in_home)))
        .map(|dir| dir.join("pnp-host"))
        .ok_or_else(|| {
            SettingError::new(format!(
                "neither {variable} nor HOME is set; name a directory with {option}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_dps_allows() {
        for id in ["thermostat-01", "0ne00000000", "a.b_c:d", &"a".repeat(128)] {
            assert!(is_id(id), "{id:?}");
        }
        for id in ["a/b", "a b", "a\nb", "+", "#", "ä", &"a".repeat(129)] {
            assert!(!is_id(id), "{id:?}");
        }
    }

    #[test]
    fn a_wrong_setting_is_shown_on_one_line_unless_it_may_be_a_secret() {
        assert_eq!(shown("a\n\u{1b}b"), "\"a\\n\\u{1b}b\"");
        let key_of_32_bytes = "c2VjcmV0IGtleSBvZiBhIHRlc3Q6IDMyIGJ5dGVzISE=";
        for secret in [key_of_32_bytes, "SharedAccessKey=c2hvcnQ="] {
            assert_eq!(
                shown(secret),
                format!("a text of {} characters, not shown here", secret.len())
            );
        }
    }
}
