//! Options about a component: its settings, and what it may take and do.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};

use super::setting;
use crate::guest::{LimitSetting, Limits, Wasi};

/// A component's settings.
#[derive(Debug, Args)]
pub struct SettingArgs {
    /// A setting for the component; may be given several times. In the variable, separate them with `;`.
    #[arg(long, value_name = "KEY=VALUE", env = "HOST_SET", value_delimiter = ';', value_parser = setting)]
    pub set: Vec<(String, String)>,
    /// Time between measurements, such as 500ms, 8s or 2m; short for --set telemetry-interval=…
    #[arg(long, value_name = "TIME", env = "HOST_TELEMETRY_INTERVAL")]
    pub telemetry_interval: Option<String>,
}

impl SettingArgs {
    /// The settings in the order given, the short forms last, so that they count.
    #[must_use]
    pub fn settings(&self) -> Arc<[(String, String)]> {
        let interval = self
            .telemetry_interval
            .iter()
            .map(|time| ("telemetry-interval".to_owned(), time.clone()));
        self.set.iter().cloned().chain(interval).collect()
    }
}

/// Where a component runs.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Whether a component may import WASI. There is nothing behind it but a log.
    #[arg(
        long,
        value_name = "WHAT",
        env = "HOST_WASI",
        default_value = "log-only"
    )]
    pub wasi: WasiArg,
    /// What a component may take.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Where compiled components are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Whether a component may import WASI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WasiArg {
    /// It may; what it prints goes to the log.
    LogOnly,
    /// It may not.
    None,
}

impl From<WasiArg> for Wasi {
    fn from(wasi: WasiArg) -> Self {
        match wasi {
            WasiArg::LogOnly => Self::LogOnly,
            WasiArg::None => Self::None,
        }
    }
}

/// What a component may take.
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// A limit on the component, such as memory=32MiB, cpu=500ms or timers=10; may be given several times. `host check`
    /// lists them all. In the variable, separate them with `;`.
    #[arg(
        long = "limit",
        value_name = "NAME=VALUE",
        env = "HOST_LIMIT",
        value_delimiter = ';'
    )]
    pub settings: Vec<LimitSetting>,
}

impl LimitArgs {
    /// The defaults, but for what is set.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::set(&self.settings)
    }
}

/// Where compiled components are kept.
#[derive(Debug, Args)]
pub struct CacheArgs {
    /// Directory of compiled components [default: the user's cache directory].
    #[arg(long, value_name = "DIR", env = "HOST_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,
}

/// What to check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The component; `-` for standard input.
    pub file: PathBuf,
    /// Give way to whatever else runs on this machine.
    #[arg(long, env = "HOST_BACKGROUND")]
    pub background: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
    /// The component's settings.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// Where the component runs.
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// What to compile.
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// The component; `-` for standard input.
    pub file: PathBuf,
    /// Give way to whatever else runs on this machine.
    #[arg(long, env = "HOST_BACKGROUND")]
    pub background: bool,
    /// What a component may take.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Where compiled components are kept.
    #[command(flatten)]
    pub cache: CacheArgs,
}
