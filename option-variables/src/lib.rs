//! Environment variables of command line options, as shells, Compose files and Kubernetes set them.
//!
//! The options are clap's, with `env`. Beyond what clap does:
//!
//! - An empty variable counts as unset, as does one that switches a switch off.
//! - A switch takes `1`, `yes`, `true`, `on` and their opposites, in any case.
//! - The variables of one command do not concern another one.
//! - An error about a value from a variable names the variable.
#![cfg_attr(
    not(test),
    deny(
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

use std::{
    env,
    ffi::{OsStr, OsString},
};

use clap::{
    Arg, ArgAction, ArgMatches, Command, Error,
    builder::{BoolishValueParser, Resettable, TypedValueParser},
    error::ErrorKind,
    parser::ValueSource,
};

/// Parses the arguments, and the variables of the command they name.
///
/// # Errors
/// As [`Command::try_get_matches_from`]: also help and version.
pub fn try_get_matches(command: &Command, args: &[OsString]) -> Result<ArgMatches, Error> {
    let parse = |command: Command| command.try_get_matches_from(args);
    let given = match parse(with_variables(command.clone(), &[], &|_, _| false)) {
        Err(error) if is_help(&error) => return parse(command.clone()),
        given => given?,
    };
    let (path, options) = leaf(&given);
    let concerns = |arg: &Arg, is_leaf: bool| (is_leaf || arg.is_global_set()) && is_set(arg);
    parse(with_variables(command.clone(), &path, &concerns))
        .map_err(|error| naming_variables(&error, command, &path, options))
}

fn is_help(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// Returns the names of the subcommands given, and the matches of the last one.
fn leaf(mut matches: &ArgMatches) -> (Vec<&str>, &ArgMatches) {
    let mut path = Vec::new();
    while let Some((name, below)) = matches.subcommand() {
        path.push(name);
        matches = below;
    }
    (path, matches)
}

/// Returns the command with those variables that `concerns` selects, given an argument and whether it belongs to the last
/// command of the path.
fn with_variables(
    command: Command,
    path: &[&str],
    concerns: &impl Fn(&Arg, bool) -> bool,
) -> Command {
    let command = command.mut_args(|arg| {
        let is_switch = is_switch(&arg);
        match concerns(&arg, path.is_empty()) {
            false => arg.env(Resettable::Reset),
            true if is_switch => arg.value_parser(BoolishValueParser::new()),
            true => arg,
        }
    });
    match path {
        [] => command.mut_subcommands(|below| with_variables(below, &[], concerns)),
        [name, rest @ ..] => {
            command.mut_subcommand(*name, |below| with_variables(below, rest, concerns))
        }
    }
}

/// Returns true if the argument's variable says something.
fn is_set(arg: &Arg) -> bool {
    let value = arg.get_env().and_then(env::var_os);
    let value = value.filter(|value| !value.is_empty());
    value.is_some_and(|value| !is_switch(arg) || boolean(&value) != Some(false))
}

fn is_switch(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::SetTrue)
}

fn boolean(value: &OsStr) -> Option<bool> {
    let parser = BoolishValueParser::new();
    parser.parse_ref(&Command::new(""), None, value).ok()
}

/// Replaces the options in an error by their variables, where those have set them.
fn naming_variables(error: &Error, command: &Command, path: &[&str], given: &ArgMatches) -> Error {
    let mut built = command.clone();
    built.build();
    let mut text = error.render().to_string();
    let mut level = Some(&built);
    let mut path = path.iter();
    while let Some(command) = level {
        for arg in command.get_arguments().filter(|arg| is_set(arg)) {
            let id = arg.get_id().as_str();
            let is_given = matches!(
                given.try_contains_id(id),
                Ok(true) if given.value_source(id) == Some(ValueSource::CommandLine)
            );
            if let Some(variable) = arg.get_env().filter(|_| !is_given) {
                text = text.replace(&format!("'{arg}'"), &variable.to_string_lossy());
            }
        }
        level = path.next().and_then(|name| command.find_subcommand(name));
    }
    Error::raw(error.kind(), text.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_read_in_any_case() {
        for (text, value) in [
            ("1", Some(true)),
            ("True", Some(true)),
            ("YES", Some(true)),
            ("on", Some(true)),
            ("0", Some(false)),
            ("No", Some(false)),
            ("off", Some(false)),
            ("FALSE", Some(false)),
            ("maybe", None),
        ] {
            assert_eq!(boolean(OsStr::new(text)), value, "{text}");
        }
    }
}
