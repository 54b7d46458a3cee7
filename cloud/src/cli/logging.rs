//! The output of a running cloud: the log on standard error, at level `warn` unless `RUST_LOG` says otherwise.

use std::{
    io::{self, IsTerminal},
    panic, thread,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use lossy_writer::{LossyWriter, dropped_lines};
use tracing_subscriber::EnvFilter;

use super::{command_error::CommandError, output};

/// The time for the last lines, so that a blocked stream does not hold up the end of the cloud.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The streams of a running cloud, which nothing waits for.
pub(crate) struct CloudOutput {
    stdout: LossyWriter,
    stderr: LossyWriter,
}

impl CloudOutput {
    /// Starts the threads that write, and the log. Panics are logged.
    pub(crate) fn start() -> Result<Self, CommandError> {
        let cannot_start = |error| CommandError::request(format!("cannot start: {error}"));
        let stdout = LossyWriter::stdout(|dropped| dropped_lines(dropped) + "\n");
        let stderr = LossyWriter::stderr(log_notice).map_err(cannot_start)?;
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
        let log = stderr.clone();
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(move || log.clone())
            // They would be printed to standard error, which panics if that fails.
            .log_internal_errors(false)
            .with_ansi(io::stderr().is_terminal())
            .init();
        panic::set_hook(Box::new(|panic| {
            let thread = thread::current();
            let thread = thread.name().unwrap_or("unnamed");
            tracing::error!(%panic, thread, "thread failed");
        }));
        let stdout = stdout.map_err(cannot_start)?;
        Ok(Self { stdout, stderr })
    }

    /// Prints a line on standard output, with control characters escaped.
    pub(crate) fn line(&self, text: &str) {
        self.stdout.line(&output::printable(text));
    }

    /// Prints the error of a result, and writes the last lines.
    pub(crate) fn end(self, result: Result<(), CommandError>) -> Result<(), CommandError> {
        if let Some(message) = result.as_ref().err().and_then(CommandError::message) {
            self.stderr.line(&output::error_line(message));
        }
        self.flush();
        result.map_err(|error| CommandError::Exit(error.number()))
    }

    /// Writes the last lines, for as long as a stream takes them in reasonable time.
    pub(crate) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        self.stdout.flush_until(deadline);
        self.stderr.flush_until(deadline);
    }
}

fn log_notice(dropped: u64) -> String {
    let (now, dropped) = (Timestamp::now(), dropped_lines(dropped));
    format!("{now:.6}  WARN cloud: {dropped}: standard error was full, closed or not read\n")
}
