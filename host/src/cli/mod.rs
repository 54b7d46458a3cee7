//! The command line.

mod component;
mod connecting;
mod outbox;
mod retention;

use std::{
    env,
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use self::{
    component::{CacheArgs, CheckArgs, CompileArgs, LimitArgs, SandboxArgs, SettingArgs, WasiArg},
    connecting::ConnectArgs,
    outbox::{DeadLetterSelector, OutboxArgs},
    retention::{OutboxFullArg, RetentionArgs},
};
use crate::{swap::ProbationPolicy, units};

const EXAMPLES: &str = "\
Examples:
  Run the thermostat against Azure, as Microsoft's samples are run:
    export IOTHUB_DEVICE_SECURITY_TYPE=DPS
    export IOTHUB_DEVICE_DPS_ID_SCOPE=0ne00000000
    export IOTHUB_DEVICE_DPS_DEVICE_ID=thermostat-01
    export IOTHUB_DEVICE_DPS_DEVICE_KEY=...   (not on the command line, where `ps` shows it)
    host --component thermostat.wasm

  With the key in a file, as containers and systemd have it:
    export IOTHUB_DEVICE_DPS_DEVICE_KEY_FILE=/run/secrets/device-key

  With a connection string:
    export IOTHUB_DEVICE_SECURITY_TYPE=connectionString
    export IOTHUB_DEVICE_CONNECTION_STRING='HostName=...;DeviceId=...;SharedAccessKey=...'
    host --component thermostat.wasm

  What it has still to send, while it runs or afterwards:
    host outbox --device-id thermostat-01

  What could not be delivered, once more, and what is not worth it:
    host outbox --retry all
    host outbox --discard 3

  Why it is not connected, and what happens next; and not to wait for the next try:
    host status
    host reconnect

  Develop its logic while it runs: each build takes over within a second
    host --component target/thermostat.wasm --watch
    host swap thermostat-2.wasm && host status
    host rollback && host history

  Against the local cloud, with a measurement every second:
    cloud exec -- host --component thermostat.wasm --telemetry-interval 1s

  What a component is, whether it fits, and the limits it runs under, which --limit changes:
    host check thermostat.wasm
    host check thermostat.wasm --set telemetry-interval=1s --limit memory=32MiB --json

Keys come from the environment, or from files it names; never from the command line:
  IOTHUB_DEVICE_DPS_DEVICE_KEY      the device's own key, base64
  IOTHUB_DEVICE_DPS_GROUP_KEY       instead, the key of its enrollment group
  IOTHUB_DEVICE_CONNECTION_STRING   with security type connectionString
  each of them with _FILE           instead, a file that holds it, such as /run/secrets/device-key

What else comes from the environment:
  SSL_CERT_FILE                     trust roots (PEM) instead of the system's
  NOTIFY_SOCKET, WATCHDOG_USEC      set by a service manager, which is told how things stand

Exit codes:
  0  ended as asked (q, Ctrl-C, SIGTERM)
  1  something in this program or machine failed
  2  settings, key or component cannot be used
  3  the cloud refuses the device";

/// Runs an Azure IoT Plug and Play device whose behaviour is a WebAssembly component.
#[derive(Debug, Parser)]
#[command(name = "host", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; without a command a device is run.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to run a device.
    #[command(flatten)]
    pub run: RunArgs,
    /// What is logged.
    #[command(flatten)]
    pub log: LogArgs,
}

/// What else the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what a device has still to send, and what is set aside because it could not be delivered. Works while its host
    /// runs; what the hub has acknowledged since the device's last change may still be listed.
    Outbox(OutboxArgs),
    /// Show what a device remembers: record, timers, twin, hub. Works while its host runs.
    State(InspectArgs),
    /// Replace the component of a running host, which stays connected: FILE takes over with the state there is, and is gone
    /// back on if it fails. Ends with status 1 if it does not take over.
    Swap(SwapArgs),
    /// Let a running host go back to the version before, and give up the one it prepares.
    Rollback(InspectArgs),
    /// Show how things stand with a running host.
    Status(InspectArgs),
    /// Let a running host connect now: its pause before the next try ends, or the connection it has is replaced.
    Reconnect(InspectArgs),
    /// List what became of a device's versions. Works while its host runs and afterwards.
    History(InspectArgs),
    /// Say what a component is and whether it fits this host: it is loaded, started, tried out on a virtual clock and never
    /// connected. Ends with status 1 if a check fails.
    Check(CheckArgs),
    /// Compile a component ahead of time, so that its first start is as fast as later ones.
    Compile(CompileArgs),
    /// Print shell completions: `host completions bash > ~/.local/share/bash-completion/completions/host`.
    Completions {
        /// The shell to complete for.
        shell: Shell,
    },
}

/// How to run a device.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The component that is the device's behaviour; needed to run a device.
    #[arg(long, value_name = "FILE", env = "HOST_COMPONENT")]
    pub component: Option<PathBuf>,
    /// The component's settings.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Let the component's file take over whenever it changes. Without it, SIGHUP and `host swap` do.
    #[arg(long, env = "HOST_WATCH")]
    pub watch: bool,
    /// Report on the twin which version runs and what became of the last swap, as the Plug and Play component `host`.
    #[arg(long, env = "HOST_REPORT_HOST")]
    pub report_host: bool,
    /// What a new version may do without.
    #[command(flatten)]
    pub take: SwapPolicyArgs,
    /// How long a new version is on probation.
    #[command(flatten)]
    pub probation: ProbationArgs,
    /// How the device proves who it is: DPS or connectionString.
    #[arg(long, value_name = "TYPE", env = "IOTHUB_DEVICE_SECURITY_TYPE")]
    pub security_type: Option<String>,
    /// The provisioning service, NAME or NAME:PORT.
    #[arg(
        long,
        value_name = "NAME",
        env = "IOTHUB_DEVICE_DPS_ENDPOINT",
        default_value = "global.azure-devices-provisioning.net"
    )]
    pub dps_endpoint: String,
    /// The id scope of the provisioning service.
    #[arg(long, value_name = "SCOPE", env = "IOTHUB_DEVICE_DPS_ID_SCOPE")]
    pub id_scope: Option<String>,
    /// The device's registration id.
    #[arg(long, value_name = "ID", env = "IOTHUB_DEVICE_DPS_DEVICE_ID")]
    pub device_id: Option<String>,
    /// A certificate authority (PEM) to trust beside the usual ones.
    #[arg(long, value_name = "FILE", env = "HOST_CA")]
    pub ca: Option<PathBuf>,
    /// How the device connects.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// Offer metrics for Prometheus at http://ADDR/metrics, such as 127.0.0.1:9184. They tell the device's name, its hub and
    /// its component, to whoever can reach that address.
    #[arg(long, value_name = "ADDR", env = "HOST_METRICS")]
    pub metrics: Option<SocketAddr>,
    /// Where the component runs.
    #[command(flatten)]
    pub sandbox: SandboxArgs,
    /// Where the device's state is kept.
    #[command(flatten)]
    pub state: StateArgs,
    /// What is kept of what cannot be sent.
    #[command(flatten)]
    pub retention: RetentionArgs,
}

/// What a new version may do without.
#[derive(Clone, Copy, Debug, Args)]
pub struct SwapPolicyArgs {
    /// Let a new version begin without the record, timers and applied properties of the one before.
    #[arg(long, env = "HOST_FRESH_STATE")]
    pub fresh_state: bool,
    /// Take a new version even if it announces another Plug and Play model; the device connects anew then.
    #[arg(long, env = "HOST_ALLOW_MODEL_CHANGE")]
    pub allow_model_change: bool,
}

/// How long a new version is on probation. It is gone back on if it is stopped or returns three errors in a row.
#[derive(Debug, Args)]
pub struct ProbationArgs {
    /// Shortest time until a new version is accepted.
    #[arg(long, value_name = "TIME", env = "HOST_PROBATION_TIME", default_value = "30s", value_parser = any_time)]
    pub probation_time: Duration,
    /// Fewest events it must have handled.
    #[arg(
        long,
        value_name = "NUMBER",
        env = "HOST_PROBATION_EVENTS",
        default_value = "10"
    )]
    pub probation_events: u32,
}

/// Which component is to take over.
#[derive(Debug, Args)]
pub struct SwapArgs {
    /// The component.
    pub file: PathBuf,
    /// Take it even if it was withdrawn before.
    #[arg(long)]
    pub force: bool,
    /// What it may do without.
    #[command(flatten)]
    pub take: SwapPolicyArgs,
    /// Wait until it is accepted or rolled back, and not only until it has taken over.
    #[arg(long)]
    pub wait: bool,
    /// In which host.
    #[command(flatten)]
    pub device: InspectArgs,
}

/// Where the device's state is kept.
#[derive(Debug, Args)]
pub struct StateArgs {
    /// Directory of the device's state, for one host at a time [default: one for each device id in the user's state
    /// directory].
    #[arg(long, value_name = "DIR", env = "HOST_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Keep the state in memory: it ends with the process.
    #[arg(long, env = "HOST_EPHEMERAL", conflicts_with = "state_dir")]
    pub ephemeral: bool,
}

impl ProbationArgs {
    /// What they come to.
    #[must_use]
    pub fn probation(&self) -> ProbationPolicy {
        ProbationPolicy {
            time: self.probation_time,
            events: self.probation_events,
        }
    }
}

/// Whose state to show.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// Directory of the state [default: that of the device id].
    #[arg(long, value_name = "DIR", env = "HOST_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// The device's id; not needed if only one device has state.
    #[arg(long, value_name = "ID", env = "IOTHUB_DEVICE_DPS_DEVICE_ID")]
    pub device_id: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is logged, on standard error.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Log more than warnings and what the component says: -v what happens, -vv how, -vvv everything.
    #[arg(short, long, action = ArgAction::Count, env = "HOST_VERBOSE", global = true)]
    pub verbose: u8,
    /// Form of the log.
    #[arg(
        long,
        value_name = "FORM",
        env = "HOST_LOG_FORMAT",
        default_value = "text",
        global = true
    )]
    pub log_format: LogFormat,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Returns the completions for `shell`. They complete the name this program was started by, such as `pnp-host`.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let program = env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name();
    let name = name.map_or("host".into(), OsStr::to_string_lossy);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), name, &mut script);
    script
}

fn any_time(text: &str) -> Result<Duration, String> {
    units::parse_duration(text)
        .ok_or_else(|| "write it such as 30s, 12h or 7d, not below nothing".to_owned())
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn settings_keep_their_order_and_may_hold_an_equals_sign() {
        let cli =
            Cli::try_parse_from(["host", "--component", "c", "--set", "a=1", "--set", "b=x=y"])
                .unwrap();
        assert_eq!(
            cli.run.settings.set,
            [("a".into(), "1".into()), ("b".into(), "x=y".into())]
        );
        assert!(Cli::try_parse_from(["host", "--set", "novalue"]).is_err());
    }

    #[test]
    fn no_option_takes_a_key() {
        let command = Cli::command();
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
