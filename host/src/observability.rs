//! The log, on standard error.

use std::{
    fmt::{self, Debug},
    io::{self, IsTerminal, Write, stderr},
};

use tracing::field::Field;
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt,
    fmt::{
        MakeWriter,
        format::{FormatFields, Writer, debug_fn},
    },
};

use crate::{
    cli::LogArgs,
    output::LogFormat,
    text::{one_line, safe_json},
};

/// Starts the log, written to `writer`, which must not fail. Other crates never log below `info`: their details may contain tokens.
pub(crate) fn start(
    args: &LogArgs,
    writer: impl for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
) {
    let levels = match args.verbose {
        0 => "warn,compilation=info,component=info,connection=info",
        1 => "info",
        2 => "info,host=debug,component=debug,connection=debug",
        _ => "info,host=trace,component=trace,connection=trace",
    };
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(levels))
        .with_writer(writer)
        // It would be printed to standard error, which panics if that fails.
        .log_internal_errors(false);
    // A second start in one process keeps the first log.
    let _ = match args.log_format {
        LogFormat::Text => {
            let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            builder.with_ansi(colour).fmt_fields(fields()).try_init()
        }
        LogFormat::Json => builder
            .map_writer(SafeJson)
            .json()
            .flatten_event(true)
            .try_init(),
    };
}

/// Writers of JSON, in which characters that control a terminal or reorder text are escaped.
struct SafeJson<W>(W);

impl<'writer, M: MakeWriter<'writer>> MakeWriter<'writer> for SafeJson<M> {
    type Writer = SafeJson<M::Writer>;

    fn make_writer(&'writer self) -> Self::Writer {
        SafeJson(self.0.make_writer())
    }
}

impl<W: Write> Write for SafeJson<W> {
    /// Writes one event, which is one call.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        match str::from_utf8(event) {
            Ok(text) => self.0.write_all(safe_json(text).as_bytes())?,
            Err(_) => self.0.write_all(event)?,
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Formats an event on one line, with control characters escaped: text of a component or the cloud could otherwise forge
/// another line, or move the cursor.
fn fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    debug_fn(
        |writer: &mut Writer<'_>, field: &Field, value: &dyn Debug| -> fmt::Result {
            let value = one_line(&format!("{value:?}"));
            match field.name() {
                "message" => write!(writer, "{value}"),
                name => write!(writer, "{name}={value}"),
            }
        },
    )
    .delimited(" ")
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct LogBuffer(Arc<Mutex<Vec<u8>>>);

    impl Write for LogBuffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_event_as_json_has_nothing_that_reorders_it() {
        let written = LogBuffer::default();
        let to = written.clone();
        let log = tracing_subscriber::fmt()
            .with_writer(move || to.clone())
            .map_writer(SafeJson)
            .json()
            .flatten_event(true)
            .finish();
        let reordered = "all\u{202e}well\u{9b}2J";
        tracing::subscriber::with_default(log, || tracing::error!(failure = reordered, "it said"));
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(!text.contains(['\u{202e}', '\u{9b}']), "{text}");
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["failure"], reordered);
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let written = LogBuffer::default();
        let to = written.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            .fmt_fields(fields())
            .with_writer(move || to.clone())
            .finish();
        let forged = "no\r\n2026-01-01T00:00:00Z ERROR host: all is lost \u{1b}[2J";
        tracing::subscriber::with_default(log, || {
            tracing::error!(failure = %forged, reason = forged, count = 2, "it said {forged}");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line = text.strip_suffix('\n').expect("a line");
        assert!(!line.contains(char::is_control), "{line:?}");
        for words in [r" it said no\r\n2026", r" failure=no\r\n2026", " count=2"] {
            assert!(line.contains(words), "{line}");
        }
    }
}
