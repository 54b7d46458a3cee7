//! The help of `cloud` itself: an example, and the commands in groups.

use std::fmt::{Arguments, Write};

use clap::{
    CommandFactory,
    builder::{StyledStr, Styles},
};

use super::Cli;

const EXAMPLE: [(&str, &str); 3] = [
    ("cloud run", "start the cloud; Ctrl-C stops it"),
    (
        "eval \"$(cloud enroll thermostat-1)\"",
        "in a second terminal: enroll a device",
    ),
    ("host thermostat.wasm", "run the device"),
];

const GROUPS: [(&str, &[&str]); 3] = [
    (
        "Run the cloud",
        &["run", "exec", "status", "console", "completions"],
    ),
    (
        "Connect devices and back ends",
        &["enroll", "connection-string"],
    ),
    (
        "Operate and test devices",
        &[
            "devices", "device", "query", "twin", "set", "tag", "call", "send", "events", "fault",
            "load",
        ],
    ),
];

const HINT: &str = "`cloud COMMAND --help` lists the options and variables of a command.";

const DETAILS: &str = "\
Exit codes:
  0  success
  1  the cloud or the device refused, or did not answer
  2  invalid settings
  `cloud exec` exits with the code of its program.

Every option is an environment variable too: --retry-after is CLOUD_RETRY_AFTER. An empty one
counts as unset; switches take 1, yes, true, on and 0, no, false, off.
RUST_LOG sets the log level of `cloud run` and `cloud exec`, such as RUST_LOG=cloud=debug.";

/// Returns the command with its help.
pub(super) fn command() -> clap::Command {
    let command = Cli::command();
    let header = *Styles::styled().get_header();
    let template = format!(
        "{{about-with-newline}}\n{{before-help}}{{usage-heading}} {{usage}}\n\n\
         {header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    let overview = overview(&command);
    command
        .help_template(template)
        .before_help(overview)
        .after_help(HINT)
        .after_long_help(format!("{HINT}\n\n{DETAILS}"))
}

/// Shortens the help of a command, for `-h`: hides the variables.
pub(super) fn shortened(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| arg.hide_env(true))
        .mut_subcommands(shortened)
}

fn overview(command: &clap::Command) -> StyledStr {
    let mut text = StyledStr::new();
    let mut write = |line: Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    let styles = Styles::styled();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    write(format_args!("{header}Example:{header:#}"));
    for (line, meaning) in EXAMPLE {
        write(format_args!("  {literal}{line:<37}{literal:#}  {meaning}"));
    }
    for (title, names) in GROUPS {
        write(format_args!("\n{header}{title}:{header:#}"));
        for name in names {
            let found = command.find_subcommand(name);
            let about = found.and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            write(format_args!("  {literal}{name:<17}{literal:#}  {about}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let listed: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter()).collect();
        let command = Cli::command();
        let all = command.get_subcommands().map(clap::Command::get_name);
        let all: BTreeSet<_> = all.filter(|name| *name != "help").collect();
        assert_eq!(listed.len(), all.len());
        assert_eq!(listed.into_iter().copied().collect::<BTreeSet<_>>(), all);
    }

    #[test]
    fn the_short_help_fits_a_screen() {
        let help = shortened(command()).render_help().to_string();
        assert!(help.lines().count() <= 40, "{help}");
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
        for word in ["Example:", "Run the cloud until stopped", "--dir"] {
            assert!(help.contains(word), "{word}: {help}");
        }
    }
}
