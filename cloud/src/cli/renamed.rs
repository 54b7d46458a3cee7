//! Words of earlier versions, in arguments and variables: errors that name the new word.

use clap::error::{ContextKind, ContextValue};

use super::command_error::CommandError;

/// Subcommands, options and their values: the command they belong to (empty: any), the old and the new word. The first match
/// counts.
const WORDS: [(&str, &str, &str); 16] = [
    ("", "enrol", "enroll"),
    ("load", "--keep", "--keep-devices"),
    ("", "--keep", "--retention"),
    ("", "--keep-size", "--retention-size"),
    ("events", "--last", "--tail"),
    ("events", "--from", "--since"),
    ("events", "--to", "--until"),
    ("", "--operator", "--service"),
    ("", "--for", "--duration"),
    ("", "--lose", "--drop-connections"),
    ("", "--by", "--delay"),
    ("", "lose-desired", "drop-desired"),
    ("", "other-name", "name-mismatch"),
    ("", "foreign-authority", "unknown-ca"),
    ("", "fault-began", "fault-started"),
    ("", "fault-struck", "fault-triggered"),
];

const VARIABLES: [(&str, &str); 9] = [
    ("CLOUD_KEEP", "CLOUD_RETENTION"),
    ("CLOUD_KEEP_SIZE", "CLOUD_RETENTION_SIZE"),
    ("CLOUD_LAST", "CLOUD_TAIL"),
    ("CLOUD_FROM", "CLOUD_SINCE"),
    ("CLOUD_TO", "CLOUD_UNTIL"),
    ("CLOUD_OPERATOR", "CLOUD_SERVICE"),
    ("CLOUD_FOR", "CLOUD_FAULT_DURATION"),
    ("CLOUD_LOSE", "CLOUD_DROP_CONNECTIONS"),
    ("CLOUD_BY", "CLOUD_DELAY"),
];

/// Returns an error that names the new word, if the arguments have an old one.
pub(super) fn in_arguments(error: &clap::Error) -> Option<CommandError> {
    let usage = text(error, ContextKind::Usage).unwrap_or_default();
    let invalid = [
        ContextKind::InvalidArg,
        ContextKind::InvalidSubcommand,
        ContextKind::InvalidValue,
    ];
    let words = invalid.into_iter().filter_map(|kind| text(error, kind));
    words.into_iter().find_map(|word| {
        let (_, old, new) = WORDS.iter().find(|(command, old, _)| {
            *old == word && (command.is_empty() || usage.contains(&format!("cloud {command}")))
        })?;
        Some(now(old, new))
    })
}

/// Checks that no variable of an earlier version is set.
pub(super) fn check_variables() -> Result<(), CommandError> {
    let mut set = VARIABLES
        .iter()
        .filter(|(old, _)| std::env::var_os(old).is_some_and(|value| !value.is_empty()));
    set.next().map_or(Ok(()), |(old, new)| Err(now(old, new)))
}

fn now(old: &str, new: &str) -> CommandError {
    CommandError::settings(format!("{old} is now {new}"))
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::StyledStr(text) => Some(text.to_string()),
        _ => None,
    }
}
