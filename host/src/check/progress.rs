//! The progress of a long dry run, for a person at a terminal.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

/// The time between two updates.
const UPDATE: Duration = Duration::from_millis(200);

/// A line on a terminal that shows the events handled; nothing anywhere else. Dropping it removes the line.
pub(super) struct EventProgress {
    events: u64,
    is_terminal: bool,
    /// The time of the last update.
    shown: Instant,
    is_shown: bool,
}

impl EventProgress {
    /// Starts the progress towards this number of events.
    pub(super) fn new(events: u64) -> Self {
        Self {
            events,
            is_terminal: stderr().is_terminal(),
            shown: Instant::now(),
            is_shown: false,
        }
    }

    /// Shows that so many events have been handled by this virtual time.
    pub(super) fn handled(&mut self, events: u64, elapsed: Duration) {
        if !self.is_terminal || self.shown.elapsed() < UPDATE {
            return;
        }
        self.shown = Instant::now();
        self.is_shown = true;
        print(&format!(
            "\r{events} of {} events, {} s of virtual time\u{1b}[K",
            self.events,
            elapsed.as_secs()
        ));
    }
}

impl Drop for EventProgress {
    fn drop(&mut self) {
        if self.is_shown {
            print("\r\u{1b}[K");
        }
    }
}

/// Prints to standard error; a closed pipe is no error.
fn print(text: &str) {
    let mut err = stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}
