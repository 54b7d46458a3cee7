//! What a process prints, line by line.

use std::{
    io::{BufRead, BufReader, Read},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread,
    time::Instant,
};

use crate::PATIENCE;

/// One stream of a process. Reading goes on from the line that was last found.
pub struct Output {
    name: String,
    log: Arc<Log>,
    seen: usize,
}

#[derive(Default)]
struct Log {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    ended: bool,
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("readers do not panic")
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
    }
}

impl Output {
    /// Reads `stream` to its end on a thread of its own. `name` is what failures call it.
    pub(crate) fn of(name: String, stream: impl Read + Send + 'static) -> Self {
        let log = Arc::new(Log::default());
        let read = Arc::clone(&log);
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                read.change(|state| state.lines.push(line));
            }
            read.change(|state| state.ended = true);
        });
        Self { name, log, seen: 0 }
    }

    /// Lets the next search begin with the first line.
    pub(crate) fn begin_again(&mut self) {
        self.seen = 0;
    }

    /// Waits for a line with `text` in it, and returns the line.
    ///
    /// # Panics
    /// There is none in time, or before the stream ends.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.find(text, |line| line.contains(text).then(|| line.to_owned()))
    }

    /// Waits for a line that `test` makes something of. `what` is for the message of a failure.
    ///
    /// # Panics
    /// There is none in time, or before the stream ends.
    pub fn find<T>(&mut self, what: &str, mut test: impl FnMut(&str) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.log.state();
        loop {
            while let Some(line) = state.lines.get(self.seen) {
                self.seen += 1;
                if let Some(found) = test(line) {
                    return found;
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let ended = state.ended;
            if ended || left.is_zero() {
                drop(state);
                let why = if ended {
                    "it ended"
                } else {
                    "nothing more came"
                };
                panic!("{}: no {what:?}: {why}", self.name);
            }
            state = self
                .log
                .changed
                .wait_timeout(state, left)
                .expect("readers do not panic")
                .0;
        }
    }

    /// Waits for the stream's end, and tells whether it came in time.
    pub(crate) fn ends(&self) -> bool {
        let state = self.log.state();
        let waited = self
            .log
            .changed
            .wait_timeout_while(state, PATIENCE, |state| !state.ended);
        waited.expect("readers do not panic").0.ended
    }

    /// All lines so far, from the first.
    pub fn lines(&self) -> Vec<String> {
        self.log.state().lines.clone()
    }

    /// All lines so far, as one text.
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Shows what was printed, without the bulk of long lines.
    pub(crate) fn show(&self) {
        eprintln!("--- {}", self.name);
        for line in self.lines() {
            match line.char_indices().nth(1000) {
                Some((end, _)) => eprintln!("{}… ({} bytes)", &line[..end], line.len()),
                None => eprintln!("{line}"),
            }
        }
    }
}
