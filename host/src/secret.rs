//! Secrets, from a variable of the environment or from the file that its `_FILE` variant names.

use std::{
    env,
    ffi::OsString,
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret, SecretString};

use crate::{
    provision::sas::SymmetricKey,
    setting::{SettingError, redacted},
};

/// The size limit of a secret's file, in bytes: a connection string is far smaller, and most files named by mistake are
/// larger.
const MAX_FILE_SIZE: u64 = 4 << 10;

/// A secret, with its variable and file. Its text appears in no output.
#[derive(Debug)]
pub(crate) struct Secret {
    variable: String,
    file: Option<PathBuf>,
    text: SecretString,
}

impl Secret {
    /// Reads the secret in this variable, or in the file that the variable with `_FILE` at its end names, without the
    /// whitespace around it. An empty variable counts as unset.
    pub(crate) fn find(variable: &str) -> Result<Option<Self>, SettingError> {
        let file_variable = file_variable(variable);
        // No key holds what is not UTF-8.
        let text = value(variable).map(|text| stripped(&text.to_string_lossy()));
        let text = text.filter(|text| !text.expose_secret().is_empty());
        match (text, value(&file_variable)) {
            (None, None) => Ok(None),
            (Some(text), None) => Ok(Some(Self {
                variable: variable.to_owned(),
                file: None,
                text,
            })),
            (None, Some(file)) => Self::read(file_variable, file.into()).map(Some),
            (Some(_), Some(_)) => Err(SettingError::new(format!(
                "{variable} and {file_variable} are both set; unset one of them"
            ))),
        }
    }

    fn read(variable: String, file: PathBuf) -> Result<Self, SettingError> {
        let text = read_file(&file).map_err(|UnreadableSecret { reason, source }| {
            let text = format!(
                "cannot read {} ({variable}): {reason}",
                redacted_path(&file)
            );
            match source {
                Some(error) => SettingError::io(text, &error),
                None => SettingError::new(text),
            }
        })?;
        Ok(Self {
            variable,
            file: Some(file),
            text,
        })
    }

    /// Returns the variable with the secret or its file.
    pub(crate) fn variable(&self) -> &str {
        &self.variable
    }

    /// Returns the secret itself.
    pub(crate) fn text(&self) -> &str {
        self.text.expose_secret()
    }
}

/// Shows the variable, and the file if there is one.
impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            None => f.write_str(&self.variable),
            Some(file) => write!(f, "{} ({})", redacted_path(file), self.variable),
        }
    }
}

/// Returns the variable that names a file with the secret.
pub(crate) fn file_variable(variable: &str) -> String {
    format!("{variable}_FILE")
}

fn value(variable: &str) -> Option<OsString> {
    env::var_os(variable).filter(|text| !text.is_empty())
}

/// Returns the text without what shells, editors and secret stores add around it: whitespace, a byte order mark, and a pair
/// of quotes, which `docker --env-file` keeps.
fn stripped(text: &str) -> SecretString {
    let added = |character: char| character.is_whitespace() || character == '\u{feff}';
    let text = text.trim_matches(added);
    let unquoted = ['"', '\''].into_iter().find_map(|quote| {
        let text = text.strip_prefix(quote)?;
        text.strip_suffix(quote)
    });
    unquoted
        .map_or(text, |text| text.trim_matches(added))
        .into()
}

/// The error of a file without a usable secret.
#[derive(Debug)]
struct UnreadableSecret {
    /// The reason and the remedy.
    reason: String,
    /// The error of the call that failed.
    source: Option<io::Error>,
}

impl From<String> for UnreadableSecret {
    fn from(reason: String) -> Self {
        let source = None;
        Self { reason, source }
    }
}

/// Reads a file, [`stripped`].
fn read_file(file: &Path) -> Result<SecretString, UnreadableSecret> {
    let unreadable = |error: io::Error| UnreadableSecret {
        reason: match error.kind() {
            io::ErrorKind::InvalidData => "it is not UTF-8; save it as UTF-8 text".to_owned(),
            _ => format!("{error}; write the secret into it, readable by this user only"),
        },
        source: Some(error),
    };
    let mut text = String::new();
    let content = File::open(file).map_err(unreadable)?;
    let read = content.take(MAX_FILE_SIZE + 1).read_to_string(&mut text);
    // Wiped when it is dropped, also by an error.
    let text = SecretString::from(text);
    let length = read.map_err(unreadable)?;
    if length as u64 > MAX_FILE_SIZE {
        let reason = format!("more than {MAX_FILE_SIZE} bytes; write only the secret into it");
        return Err(reason.into());
    }
    let secret = stripped(text.expose_secret());
    match secret.expose_secret().is_empty() {
        true => Err("the file is empty; write the secret into it"
            .to_owned()
            .into()),
        false => Ok(secret),
    }
}

/// Formats a path for an error, hidden if it may be the secret itself in the wrong variable.
fn redacted_path(file: &Path) -> String {
    let text = file.to_string_lossy();
    // A slash may begin a key, too.
    if text.starts_with(['/', '.']) && SymmetricKey::parse(&text).is_err() {
        format!("{text:?}")
    } else {
        redacted(&text)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "c2VjcmV0IGtleSBvZiBhIHRlc3Q6IDMyIGJ5dGVzISE=";

    fn read(content: &[u8]) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, content).unwrap();
        let text = read_file(&file).map_err(|error| error.reason)?;
        Ok(text.expose_secret().to_owned())
    }

    proptest! {
        #[test]
        fn what_is_added_around_a_secret_is_dropped_and_the_secret_is_kept_whole(
            before in "[ \t\r\n\u{feff}\u{a0}]{0,5}",
            quote in prop::sample::select(vec!["", "\"", "'"]),
            secret in "[#-~&&[^']]([ -~]{0,50}[#-~&&[^']])?",
            after in "[ \t\r\n\u{feff}\u{a0}]{0,5}",
        ) {
            let text = format!("{before}{quote}{secret}{quote}{after}");
            let stripped = stripped(&text);
            prop_assert_eq!(stripped.expose_secret(), &*secret);
        }
    }

    #[test]
    fn a_file_is_read_without_byte_order_mark_and_newlines() {
        for content in ["key", "key\n", "key\r\n", "key \n\n", "\u{feff}key\r\n"] {
            assert_eq!(read(content.as_bytes()).unwrap(), "key", "{content:?}");
        }
    }

    #[test]
    fn a_file_that_holds_no_secret_is_refused_by_what_is_wrong_with_it() {
        let most = "k".repeat(4096);
        assert_eq!(read(most.as_bytes()).unwrap(), most);
        for (content, why) in [
            (&b""[..], "the file is empty"),
            (b"\n", "the file is empty"),
            (&[b'k'; 4097], "more than 4096 bytes"),
            (b"\xff\xfek\0", "it is not UTF-8"),
            (b" \r\n\t", "the file is empty"),
        ] {
            let error = read(content).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
        let endless = read_file(Path::new("/dev/zero")).unwrap_err().reason;
        assert!(endless.starts_with("more than"), "{endless}");
        let folder = read_file(Path::new("/")).unwrap_err().reason;
        assert!(folder.contains("directory"), "{folder}");
    }

    #[test]
    fn a_path_is_shown_unless_it_may_be_the_secret_itself() {
        let path = "/run/credentials/pnp-host@thermostat-01.service/device-key";
        for path in [path, "./key", "key.txt"] {
            assert_eq!(redacted_path(Path::new(path)), format!("{path:?}"));
        }
        let string = format!("HostName=h;DeviceId=d;SharedAccessKey={KEY}");
        let slash_first = format!("/{}", &KEY[1..]);
        for secret in [KEY, &slash_first, &string] {
            assert!(!redacted_path(Path::new(secret)).contains(&secret[1..10]));
        }
    }

    #[test]
    fn it_is_not_in_a_debug_print() {
        let secret = Secret {
            variable: "V".to_owned(),
            file: None,
            text: KEY.into(),
        };
        assert!(!format!("{secret:?}").contains(KEY));
    }
}
