//! Standard output and standard error.

use std::{
    io::{self, Write, stderr, stdout},
    time::{Duration, Instant},
};

use anyhow::Context;
use clap::ValueEnum;
use jiff::Timestamp;
use lossy_writer::{LossyWriter, dropped_lines};

/// The time for the last lines of a device, so that a blocked stream does not hold up its end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    Text,
    /// One JSON object per line
    Json,
}

/// The streams of a device, which nothing waits for.
#[derive(Clone, Debug)]
pub(crate) struct DeviceOutput {
    /// Device events.
    pub(crate) stdout: LossyWriter,
    /// The log.
    pub(crate) stderr: LossyWriter,
}

impl DeviceOutput {
    /// Starts the threads that write.
    ///
    /// # Errors
    /// The process has too many open files or threads.
    pub(crate) fn start(log_format: LogFormat) -> io::Result<Self> {
        let log_notice = match log_format {
            LogFormat::Text => text_notice,
            LogFormat::Json => json_notice,
        };
        Ok(Self {
            stdout: LossyWriter::stdout(|dropped| dropped_lines(dropped) + "\n")?,
            stderr: LossyWriter::stderr(log_notice)?,
        })
    }

    /// Returns the number of dropped lines by stream.
    pub(crate) fn dropped(&self) -> [(&'static str, u64); 2] {
        [
            ("stdout", self.stdout.dropped()),
            ("stderr", self.stderr.dropped()),
        ]
    }

    /// Writes the last lines, for as long as a stream takes them in reasonable time.
    pub(crate) fn flush(&self) {
        let deadline = Instant::now() + FLUSH_TIMEOUT;
        self.stdout.flush_until(deadline);
        self.stderr.flush_until(deadline);
    }
}

fn text_notice(dropped: u64) -> String {
    let (now, dropped) = (Timestamp::now(), dropped_lines(dropped));
    format!("{now:.6}  WARN host: {dropped}: standard error was full, closed or not read\n")
}

fn json_notice(dropped: u64) -> String {
    let notice = serde_json::json!({
        "timestamp": format!("{:.6}", Timestamp::now()),
        "level": "WARN",
        "message": "lines dropped: standard error was full, closed or not read",
        "dropped": dropped,
        "target": "host",
    });
    format!("{notice}\n")
}

/// The standard error of a command. It blocks, but never fails.
pub(crate) struct CommandStderr;

impl Write for CommandStderr {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let _ = stderr().write_all(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Prints the result of a command. A closed pipe is no error.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn print(result: &[u8]) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match out.write_all(result).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write the result")
        }
        _ => Ok(()),
    }
}

/// Prints a line on standard error. A closed pipe is no error.
pub(crate) fn print_note(line: &str) {
    let _ = writeln!(stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_a_line_of_the_log_format() {
        let text = text_notice(1);
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.parse::<Timestamp>().is_ok(), "{text}");
        assert_eq!(
            rest,
            " WARN host: 1 line dropped: standard error was full, closed or not read\n"
        );
        let json: serde_json::Value = serde_json::from_str(&json_notice(7)).unwrap();
        assert_eq!(json["dropped"], 7);
        assert!(json_notice(7).ends_with("}\n"));
    }
}
