//! The help: examples, and what is not an option.

use clap::{Arg, CommandFactory};

use super::Cli;

const TEMPLATE: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

const EXAMPLE: &str = "\
Example:
  export IOTHUB_DEVICE_SECURITY_TYPE=DPS IOTHUB_DEVICE_DPS_ID_SCOPE=0ne00000000
  export IOTHUB_DEVICE_DPS_DEVICE_ID=thermostat-01 IOTHUB_DEVICE_DPS_DEVICE_KEY=...
  host thermostat.wasm                                 # with Azure
  cloud exec -- host thermostat.wasm                   # with the local cloud";

const MORE: &str = "`host --help` lists all options, variables and exit codes.";

const DETAILS: &str = "\
Examples:
  Use a key in a file, as with containers and systemd:
    export IOTHUB_DEVICE_DPS_DEVICE_KEY_FILE=/run/secrets/device-key
    host thermostat.wasm

  Use a connection string:
    export IOTHUB_DEVICE_SECURITY_TYPE=connectionString
    export IOTHUB_DEVICE_CONNECTION_STRING='HostName=...;DeviceId=...;SharedAccessKey=...'
    host thermostat.wasm

  Set settings and limits of the component:
    host thermostat.wasm --set telemetry-interval=1s --limit memory=32MiB

  Swap in each build while the device runs:
    host target/thermostat.wasm --watch

  Operate a running host:
    host status
    host swap thermostat-2.wasm --wait
    host rollback
    host outbox --retry all

Secrets, never on the command line, where `ps` shows them:
  IOTHUB_DEVICE_DPS_DEVICE_KEY      symmetric key of the device, base64
  IOTHUB_DEVICE_DPS_GROUP_KEY       symmetric key of the enrollment group, instead
  IOTHUB_DEVICE_CONNECTION_STRING   with security type connectionString
  ..._FILE                          each of them: a file with the secret, instead

Spaces and line ends around a secret are ignored, an empty variable counts as unset.

Other variables:
  SSL_CERT_FILE                     trust roots (PEM), instead of the system's
  NOTIFY_SOCKET, WATCHDOG_USEC      set by a service manager such as systemd

Exit codes:
  0  stopped by q, Ctrl-C or SIGTERM
  1  failure of this program, or a shortage of this machine: disk, memory, file descriptors
  2  invalid settings, key or component
  3  device rejected by the cloud on its first connection";

pub(super) const OUTBOX: &str = "\
Works while the host runs, and afterwards. Messages acknowledged since the last change of the
device may still be listed.

Examples:
  host outbox --device-id thermostat-01
  host outbox --retry all
  host outbox --discard 3";

pub(super) const SWAP: &str = "\
The host stays connected. The component starts with record, timers and applied properties of the
previous version, and is on probation until it is accepted.

Examples:
  host swap thermostat-2.wasm --wait
  host swap thermostat-2.wasm --fresh-state

Exit codes:
  0  started; with --wait, accepted
  1  rejected or rolled back
  2  no host is running";

pub(super) const CHECK: &str = "\
The component is loaded, started and called on a virtual clock. It is never connected.

Examples:
  host check thermostat.wasm
  host check thermostat.wasm --set telemetry-interval=1s --limit memory=32MiB --json
  host check thermostat.wasm --events 5000             # finds leaks and late failures

Exit codes:
  0  all checks passed
  1  a check failed";

pub(super) const COMPLETIONS: &str = "\
Example:
  host completions bash > ~/.local/share/bash-completion/completions/host";

/// Returns the command line.
pub(super) fn command() -> clap::Command {
    Cli::command()
        .max_term_width(100)
        .help_template(TEMPLATE)
        .before_help(format!("{EXAMPLE}\n"))
        .after_help(MORE)
        .after_long_help(DETAILS)
}

/// Shortens the help for `-h`: no variables and headings, and for a device only the usual options.
pub(super) fn shortened(command: clap::Command) -> clap::Command {
    let plain = |arg: Arg| arg.hide_env(true).help_heading(None::<&str>);
    command
        .mut_args(|arg| match arg.get_action().takes_values() {
            true => plain(arg).hide_possible_values(true),
            false => plain(arg),
        })
        .mut_subcommands(|command| command.mut_args(|arg| plain(arg).hide_short_help(false)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_help_fits_a_screen() {
        let help = shortened(command()).render_help().to_string();
        assert!(help.lines().count() <= 40, "{help}");
        assert!(help.lines().all(|line| line.len() <= 100), "{help}");
        for words in ["Example:", "host thermostat.wasm", "status", "--state-dir"] {
            assert!(help.contains(words), "{words}: {help}");
        }
    }

    #[test]
    fn the_long_help_has_every_option_with_its_variable() {
        let mut command = command();
        let help = command.render_long_help().to_string();
        for arg in command.get_arguments() {
            let name = arg.get_long().map(|name| format!("--{name}"));
            assert!(name.is_none_or(|name| help.contains(&name)), "{arg:?}");
            if !arg.is_positional() && !["help", "version"].contains(&arg.get_id().as_str()) {
                let variable = arg.get_env().expect("a variable");
                assert!(help.contains(&*variable.to_string_lossy()), "{arg:?}");
            }
        }
    }

    #[test]
    fn every_option_of_a_device_has_a_heading_and_each_help_starts_with_a_verb() {
        let command = command();
        for arg in command.get_arguments().filter(|arg| !arg.is_positional()) {
            assert!(arg.get_help_heading().is_some(), "{arg:?}");
            let help = arg.get_help().expect("a help").to_string();
            assert!(
                help.starts_with(char::is_uppercase) && !help.ends_with('.'),
                "{help}"
            );
        }
    }
}
