//! Lines to a stream that may be full, closed or unread.
//!
//! A program that serves devices must not stop because nobody reads its log. So a thread writes to the stream, and nobody
//! waits for it. Lines beyond the capacity are dropped, and lines whose write fails; a notice tells how many.
//!
//! `tracing-appender` does much of this, but prints to standard error when it cannot end in time, which blocks if that is
//! the stream nobody reads.

#![deny(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

#[cfg(test)]
mod tests;
mod thread;

use std::{
    fs::File,
    io::{self, Write},
    mem,
    os::fd::AsFd,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use thread::WriterThread;

/// The bytes of lines that wait: a second of the log lines a component may write by default, and some. As much again may be
/// in the write that blocks.
const CAPACITY: usize = 1 << 20;

/// A writer of whole lines, in order. Clones write to the same stream; the thread ends after the last one.
#[derive(Clone, Debug)]
pub struct LossyWriter(Arc<Handle>);

#[derive(Debug)]
struct Handle(Arc<Queue>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.state().is_closed = true;
        self.0.changed.notify_all();
    }
}

/// Formats the notice of dropped lines, with its line end.
pub type Notice = fn(u64) -> String;

/// Words the number of dropped lines.
#[must_use]
pub fn dropped_lines(dropped: u64) -> String {
    match dropped {
        1 => "1 line dropped".to_owned(),
        _ => format!("{dropped} lines dropped"),
    }
}

impl LossyWriter {
    /// Writes to standard output, on a thread named `stdout`.
    ///
    /// # Errors
    /// The process has too many open files or threads.
    pub fn stdout(notice: Notice) -> io::Result<Self> {
        Self::spawn("stdout", duplicate(&io::stdout())?, notice)
    }

    /// Writes to standard error, on a thread named `stderr`.
    ///
    /// # Errors
    /// The process has too many open files or threads.
    pub fn stderr(notice: Notice) -> io::Result<Self> {
        Self::spawn("stderr", duplicate(&io::stderr())?, notice)
    }

    /// Writes to `stream`, on a thread of this name.
    ///
    /// # Errors
    /// The process has too many threads.
    pub fn spawn(
        name: &str,
        stream: impl Write + Send + 'static,
        notice: Notice,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let thread = WriterThread::new(queue.clone(), stream, notice);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || thread.run())?;
        Ok(Self(Arc::new(Handle(queue))))
    }

    /// Queues a line, given without its end.
    pub fn line(&self, line: &str) {
        self.push(&[line.as_bytes(), b"\n"]);
    }

    /// Returns the number of lines dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.0.0.state().dropped
    }

    /// Waits until everything is written or has failed. Returns false if that is not so by the deadline.
    pub fn flush_until(&self, deadline: Instant) -> bool {
        let queue = &*self.0.0;
        let mut state = queue.state();
        while !state.is_idle() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = queue.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn push(&self, parts: &[&[u8]]) {
        let queue = &*self.0.0;
        let mut state = queue.state();
        let length: usize = parts.iter().map(|part| part.len()).sum();
        // Once a line is dropped, a shorter one must not overtake it.
        if state.overflow > 0 || state.pending.len() + length > CAPACITY {
            let lines = parts.iter().map(|part| count_lines(part)).sum::<u64>();
            state.overflow += lines;
            state.dropped += lines;
            return;
        }
        parts
            .iter()
            .for_each(|part| state.pending.extend_from_slice(part));
        queue.changed.notify_all();
    }
}

/// Each write is to hold whole lines. It always succeeds.
impl Write for LossyWriter {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.push(&[lines]);
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns another descriptor of a stream: the thread must not hold the lock of Rust's own while it is blocked.
fn duplicate(stream: &impl AsFd) -> io::Result<File> {
    Ok(stream.as_fd().try_clone_to_owned()?.into())
}

fn count_lines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

/// The lines between the program and the thread.
#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<u8>,
    /// Lines dropped since `pending` was full, and so after it.
    overflow: u64,
    /// Lines dropped in total.
    dropped: u64,
    /// True while the thread writes.
    is_writing: bool,
    is_closed: bool,
}

impl State {
    fn is_idle(&self) -> bool {
        !self.is_writing && self.pending.is_empty() && self.overflow == 0
    }
}

/// Lines that are written together.
struct Batch {
    lines: Vec<u8>,
    /// Lines dropped after these.
    overflow: u64,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lines that wait. Waits for some unless `at_once`. Returns `None` if there will be none.
    fn take(&self, at_once: bool) -> Option<Batch> {
        let mut state = self.state();
        loop {
            if at_once || !state.pending.is_empty() || state.overflow > 0 {
                state.is_writing = true;
                return Some(Batch {
                    lines: mem::take(&mut state.pending),
                    overflow: mem::take(&mut state.overflow),
                });
            }
            state.is_writing = false;
            self.changed.notify_all();
            if state.is_closed {
                return None;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }
}
