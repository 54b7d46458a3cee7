//! Options of the component: settings, limits and cache.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, ValueEnum};

use crate::guest::{LimitSetting, Limits, Wasi};

/// Settings of the component.
#[derive(Debug, Args)]
#[command(next_help_heading = super::COMPONENT)]
pub struct SettingArgs {
    /// Set a setting of the component; repeatable
    ///
    /// In the variable, separate settings with `;`.
    #[arg(long, value_name = "KEY=VALUE", env = "HOST_SET", value_delimiter = ';', value_parser = setting)]
    pub set: Vec<(String, String)>,
}

impl SettingArgs {
    /// Returns the settings in the order given.
    #[must_use]
    pub fn settings(&self) -> Arc<[(String, String)]> {
        self.set.iter().cloned().collect()
    }
}

/// Options of the sandbox.
#[derive(Debug, Args)]
#[command(next_help_heading = super::COMPONENT)]
pub struct SandboxArgs {
    /// Choose whether components may import WASI
    #[arg(
        long,
        value_name = "POLICY",
        env = "HOST_WASI",
        default_value = "log-only",
        hide_short_help = true
    )]
    pub wasi: WasiArg,
    /// The limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The cache.
    #[command(flatten)]
    pub cache: CacheArgs,
}

/// The policy for components that import WASI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WasiArg {
    /// Provide WASI without files, network and environment; output goes to the log
    LogOnly,
    /// Reject components that import WASI
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

/// Limits of the component.
#[derive(Debug, Args)]
#[command(next_help_heading = super::COMPONENT)]
pub struct LimitArgs {
    /// Set a limit of the component, such as memory=32MiB or cpu=500ms; repeatable
    ///
    /// `host check --limits` lists all limits. In the variable, separate limits with `;`.
    #[arg(
        long = "limit",
        value_name = "NAME=VALUE",
        env = "HOST_LIMIT",
        value_delimiter = ';',
        hide_short_help = true
    )]
    pub settings: Vec<LimitSetting>,
}

impl LimitArgs {
    /// Returns the limits: the defaults with the settings applied.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits::set(&self.settings)
    }
}

/// Options of the cache of compiled components.
#[derive(Debug, Args)]
#[command(next_help_heading = super::COMPONENT)]
pub struct CacheArgs {
    /// Store compiled components in this directory, or in `pnp-host` beneath it if others can write to it [default:
    /// ~/.cache/pnp-host]
    #[arg(
        long,
        value_name = "DIR",
        env = "HOST_CACHE_DIR",
        hide_short_help = true
    )]
    pub cache_dir: Option<PathBuf>,
}

/// Options of `host check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Component file, or `-` for standard input
    #[arg(value_name = "COMPONENT")]
    pub file: PathBuf,
    /// Run with the lowest priority
    #[arg(long, env = "HOST_BACKGROUND")]
    pub background: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Handle this number of events, such as 5000, so that leaks and late failures show
    ///
    /// The component's timers fire on the virtual clock. If none is due, the rest are calls of an unknown command.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub events: Option<u64>,
    /// Print the limits even if a check fails
    #[arg(long = "limits")]
    pub with_limits: bool,
    /// The settings.
    #[command(flatten)]
    pub settings: SettingArgs,
    /// The sandbox.
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// Options of `host compile`.
#[derive(Debug, Args)]
pub struct CompileArgs {
    /// Component file, or `-` for standard input
    #[arg(value_name = "COMPONENT")]
    pub file: PathBuf,
    /// Run with the lowest priority
    #[arg(long, env = "HOST_BACKGROUND")]
    pub background: bool,
    /// Write the compiled component to standard output
    #[arg(long, hide = true)]
    pub stdout: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "stdout")]
    pub json: bool,
    /// The limits.
    #[command(flatten)]
    pub limits: LimitArgs,
    /// The cache.
    #[command(flatten)]
    pub cache: CacheArgs,
}

fn setting(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
