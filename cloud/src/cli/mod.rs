//! The command line.

mod access;
mod call;
mod child;
mod client;
mod command_error;
mod completions;
mod connection_string;
mod console;
mod descriptors;
mod device;
mod device_command;
mod device_environment;
mod devices;
mod enroll;
mod events;
mod exec;
mod fault;
mod help;
mod json_text;
mod load;
mod logging;
mod moment;
mod output;
mod problem;
mod program;
mod query;
mod renamed;
mod retention_args;
mod run;
mod run_options;
mod send;
mod service_environment;
mod set;
mod shell;
mod status;
mod stream;
mod tag;
mod twin;
mod value;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{FromArgMatches, Parser, Subcommand, parser::ValueSource};
use client::Client;
use cloud::dir::CloudDir;
use command_error::CommandError;

/// Azure IoT on your machine: DPS, IoT Hub and the service API, without an account
#[derive(Parser)]
#[command(version)]
struct Cli {
    /// Directory of the cloud [default: ~/.local/share/pnp-cloud; exec: a temporary one]
    #[arg(long, global = true, env = "CLOUD_DIR", value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the cloud until stopped
    #[command(after_help = "\
Examples:
  cloud run
  cloud run --tls 1.2 --mqtt 127.0.0.1:18883
  cloud run --ephemeral                         store nothing on disk
  cloud run --retention 30d --retention-size 8GiB
  cloud run --hub-name hub.localhost            for SDKs that require a dot in the name")]
    Run(run::RunCommand),
    /// Run a program with a cloud of its own
    #[command(after_help = "\
Examples:
  cloud exec -- host thermostat.wasm
  cloud exec --device-id t1 --security-type connectionString -- ./device
  cloud exec --address 127.0.5.1 -- python sample.py   for an SDK that only uses port 8883
  cloud exec --service -- python backend.py            for a program on Azure's service SDK

Environment of CMD:
  IOTHUB_DEVICE_SECURITY_TYPE, IOTHUB_DEVICE_CONNECTION_STRING,
  IOTHUB_DEVICE_DPS_ENDPOINT, _ID_SCOPE, _DEVICE_ID, _DEVICE_KEY
  SSL_CERT_FILE, REQUESTS_CA_BUNDLE                        the system's CAs and that of the cloud
  NODE_EXTRA_CA_CERTS                                      the CA of the cloud
  CLOUD_DIR, HOST_STATE_DIR                                the cloud, and the state of a host
  IOTHUB_CONNECTION_STRING, IOTHUB_DEVICE_ID               with --service
Signals are forwarded to CMD.

Exit codes: that of CMD; 128 + N if signal N ended CMD; 126 or 127 if CMD cannot be run or
found; 2 if the cloud does not start.")]
    Exec(exec::ExecCommand),
    /// Enroll a device and print its environment variables
    #[command(after_help = "\
Examples:
  cloud enroll thermostat-1
  eval \"$(cloud enroll thermostat-1)\"; host thermostat.wasm
  cloud enroll thermostat-1 --group     valid for every later cloud of this directory")]
    Enroll(enroll::EnrollCommand),
    /// Print a connection string of the service or of a device
    #[command(after_help = "\
Examples:
  export IOTHUB_CONNECTION_STRING=\"$(cloud connection-string)\"
  cloud connection-string --policy registryRead
  cloud connection-string --device thermostat-1

The connection string contains a key. Azure's SDKs also need the CA certificate: `cloud enroll`
prints the variables, `cloud exec` sets them (docs/sdks.md).")]
    ConnectionString(connection_string::ConnectionStringCommand),
    /// Show where the running cloud is, and counts of devices, events and faults
    #[command(after_help = "\
Examples:
  cloud status
  cloud status --json

Exit code 1 if no cloud runs in the directory, 2 if the directory is not yours to read.")]
    Status(status::StatusCommand),
    /// Register, delete, enable or disable devices
    #[command(after_help = "\
Examples:
  eval \"$(cloud device add thermostat-1)\"; host thermostat.wasm
  cloud device disable thermostat-1      disconnects the device
  cloud device enable thermostat-1
  cloud device delete thermostat-1 thermostat-2

`cloud device add` registers a device in the hub, with a connection string. `cloud enroll` prepares
a device that is registered when it provisions itself through DPS. `cloud devices` lists both.")]
    Device(device_command::DeviceCommand),
    /// List the registered devices
    #[command(after_help = "\
Examples:
  cloud devices
  cloud devices --json")]
    Devices(devices::DevicesCommand),
    /// Query device twins in IoT Hub's query language
    #[command(after_help = "\
Examples:
  cloud query \"SELECT * FROM devices WHERE connectionState = 'Connected'\"
  cloud query 'SELECT deviceId, properties.reported.temperature AS t FROM devices'
  cloud query 'SELECT tags.site AS site, COUNT() AS devices FROM devices GROUP BY tags.site' --json

docs/query.md describes the supported language.")]
    Query(query::QueryCommand),
    /// Show a device twin
    #[command(after_help = "\
Examples:
  cloud twin
  cloud twin --device thermostat-1 --json")]
    Twin(twin::TwinCommand),
    /// Set a desired property and wait for the acknowledgment
    #[command(after_help = "\
Examples:
  cloud set targetTemperature 23.5
  cloud set --component thermostat1 targetTemperature 23.5
  cloud set --no-wait mode eco
  cloud set targetTemperature null     remove the property
  cloud set label '\"23\"'              a string that looks like something else

A value is JSON. A text that is not JSON is a string, unless it starts with {, [ or \".

Exit code 1 if the device rejects the value or does not acknowledge it in time.")]
    Set(set::SetCommand),
    /// Set a tag of a device twin
    #[command(after_help = "\
Examples:
  cloud tag site Ulm
  cloud tag floor 3 --device thermostat-1
  cloud tag site null                 remove the tag
  cloud query \"SELECT deviceId FROM devices WHERE tags.site = 'Ulm'\"

Tags are for operators and queries; devices do not see them.")]
    Tag(tag::TagCommand),
    /// Call a direct method (a command) and print the response
    #[command(after_help = "\
Examples:
  cloud call getMaxMinReport 2026-01-01T00:00:00Z
  cloud call --component thermostat1 getMaxMinReport
  cloud call reboot '{\"delay\": 5}' --device thermostat-1

Exit code 1 if the device responds with a status of 400 or more.")]
    Call(call::CallCommand),
    /// Show telemetry and other events
    #[command(after_help = "\
Examples:
  cloud events
  cloud events --follow                 begins with the last 10
  cloud events --tail 100
  cloud events --since 5m
  cloud events --device thermostat-1 --kind telemetry --json
  cloud events --since 2026-01-31T08:00:00Z --until 2026-01-31T09:00:00Z --format csv > morning.csv
  cloud events --follow --since 4711    continue after the event with this number
  cloud events --format az --follow     as `az iot hub monitor-events` prints them")]
    Events(events::EventsCommand),
    /// Send a cloud-to-device message
    #[command(after_help = "\
Examples:
  cloud send 'good morning'
  cloud send '{\"volume\": 3}' --content-type application/json --property urgent=yes")]
    Send(send::SendCommand),
    /// Inject faults: start, clear, trigger or list them
    #[command(after_help = "\
Examples:
  cloud fault                                           list the active faults
  cloud fault reset                                     trigger a one-shot fault
  cloud fault refuse                                    start; `cloud fault refuse off` clears it
  cloud fault black-hole --duration 90s --device t-1    clear it after 90 s; one device only
  cloud fault connack --code 3
  cloud fault slow --latency 200ms --bytes-per-second 4000
  cloud fault clear                                     clear all active faults

One-shot faults: reset, close, mid-packet, expire-token, take-over, forget-sessions,
restart-empty, stale-desired. All others last until they are cleared.
`cloud events` shows the start and end of each fault. docs/faults.md describes them.")]
    Fault(fault::FaultCommand),
    /// Load-test the cloud with simulated devices
    #[command(after_help = "\
Examples:
  cloud load --devices 100 --rate 500
  cloud load --devices 1000 --rate 5000 --duration 1m --payload-bytes 1000
  cloud load --devices 10 --rate 100 --json > report.json

Latency counts from the time a message was due, also if it was sent late. The devices are
registered, connect with SAS tokens, and are removed at the end.

Exit code 1 if a message was not acknowledged, a connection was lost or a twin request failed.")]
    Load(load::LoadCommand),
    /// Print a sign-in link to the console
    #[command(after_help = "\
Examples:
  cloud console
  xdg-open \"$(cloud console)\"
  cloud console --sign-out

The link is valid once, for ten minutes. Its session ends after 30 days, or with the policy keys.")]
    Console(console::ConsoleCommand),
    /// Generate shell completions
    #[command(after_help = "\
Examples:
  cloud completions bash > ~/.local/share/bash-completion/completions/cloud
  cloud completions zsh > ~/.zfunc/_cloud")]
    Completions(completions::CompletionsCommand),
}

/// Parses the arguments and runs the command.
pub(crate) fn main() -> ExitCode {
    let command = match std::env::args_os().any(|arg| arg == "-h") {
        true => help::shortened(help::command()),
        false => help::command(),
    };
    let args: Vec<_> = std::env::args_os().collect();
    let matches = option_variables::try_get_matches(&command, &args);
    let cli = matches.and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches)?;
        if matches.value_source("dir") == Some(ValueSource::CommandLine)
            && let Some(dir) = &cli.dir
        {
            program::in_directory(dir);
        }
        Ok(cli)
    });
    let done = match cli {
        Ok(Cli { dir, command }) => renamed::check_variables().and_then(|()| command.run(dir)),
        Err(error) => match renamed::in_arguments(&error) {
            Some(renamed) => Err(renamed),
            None => error.exit(),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Some(message) = error.message() {
                output::error(message);
            }
            error.code()
        }
    }
}

impl Command {
    fn run(self, dir: Option<PathBuf>) -> Result<(), CommandError> {
        match self {
            Self::Completions(command) => command.run(),
            Self::Exec(command) => command.run(dir),
            Self::Run(command) => command.run(&cloud_dir(dir)?),
            Self::Enroll(command) => command.run(&client(dir)?),
            Self::ConnectionString(command) => command.run(&client(dir)?),
            Self::Status(command) => command.run(&client(dir)?),
            Self::Device(command) => command.run(&client(dir)?),
            Self::Devices(command) => command.run(&client(dir)?),
            Self::Query(command) => command.run(&client(dir)?),
            Self::Twin(command) => command.run(&client(dir)?),
            Self::Set(command) => command.run(&client(dir)?),
            Self::Tag(command) => command.run(&client(dir)?),
            Self::Call(command) => command.run(&client(dir)?),
            Self::Events(command) => command.run(&client(dir)?),
            Self::Send(command) => command.run(&client(dir)?),
            Self::Fault(command) => command.run(&client(dir)?),
            Self::Load(command) => command.run(client(dir)?),
            Self::Console(command) => command.run(&client(dir)?),
        }
    }
}

fn cloud_dir(dir: Option<PathBuf>) -> Result<CloudDir, CommandError> {
    match dir {
        Some(path) => absolute(&path),
        None => Ok(CloudDir::of_user()?),
    }
}

/// Makes the path absolute: programs with another working directory get it too.
fn absolute(path: &Path) -> Result<CloudDir, CommandError> {
    let absolute = std::path::absolute(path);
    absolute
        .map(CloudDir::new)
        .map_err(|error| CommandError::settings(format!("cannot use {}: {error}", path.display())))
}

fn client(dir: Option<PathBuf>) -> Result<Client, CommandError> {
    Client::of(&cloud_dir(dir)?)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_option_is_an_environment_variable_too() {
        assert_options_have_variables(&Cli::command());
    }

    fn assert_options_have_variables(command: &clap::Command) {
        for option in command.get_opts() {
            let variable = option.get_env().and_then(|name| name.to_str());
            let variable = variable.unwrap_or_default();
            assert!(
                variable.starts_with("CLOUD_"),
                "{} {option}",
                command.get_name()
            );
        }
        command
            .get_subcommands()
            .for_each(assert_options_have_variables);
    }

    #[test]
    fn every_command_shows_examples() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string);
            let help = help.unwrap_or_default();
            assert!(help.contains("Examples:"), "{}", command.get_name());
        }
    }
}
