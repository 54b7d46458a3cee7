//! The command line.

mod component;
mod connecting;
mod help;
mod outbox;
mod parse;
mod retention;

use std::{
    env,
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ArgAction, Args, Parser, Subcommand};
use clap_complete::Shell;

pub use self::{
    component::{CacheArgs, CheckArgs, CompileArgs, LimitArgs, SandboxArgs, SettingArgs, WasiArg},
    connecting::ConnectArgs,
    outbox::{DeadLetterSelector, OutboxArgs},
    parse::parse,
    retention::{OutboxFullArg, RetentionArgs},
};
use crate::{output::LogFormat, swap::ProbationPolicy, units};

/// Headings of the options in `host --help`.
const COMPONENT: &str = "Component";
/// See [`COMPONENT`].
const CONNECTION: &str = "Provisioning and connection";
/// See [`COMPONENT`].
const STATE: &str = "State and outbox";
/// See [`COMPONENT`].
const SWAP: &str = "Swap";
/// See [`COMPONENT`].
const OBSERVABILITY: &str = "Observability";

/// Run an Azure IoT Plug and Play device whose behaviour is a WebAssembly component
#[derive(Debug, Parser)]
#[command(name = "host", version, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// The command; `None` runs a device.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of a device.
    #[command(flatten)]
    pub run: RunArgs,
    /// Options of the log.
    #[command(flatten)]
    pub log: LogArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show connection, outbox and component of a running host
    Status(InspectArgs),
    /// List queued messages and dead letters; retry or discard dead letters
    #[command(after_long_help = help::OUTBOX)]
    Outbox(OutboxArgs),
    /// Reconnect a running host now, without waiting for the backoff
    Reconnect(InspectArgs),
    /// Swap in a component and keep the device's state; roll back if it fails
    #[command(after_long_help = help::SWAP)]
    Swap(SwapArgs),
    /// Roll back to the previous version and cancel any pending swap
    Rollback(InspectArgs),
    /// List the swap history of a device
    History(InspectArgs),
    /// Show the persisted state of a device: record, timers, twin, hub
    State(InspectArgs),
    /// Check that a component fits this host, in a dry run without a hub
    #[command(after_long_help = help::CHECK)]
    Check(CheckArgs),
    /// Compile a component ahead of time, for a fast first start
    Compile(CompileArgs),
    /// Print shell completions
    #[command(after_long_help = help::COMPLETIONS)]
    Completions {
        /// Shell
        shell: Shell,
    },
}

/// Options of a device.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Component file to run
    #[arg(value_name = "COMPONENT")]
    file: Option<PathBuf>,
    /// Run this component file, like COMPONENT
    #[arg(
        long,
        value_name = "FILE",
        env = "HOST_COMPONENT",
        help_heading = COMPONENT,
        hide_short_help = true
    )]
    component: Option<PathBuf>,
    /// The component's settings.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// The sandbox.
    #[command(flatten)]
    pub sandbox: SandboxArgs,
    /// Swap in the component file whenever it changes
    ///
    /// Without it, SIGHUP and `host swap` swap in a component.
    #[arg(long, env = "HOST_WATCH", help_heading = SWAP)]
    pub watch: bool,
    /// Probation of a candidate.
    #[command(flatten)]
    pub probation: ProbationArgs,
    /// Policy of swaps.
    #[command(flatten)]
    pub swap_policy: SwapPolicyArgs,
    /// Report running version and last swap in the twin, as the Plug and Play component `host`
    #[arg(
        long,
        env = "HOST_REPORT_HOST",
        help_heading = SWAP,
        hide_short_help = true
    )]
    pub report_host: bool,
    /// Authenticate with DPS or connectionString
    ///
    /// Keys come from variables, see below.
    #[arg(
        long,
        value_name = "TYPE",
        env = "IOTHUB_DEVICE_SECURITY_TYPE",
        help_heading = CONNECTION,
        hide_short_help = true
    )]
    pub security_type: Option<String>,
    /// Provision with this Device Provisioning Service
    #[arg(
        long,
        value_name = "NAME[:PORT]",
        env = "IOTHUB_DEVICE_DPS_ENDPOINT",
        default_value = "global.azure-devices-provisioning.net",
        help_heading = CONNECTION,
        hide_short_help = true
    )]
    pub dps_endpoint: String,
    /// Provision in this ID scope
    #[arg(
        long,
        value_name = "SCOPE",
        env = "IOTHUB_DEVICE_DPS_ID_SCOPE",
        help_heading = CONNECTION,
        hide_short_help = true
    )]
    pub id_scope: Option<String>,
    /// Provision with this registration ID
    #[arg(
        long,
        value_name = "ID",
        env = "IOTHUB_DEVICE_DPS_DEVICE_ID",
        help_heading = CONNECTION,
        hide_short_help = true
    )]
    pub device_id: Option<String>,
    /// Trust this certificate authority (PEM) in addition to those of the system
    #[arg(
        long,
        value_name = "FILE",
        env = "HOST_CA",
        help_heading = CONNECTION,
        hide_short_help = true
    )]
    pub ca: Option<PathBuf>,
    /// The connection.
    #[command(flatten)]
    pub connect: ConnectArgs,
    /// The state.
    #[command(flatten)]
    pub state: StateArgs,
    /// The outbox.
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// Serve Prometheus metrics at http://ADDR/metrics
    ///
    /// An example is 127.0.0.1:9184. Metrics name device, hub and component to everyone who can reach the address.
    #[arg(
        long,
        value_name = "ADDR",
        env = "HOST_METRICS",
        help_heading = OBSERVABILITY
    )]
    pub metrics: Option<SocketAddr>,
}

impl RunArgs {
    /// Returns the component file: the argument, or else the option or variable.
    #[must_use]
    pub fn component(&self) -> Option<&PathBuf> {
        self.file.as_ref().or(self.component.as_ref())
    }
}

/// Policy of swaps.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = SWAP)]
pub struct SwapPolicyArgs {
    /// Start candidates without record, timers and applied properties of the previous version
    #[arg(long, env = "HOST_FRESH_STATE", hide_short_help = true)]
    pub fresh_state: bool,
    /// Accept candidates of another Plug and Play model; the device reconnects
    #[arg(long, env = "HOST_ALLOW_MODEL_CHANGE", hide_short_help = true)]
    pub allow_model_change: bool,
}

/// Probation of a candidate.
#[derive(Debug, Args)]
#[command(next_help_heading = SWAP)]
pub struct ProbationArgs {
    /// Set the minimum duration of probation
    #[arg(long, value_name = "DURATION", env = "HOST_PROBATION_TIME", default_value = "30s", value_parser = duration, hide_short_help = true)]
    pub probation_time: Duration,
    /// Set the minimum number of events on probation
    #[arg(
        long,
        value_name = "COUNT",
        env = "HOST_PROBATION_EVENTS",
        default_value = "10",
        hide_short_help = true
    )]
    pub probation_events: u32,
}

impl ProbationArgs {
    /// Returns the policy.
    #[must_use]
    pub fn probation(&self) -> ProbationPolicy {
        ProbationPolicy {
            time: self.probation_time,
            events: self.probation_events,
        }
    }
}

/// Options of `host swap`.
#[derive(Debug, Args)]
pub struct SwapArgs {
    /// Component file
    #[arg(value_name = "COMPONENT")]
    pub file: PathBuf,
    /// Swap in the component even if it is quarantined
    #[arg(long)]
    pub force: bool,
    /// Wait until the component is accepted or rolled back
    #[arg(long)]
    pub wait: bool,
    /// The device.
    #[command(flatten)]
    pub device: InspectArgs,
    /// Policy of the swap.
    #[command(flatten)]
    pub swap_policy: SwapPolicyArgs,
}

/// Options of the state.
#[derive(Debug, Args)]
#[command(next_help_heading = STATE)]
pub struct StateArgs {
    /// Store the device's state in this directory
    ///
    /// The default is ~/.local/state/pnp-host/ID. One host at a time uses a directory. In a directory of another user,
    /// or one that others can write to, such as a volume of Kubernetes, the state is in `pnp-host` beneath it.
    #[arg(long, value_name = "DIR", env = "HOST_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Keep the state in memory; it is lost when the process ends
    #[arg(long, env = "HOST_EPHEMERAL", conflicts_with = "state_dir")]
    pub ephemeral: bool,
}

/// Options that select a device.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// State directory of the device [default: ~/.local/state/pnp-host/ID]
    #[arg(long, value_name = "DIR", env = "HOST_STATE_DIR")]
    pub state_dir: Option<PathBuf>,
    /// Device ID; not needed if only one device has state
    #[arg(long, value_name = "ID", env = "IOTHUB_DEVICE_DPS_DEVICE_ID")]
    pub device_id: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of the log, which is written to standard error.
#[derive(Debug, Args)]
#[command(next_help_heading = OBSERVABILITY)]
pub struct LogArgs {
    /// Log more: -v info, -vv debug, -vvv trace
    ///
    /// By default, warnings and the lines of the component are logged, to standard error.
    #[arg(short, long, action = ArgAction::Count, env = "HOST_VERBOSE", global = true)]
    pub verbose: u8,
    /// Choose the format of the log
    #[arg(
        long,
        value_name = "FORMAT",
        env = "HOST_LOG_FORMAT",
        default_value = "text",
        global = true
    )]
    pub log_format: LogFormat,
}

/// Returns the completions for `shell`. They complete the name this program was started by, such as `pnp-host`.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let program = env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name();
    let name = name.map_or("host".into(), OsStr::to_string_lossy);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut help::command(), name, &mut script);
    script
}

fn duration(text: &str) -> Result<Duration, String> {
    units::parse_duration(text)
        .ok_or_else(|| "expected a duration such as 30s, 12h or 7d".to_owned())
}
