//! The log, on standard error.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::cli::{LogArgs, LogFormat};

/// Begins to log. Other crates never log below `info`: what they say in detail may hold tokens.
pub(crate) fn start(args: &LogArgs) {
    let levels = match args.verbose {
        0 => "warn,component=info,connection=info",
        1 => "info",
        2 => "info,host=debug,component=debug,connection=debug",
        _ => "info,host=trace,component=trace,connection=trace",
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(levels))
        .with_writer(stderr);
    // A second start in one process keeps the first log.
    let _ = match args.log_format {
        LogFormat::Text => {
            let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(colour).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
