//! The command line.

mod call;
mod child;
mod client;
mod completions;
mod connection_string;
mod console;
mod descriptors;
mod device;
mod device_environment;
mod devices;
mod enrol;
mod events;
mod exec;
mod failure;
mod fault;
mod keeping;
mod load;
mod logging;
mod output;
mod problem;
mod query;
mod run;
mod send;
mod service_environment;
mod set;
mod settings;
mod stream;
mod tag;
mod twin;
mod value;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use cloud::dir::CloudDir;

use client::Client;
use failure::Failure;

/// Azure IoT on a laptop: DPS, IoT Hub and the operator's side, without an account.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Begin:
  cloud run                               start the cloud, and leave it running
  cloud exec -- host --component x.wasm   or: a cloud for one program, gone when it ends

Exit codes:
  0  done   1  the cloud or the device refused, or did not answer   2  wrong settings
  `cloud exec` ends with the code of its program.

Every option is an environment variable too: --retry-after is CLOUD_RETRY_AFTER."
)]
struct Cli {
    /// The cloud's directory: keys, certificates, and where the running cloud is
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
  cloud run --ephemeral                keeps nothing
  cloud run --keep 30d --keep-size 8GiB   telemetry for a month
  cloud run --hub-name hub.localhost   for SDKs that want a name with a dot")]
    Run(run::Run),
    /// Run a program with a cloud of its own
    #[command(after_help = "\
Examples:
  cloud exec -- host --component thermostat.wasm
  cloud exec --device-id t1 --security-type connectionString -- ./device
  cloud exec --address 127.0.5.1 -- python sample.py   an unmodified SDK, which knows port 8883 only
  cloud exec --operator -- python backend.py           a program of the other side

CMD gets IOTHUB_DEVICE_SECURITY_TYPE, IOTHUB_DEVICE_CONNECTION_STRING,
IOTHUB_DEVICE_DPS_ENDPOINT, _ID_SCOPE, _DEVICE_ID and _DEVICE_KEY, CLOUD_DIR, and in
SSL_CERT_FILE, NODE_EXTRA_CA_CERTS and REQUESTS_CA_BUNDLE what to trust; with --operator
also IOTHUB_CONNECTION_STRING and IOTHUB_DEVICE_ID. Signals are passed on to it.

Exit codes: that of CMD, 128 + the number of the signal that ended it, 126 and 127 as
in a shell; 2 if the cloud does not start.")]
    Exec(exec::Exec),
    /// Let a device provision, and print what it needs for that
    #[command(after_help = "\
Examples:
  cloud enrol thermostat-1
  eval \"$(cloud enrol thermostat-1)\"; host --component thermostat.wasm
  cloud enrol thermostat-1 --group     stays good when the cloud is started again")]
    Enrol(enrol::Enrol),
    /// Print a connection string: for programs on Azure's service SDKs, or of a device
    #[command(after_help = "\
Examples:
  export IOTHUB_CONNECTION_STRING=\"$(cloud connection-string)\"
  cloud connection-string --policy registryRead
  cloud connection-string --device thermostat-1

It holds a key. What the SDKs need besides, to trust the cloud, is printed by
`cloud enrol` and set by `cloud exec`: docs/sdks.md.")]
    ConnectionString(connection_string::ConnectionString),
    /// List the devices
    #[command(after_help = "\
Examples:
  cloud devices
  cloud devices --json")]
    Devices(devices::Devices),
    /// Ask for devices by what their twins have
    #[command(after_help = "\
Examples:
  cloud query \"SELECT * FROM devices WHERE connectionState = 'Connected'\"
  cloud query 'SELECT deviceId, properties.reported.temperature AS t FROM devices'
  cloud query 'SELECT tags.site AS site, COUNT() AS devices FROM devices GROUP BY tags.site' --json

docs/query.md has the language.")]
    Query(query::Query),
    /// Show a device's twin: desired and reported properties
    #[command(after_help = "\
Examples:
  cloud twin
  cloud twin --device thermostat-1 --json")]
    Twin(twin::Twin),
    /// Set a desired property, and show the device's acknowledgment
    #[command(after_help = "\
Examples:
  cloud set targetTemperature 23.5
  cloud set --component thermostat1 targetTemperature 23.5
  cloud set --no-wait mode eco
  cloud set targetTemperature null     removes it

Exit code 1 if the device refuses the value or does not acknowledge it in time.")]
    Set(set::Set),
    /// Set a tag: what operators know of a device, and queries ask for; the device does not see it
    #[command(after_help = "\
Examples:
  cloud tag site Ulm
  cloud tag floor 3 --device thermostat-1
  cloud tag site null                 removes it
  cloud query \"SELECT deviceId FROM devices WHERE tags.site = 'Ulm'\"")]
    Tag(tag::Tag),
    /// Call a command (a direct method), and show the answer
    #[command(after_help = "\
Examples:
  cloud call getMaxMinReport 2026-01-01T00:00:00Z
  cloud call --component thermostat1 getMaxMinReport
  cloud call reboot '{\"delay\": 5}' --device thermostat-1

Exit code 1 if the device answers with a status of 400 or more.")]
    Call(call::Call),
    /// Show what devices said and did
    #[command(after_help = "\
Examples:
  cloud events
  cloud events --follow --last 10
  cloud events --device thermostat-1 --kind telemetry --json
  cloud events --from 2026-01-31T08:00:00Z --to 2026-01-31T09:00:00Z --format csv > morning.csv
  cloud events --format az --follow     as `az iot hub monitor-events` prints them")]
    Events(events::Events),
    /// Send a message to a device
    #[command(after_help = "\
Examples:
  cloud send 'good morning'
  cloud send '{\"volume\": 3}' --content-type application/json --property urgent=yes")]
    Send(send::Send),
    /// Show the faults that are on, begin or end one, or strike once: what an outage looks like to a device
    #[command(after_help = "\
Examples:
  cloud fault                                      what is on
  cloud fault reset                                once
  cloud fault refuse on                            until `cloud fault refuse off`
  cloud fault black-hole --for 90s --device t-1    ends by itself; one device only
  cloud fault connack --code 3
  cloud fault slow --latency 200ms --bytes-per-second 4000
  cloud fault clear                                ends all

`cloud events` shows the start and end of each fault. docs/faults.md describes them.")]
    Fault(fault::FaultCommand),
    /// Size the cloud: let simulated devices send at a rate, and measure how it bears it
    #[command(after_help = "\
Examples:
  cloud load --devices 100 --rate 500
  cloud load --devices 1000 --rate 5000 --duration 1m --payload-bytes 1000
  cloud load --devices 10 --rate 100 --json > report.json

A message that leaves late counts from when it was due. The cloud takes the devices as any
others: they are registered, connect with tokens, and are removed at the end.

Exit code 1 if a message was not acknowledged, a connection was lost or a twin not shown.")]
    Load(load::Load),
    /// Print a link that signs in to the console, once and for ten minutes
    #[command(after_help = "\
Examples:
  cloud console
  xdg-open \"$(cloud console)\"")]
    Console(console::Console),
    /// Print the completions for a shell
    #[command(after_help = "\
Examples:
  cloud completions bash > ~/.local/share/bash-completion/completions/cloud
  cloud completions zsh > ~/.zfunc/_cloud")]
    Completions(completions::Completions),
}

/// Does what the arguments say.
pub(crate) fn main() -> ExitCode {
    let Cli { dir, command } = Cli::parse();
    match command.run(dir) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                output::error(message);
            }
            failure.code()
        }
    }
}

impl Command {
    fn run(self, dir: Option<PathBuf>) -> Result<(), Failure> {
        match self {
            Self::Completions(command) => command.run(),
            Self::Exec(command) => command.run(dir),
            Self::Run(command) => command.run(&chosen(dir)?),
            Self::Enrol(command) => command.run(&operator(dir)?),
            Self::ConnectionString(command) => command.run(&operator(dir)?),
            Self::Devices(command) => command.run(&operator(dir)?),
            Self::Query(command) => command.run(&operator(dir)?),
            Self::Twin(command) => command.run(&operator(dir)?),
            Self::Set(command) => command.run(&operator(dir)?),
            Self::Tag(command) => command.run(&operator(dir)?),
            Self::Call(command) => command.run(&operator(dir)?),
            Self::Events(command) => command.run(&operator(dir)?),
            Self::Send(command) => command.run(&operator(dir)?),
            Self::Fault(command) => command.run(&operator(dir)?),
            Self::Load(command) => command.run(operator(dir)?),
            Self::Console(command) => command.run(&operator(dir)?),
        }
    }
}

fn chosen(dir: Option<PathBuf>) -> Result<CloudDir, Failure> {
    match dir {
        Some(path) => Ok(named(&path)?),
        None => Ok(CloudDir::of_user()?),
    }
}

/// With its whole path: programs that run elsewhere are told of it.
fn named(path: &Path) -> Result<CloudDir, Failure> {
    let whole = std::path::absolute(path);
    whole
        .map(CloudDir::new)
        .map_err(|error| Failure::settings(format!("cannot use {}: {error}", path.display())))
}

fn operator(dir: Option<PathBuf>) -> Result<Client, Failure> {
    Client::of(&chosen(dir)?)
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
