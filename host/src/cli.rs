//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  Run the thermostat against Azure, as Microsoft's samples are run:
    export IOTHUB_DEVICE_SECURITY_TYPE=DPS
    export IOTHUB_DEVICE_DPS_ID_SCOPE=0ne00000000
    export IOTHUB_DEVICE_DPS_DEVICE_ID=thermostat-01
    export IOTHUB_DEVICE_DPS_DEVICE_KEY=...   (not on the command line, where `ps` shows it)
    host --component thermostat.wasm

  With a connection string:
    export IOTHUB_DEVICE_SECURITY_TYPE=connectionString
    export IOTHUB_DEVICE_CONNECTION_STRING='HostName=...;DeviceId=...;SharedAccessKey=...'
    host --component thermostat.wasm

  Against the local cloud, with a measurement every second:
    cloud exec -- host --component thermostat.wasm --telemetry-interval 1s

Keys come from the environment only:
  IOTHUB_DEVICE_DPS_DEVICE_KEY      the device's own key, base64
  IOTHUB_DEVICE_DPS_GROUP_KEY       instead, the key of its enrolment group
  IOTHUB_DEVICE_CONNECTION_STRING   with security type connectionString
  SSL_CERT_FILE                     trust roots (PEM) instead of the system's

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
    /// A setting for the component; may be given several times. In the variable, separate them with `;`.
    #[arg(long, value_name = "KEY=VALUE", env = "HOST_SET", value_delimiter = ';', value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Time between measurements, such as 500ms, 8s or 2m; short for --set telemetry-interval=…
    #[arg(long, value_name = "TIME", env = "HOST_TELEMETRY_INTERVAL")]
    pub telemetry_interval: Option<String>,
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
    /// Whether a component may import WASI. There is nothing behind it but a log.
    #[arg(
        long,
        value_name = "WHAT",
        env = "HOST_WASI",
        default_value = "log-only"
    )]
    pub wasi: WasiArg,
    /// Where compiled components are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Where compiled components are kept.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// Directory of compiled components [default: the user's cache directory].
    #[arg(long, value_name = "DIR", env = "HOST_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
}

/// What to compile.
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// The component.
    pub file: PathBuf,
    /// Where compiled components are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
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

/// Whether a component may import WASI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WasiArg {
    /// It may; what it prints goes to the log.
    LogOnly,
    /// It may not.
    None,
}

/// The completions for `shell`.
#[must_use]
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "host", &mut script);
    script
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
            cli.run.set,
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
