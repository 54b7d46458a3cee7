//! Parsing: what clap does, and errors for mistyped commands and words of earlier versions.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::Path,
};

use clap::{
    Command, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
    parser::ValueSource,
};

use super::{
    Cli,
    help::{command, shortened},
};
use crate::renamed;

/// Parses the command line. Prints help or an error and exits if there is one.
#[must_use]
pub fn parse() -> Cli {
    let args: Vec<_> = env::args_os().collect();
    let is_set = |variable: &str| env::var_os(variable).is_some_and(|value| !value.is_empty());
    try_parse(&args, is_set).unwrap_or_else(|error| error.exit())
}

fn try_parse(args: &[OsString], is_set: impl Fn(&str) -> bool) -> Result<Cli, clap::Error> {
    let mut command = match args.iter().any(|arg| arg == "-h") {
        true => shortened(command()),
        false => command(),
    };
    let matches = option_variables::try_get_matches(&command, args)
        .map_err(|error| explained(error, args))?;
    let takes_settings = matches!(matches.subcommand_name(), None | Some("check"));
    if let Some(error) = renamed::variables()
        .filter(|_| takes_settings)
        .filter(|variable| is_set(variable))
        .find_map(renamed::renamed)
    {
        return Err(raw(ErrorKind::InvalidValue, &error));
    }
    if matches.contains_id("file")
        && matches.value_source("component") == Some(ValueSource::CommandLine)
    {
        let error = "both COMPONENT and --component are given; remove one of them";
        return Err(command.error(ErrorKind::ArgumentConflict, error));
    }
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    match cli
        .run
        .file
        .as_ref()
        .and_then(|file| mistyped(file.as_os_str()))
    {
        Some(error) => Err(error),
        None => Ok(cli),
    }
}

/// Replaces an error about an old option, or about options of a mistyped subcommand.
fn explained(error: clap::Error, args: &[OsString]) -> clap::Error {
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    if let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg)
        && let Some(renamed) = renamed::renamed(option)
    {
        return raw(ErrorKind::UnknownArgument, &renamed);
    }
    let first = args
        .get(1)
        .filter(|arg| !arg.as_encoded_bytes().starts_with(b"-"));
    first.and_then(|arg| mistyped(arg)).unwrap_or(error)
}

/// Returns clap's error for an unknown subcommand, with a suggestion, if this is neither a subcommand nor like a file.
fn mistyped(word: &OsStr) -> Option<clap::Error> {
    let is_like_file = word
        .as_encoded_bytes()
        .iter()
        .any(|byte| b"./".contains(byte));
    let commands = Command::new("host")
        .subcommand_required(true)
        .subcommands(command().get_subcommands().cloned());
    if is_like_file || Path::new(word).exists() {
        return None;
    }
    let parsed = commands.try_get_matches_from([OsStr::new("host"), word]);
    parsed
        .err()
        .filter(|error| error.kind() == ErrorKind::InvalidSubcommand)
}

fn raw(kind: ErrorKind, error: &str) -> clap::Error {
    clap::Error::raw(kind, format!("{error}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Cli, String> {
        with_variable(args, "")
    }

    fn with_variable(args: &[&str], variable: &str) -> Result<Cli, String> {
        let args: Vec<_> = ["host"].iter().chain(args).map(OsString::from).collect();
        try_parse(&args, |name| name == variable).map_err(|error| {
            assert_eq!(error.exit_code(), 2, "{error}");
            error.to_string()
        })
    }

    fn error(args: &[&str]) -> String {
        parsed(args).expect_err("an error")
    }

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn the_component_is_an_argument_or_an_option() {
        for args in [
            &["thermostat.wasm"][..],
            &["--component", "thermostat.wasm"],
            &["--watch", "thermostat.wasm", "-v"],
        ] {
            let cli = parsed(args).unwrap();
            assert_eq!(cli.run.component().unwrap(), Path::new("thermostat.wasm"));
        }
        assert_eq!(parsed(&[]).unwrap().run.component(), None);
        let both = error(&["a.wasm", "--component", "b.wasm"]);
        assert!(both.contains("both COMPONENT and --component"), "{both}");
    }

    #[test]
    fn a_mistyped_subcommand_is_answered_with_a_similar_one() {
        for args in [&["statsu"][..], &["-v", "statsu"], &["statsu", "--json"]] {
            let error = error(args);
            assert!(
                error.contains("unrecognized subcommand 'statsu'"),
                "{error}"
            );
            assert!(error.contains("'status'"), "{error}");
        }
        assert!(parsed(&["./statsu"]).is_ok() && parsed(&["statsu.wasm"]).is_ok());
        assert!(parsed(&["status"]).unwrap().command.is_some());
        let unknown = error(&["a.wasm", "--no-such-option"]);
        assert!(unknown.contains("--no-such-option"), "{unknown}");
    }

    #[test]
    fn an_old_option_variable_or_limit_is_an_error_that_names_the_new_one() {
        for args in [
            &["a.wasm", "--telemetry-interval", "1s"][..],
            &["a.wasm", "--telemetry-interval=1s"],
            &["check", "a.wasm", "--telemetry-interval", "1s"],
        ] {
            assert_eq!(
                error(args),
                "error: --telemetry-interval is now --set telemetry-interval=DURATION\n"
            );
        }
        assert_eq!(
            error(&["a.wasm", "--token-life=1h"]),
            "error: --token-life is now --sas-token-ttl\n"
        );
        for (old, new) in [
            (
                "HOST_TELEMETRY_INTERVAL",
                "HOST_SET=telemetry-interval=DURATION",
            ),
            ("HOST_TOKEN_LIFE", "HOST_SAS_TOKEN_TTL"),
        ] {
            let error = with_variable(&["a.wasm"], old).expect_err("an error");
            assert_eq!(error, format!("error: {old} is now {new}\n"));
        }
        let limit = error(&["a.wasm", "--limit", "parts=3"]);
        assert!(limit.contains("parts is now instances"), "{limit}");
    }

    #[test]
    fn settings_keep_their_order_and_may_hold_an_equals_sign() {
        let cli = parsed(&["c.wasm", "--set", "a=1", "--set", "b=x=y"]).unwrap();
        assert_eq!(
            cli.run.settings.set,
            [("a".into(), "1".into()), ("b".into(), "x=y".into())]
        );
        assert!(parsed(&["c.wasm", "--set", "novalue"]).is_err());
    }

    #[test]
    fn no_option_takes_a_key() {
        let command = command();
        let names: Vec<_> = command
            .get_arguments()
            .map(|argument| argument.get_id().as_str())
            .collect();
        assert!(
            !names
                .iter()
                .any(|name| name.contains("key") || name.contains("connection")),
            "{names:?}"
        );
    }
}
