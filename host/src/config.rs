//! Configuration: from options and environment to identity and directories.

use std::{
    env,
    path::{Path, PathBuf},
};

use etcetera::base_strategy::{BaseStrategy, Xdg};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::fs::{Access, access};

use crate::{
    cli::{CacheArgs, RunArgs},
    device::Identity,
    guest::{compile::prepare_cache, images::cache_dir_at},
    mqtt::Endpoint,
    program,
    provision::{
        connection_string::{ConnectionString, ConnectionStringError},
        dps::{Assignment, Registration},
        sas::SymmetricKey,
    },
    secret::{Secret, file_variable},
    setting::{SettingError, redacted},
    store::state_dir_at,
};

/// Returns the identity of the device, from the variables that Microsoft's samples use.
pub fn identity(args: &RunArgs) -> Result<Identity, SettingError> {
    match args.security_type.as_deref() {
        Some("DPS") => Ok(Identity::Dps(registration(args)?)),
        Some("connectionString") => connection_string(),
        Some(other) => Err(SettingError::new(format!(
            "IOTHUB_DEVICE_SECURITY_TYPE is {}; set it to \"DPS\" or \"connectionString\"",
            redacted(other)
        ))),
        None => Err(SettingError::new(format!(
            "no authentication configured: set IOTHUB_DEVICE_SECURITY_TYPE to DPS or connectionString (`{}` lists the \
             variables), or use the local cloud: cloud exec -- {}",
            program::command("--help"),
            program::command("…"),
        ))),
    }
}

fn registration(args: &RunArgs) -> Result<Registration, SettingError> {
    let needed = |value: &Option<String>, variable: &str, what: &str| match value.as_deref() {
        None | Some("") => Err(SettingError::new(format!(
            "{variable} is not set; set it to {what}"
        ))),
        Some(text) if !is_valid_id(text) => Err(SettingError::new(format!(
            "{variable} is {}; set it to {what}: letters, digits, `-`, `.`, `_` and `:`, at most {MAX_ID_LENGTH} of them",
            redacted(text)
        ))),
        Some(text) => Ok(text.to_owned()),
    };
    let id_scope = needed(
        &args.id_scope,
        "IOTHUB_DEVICE_DPS_ID_SCOPE",
        "the ID scope of your Device Provisioning Service",
    )?;
    let registration_id = needed(
        &args.device_id,
        "IOTHUB_DEVICE_DPS_DEVICE_ID",
        "the registration ID of the device",
    )?;
    let endpoint = Endpoint::parse(&args.dps_endpoint).ok_or_else(|| {
        let given = redacted(&args.dps_endpoint);
        SettingError::new(format!(
            "IOTHUB_DEVICE_DPS_ENDPOINT is {given}; set it to NAME or NAME:PORT"
        ))
    })?;
    Ok(Registration {
        endpoint,
        key: device_key(&registration_id)?,
        id_scope,
        registration_id,
    })
}

/// The length limit of a registration ID in DPS.
const MAX_ID_LENGTH: usize = 128;

/// Returns whether this can be a registration ID or ID scope of DPS. Such an ID has no character that is special in a
/// topic or user name.
fn is_valid_id(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || "-._:".contains(character);
    text.len() <= MAX_ID_LENGTH && text.chars().all(allowed)
}

/// Returns the device's own key, or the one derived from its group's key.
fn device_key(registration_id: &str) -> Result<SymmetricKey, SettingError> {
    const OWN: &str = "IOTHUB_DEVICE_DPS_DEVICE_KEY";
    const GROUP: &str = "IOTHUB_DEVICE_DPS_GROUP_KEY";
    let parse = |secret: &Secret| {
        SymmetricKey::parse(secret.text())
            .map_err(|error| SettingError::new(format!("cannot use {secret}: {error}")))
    };
    match (Secret::find(OWN)?, Secret::find(GROUP)?) {
        (Some(own), None) => parse(&own),
        (None, Some(group)) => Ok(parse(&group)?.derive(registration_id)),
        (Some(own), Some(group)) => Err(SettingError::new(format!(
            "{} and {} are both set; unset one of them",
            own.variable(),
            group.variable()
        ))),
        (None, None) => Err(SettingError::new(format!(
            "{OWN} is not set; set it to the symmetric key of the device, or {} to a file with the key, or {GROUP} to the \
             key of the enrollment group",
            file_variable(OWN)
        ))),
    }
}

fn connection_string() -> Result<Identity, SettingError> {
    const VARIABLE: &str = "IOTHUB_DEVICE_CONNECTION_STRING";
    let secret = Secret::find(VARIABLE)?.ok_or_else(|| {
        SettingError::new(format!(
            "{VARIABLE} is not set; set it to the connection string of the device from the Azure portal, or set {} to a \
             file with it",
            file_variable(VARIABLE)
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
            SettingError::new(format!("cannot use {secret}: {error}"))
        })?;
    Ok(Identity::Hub {
        assignment: Assignment { hub, device_id },
        key,
    })
}

/// Returns the directories of a device for its state, if it is kept, and for compiled components. The latter are saved only
/// if possible if the state is not kept.
///
/// # Errors
/// There is no directory, for one or both.
pub(crate) fn directories(
    args: &RunArgs,
    device_id: &str,
) -> Result<(Option<PathBuf>, Option<PathBuf>), SettingError> {
    let cache = cache_dir(&args.sandbox.cache);
    if args.state.ephemeral {
        let usable = |dir: PathBuf| match prepare_cache(&dir) {
            Ok(()) => Ok(dir),
            Err(error) => Err(error.to_string()),
        };
        let cache = cache.map_err(|error| error.to_string()).and_then(usable);
        let unsaved = |error: &String| tracing::warn!("{error}; compiled components are not saved");
        return Ok((None, cache.inspect_err(unsaved).ok()));
    }
    match (state_dir(args.state.state_dir.as_ref(), device_id), cache) {
        (Ok(state), Ok(cache)) => Ok((Some(state), Some(cache))),
        (Err(_), Err(_)) => Err(SettingError::new(format!(
            "{}; choose directories with --state-dir and --cache-dir",
            no_home("none of XDG_STATE_HOME, XDG_CACHE_HOME and HOME is set")
        ))),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Returns the cache directory of compiled components.
pub fn cache_dir(args: &CacheArgs) -> Result<PathBuf, SettingError> {
    match &args.cache_dir {
        Some(dir) => Ok(cache_dir_at(dir)),
        None => user_dir(
            "XDG_CACHE_HOME",
            |user| Some(user.cache_dir()),
            "--cache-dir",
        ),
    }
}

/// Returns the state directory of a device: the named one or one in it, or the user's for this device ID.
pub fn state_dir(named: Option<&PathBuf>, device_id: &str) -> Result<PathBuf, SettingError> {
    /// Characters that stay as they are in a file name; the result is never `.` or `..`.
    const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    match named {
        Some(dir) => Ok(state_dir_at(dir)),
        None => Ok(state_home()?.join(utf8_percent_encode(device_id, &PLAIN).to_string())),
    }
}

/// Returns the user's directory of state directories, one for each device.
pub fn state_home() -> Result<PathBuf, SettingError> {
    user_dir("XDG_STATE_HOME", Xdg::state_dir, "--state-dir")
}

/// Returns this program's directory of a kind, by the XDG Base Directory Specification.
fn user_dir(
    variable: &str,
    of_kind: impl Fn(&Xdg) -> Option<PathBuf>,
    option: &str,
) -> Result<PathBuf, SettingError> {
    // Without HOME the library finds a home in the password database, which is not meant for a service; without either it
    // finds nothing, even if the variable is set.
    let in_home = || home().and_then(|_| of_kind(&Xdg::new().ok()?));
    absolute(variable)
        .or_else(in_home)
        .map(|dir| dir.join("pnp-host"))
        .ok_or_else(|| {
            SettingError::new(format!(
                "{}; choose a directory with {option}",
                no_home(&format!("neither {variable} nor HOME is set"))
            ))
        })
}

fn absolute(variable: &str) -> Option<PathBuf> {
    let dir = env::var_os(variable).map(PathBuf::from);
    dir.filter(|dir| dir.is_absolute())
}

/// Returns the user's home. A user without an entry in the password database gets `/`, which is no home unless it is
/// writable.
fn home() -> Option<PathBuf> {
    absolute("HOME").filter(|home| home != Path::new("/") || is_writable(home))
}

/// Describes why there is no home.
fn no_home(unset: &str) -> String {
    match absolute("HOME") {
        Some(home) => format!(
            "HOME is {}, which this user cannot write to",
            home.display()
        ),
        None => unset.to_owned(),
    }
}

fn is_writable(dir: &Path) -> bool {
    access(dir, Access::WRITE_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_dps_allows() {
        for id in ["thermostat-01", "0ne00000000", "a.b_c:d", &"a".repeat(128)] {
            assert!(is_valid_id(id), "{id:?}");
        }
        for id in ["a/b", "a b", "a\nb", "+", "#", "ä", &"a".repeat(129)] {
            assert!(!is_valid_id(id), "{id:?}");
        }
    }

    #[test]
    fn a_wrong_setting_is_shown_on_one_line_unless_it_may_be_a_secret() {
        assert_eq!(redacted("a\n\u{1b}b"), "\"a\\n\\u{1b}b\"");
        let key_of_32_bytes = "c2VjcmV0IGtleSBvZiBhIHRlc3Q6IDMyIGJ5dGVzISE=";
        for secret in [key_of_32_bytes, "SharedAccessKey=c2hvcnQ="] {
            assert_eq!(
                redacted(secret),
                format!("a text of {} characters (hidden)", secret.len())
            );
        }
    }
}
