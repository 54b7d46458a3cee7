//! Standard output and standard error of a component.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use super::{bindings::pnp::device::log::Level, last_words::LastWords, log_budget::LogBudget};

/// The size limit of one write and of one line, in bytes.
const MAX_WRITE: usize = 64 << 10;

/// A stream that writes lines to the log. Always ready: excess lines are dropped there. Clones are the same stream.
#[derive(Clone)]
pub(super) struct LogStream(Arc<Mutex<Lines>>);

struct Lines {
    log: Arc<Mutex<LogBudget>>,
    level: Level,
    /// The line begun.
    line: Vec<u8>,
    last_words: LastWords,
}

impl LogStream {
    pub(super) fn new(log: &Arc<Mutex<LogBudget>>, level: Level) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            log: log.clone(),
            level,
            line: Vec::new(),
            last_words: LastWords::default(),
        })))
    }

    /// Forgets the last words, because a new call begins.
    pub(super) fn begin_call(&self) {
        let mut lines = self.lines();
        lines.end_line();
        lines.last_words.clear();
    }

    /// Ends the line begun, because the instance has ended, and returns the last words of the call.
    pub(super) fn end(&self) -> Option<String> {
        let mut lines = self.lines();
        lines.end_line();
        lines.last_words.text()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn push(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() > MAX_WRITE {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let text = String::from_utf8_lossy(&self.line);
        if !text.trim().is_empty() {
            self.log
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .write(self.level, &text);
            self.last_words.push(&text);
        }
        self.line.clear();
    }
}

/// An instance may end at any time; the line it has begun is written then.
impl Drop for Lines {
    fn drop(&mut self) {
        self.end_line();
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lines().push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl AsyncWrite for LogStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.lines().push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
