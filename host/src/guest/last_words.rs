//! The last lines a component has written to standard error in a call.

use std::collections::VecDeque;

use crate::text::truncate;

/// The size limit of the lines together, in bytes.
const MAX_SIZE: usize = 600;
/// The text between two lines, except after a colon.
const SEPARATOR: &str = "; ";
/// Beginnings of the messages with which Go's runtime ends a program; the stack follows.
const GO_PANICS: [&str; 2] = ["panic: ", "fatal error: "];
/// A line of Rust's standard library that tells nothing about the failure.
const RUST_HINT: &str = "note: run with `RUST_BACKTRACE";

/// The most telling lines: those from the message of a panic on, if there was one, otherwise the last ones, where a
/// traceback has its error.
#[derive(Default)]
pub(super) struct LastWords {
    lines: VecDeque<String>,
    size: usize,
    /// The first line is the message of a panic.
    is_panic: bool,
}

impl LastWords {
    /// Adds a line, without control characters.
    pub(super) fn push(&mut self, line: &str) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(RUST_HINT) {
            return;
        }
        let panic = panic_message(line);
        if panic.is_some() && !self.is_panic {
            self.clear();
            self.is_panic = true;
        }
        if self.is_panic && self.size >= MAX_SIZE {
            return;
        }
        let line = truncate(panic.unwrap_or(line), MAX_SIZE);
        self.size += line.len() + SEPARATOR.len();
        self.lines.push_back(line);
        while !self.is_panic && self.size > MAX_SIZE && self.lines.len() > 1 {
            let first = self.lines.pop_front().unwrap_or_default();
            self.size -= first.len() + SEPARATOR.len();
        }
    }

    /// Forgets all lines.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Returns the lines as one; `None` if there are none.
    pub(super) fn text(&self) -> Option<String> {
        let mut text = String::new();
        for line in &self.lines {
            match text.chars().next_back() {
                None => {}
                Some(':') => text.push(' '),
                Some(_) => text.push_str(SEPARATOR),
            }
            text.push_str(line);
        }
        (!text.is_empty()).then(|| truncate(&text, MAX_SIZE))
    }
}

/// Returns the message of a line that begins a panic, without the thread's name.
fn panic_message(line: &str) -> Option<&str> {
    if GO_PANICS.iter().any(|start| line.starts_with(start)) {
        return Some(line);
    }
    let rust = line.strip_prefix("thread '")?;
    rust.find("panicked at ").and_then(|at| rust.get(at..))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn last_words(written: &str) -> Option<String> {
        let mut words = LastWords::default();
        written.lines().for_each(|line| words.push(line));
        words.text()
    }

    #[test]
    fn of_a_panic_place_and_message_are_kept_and_earlier_lines_are_not() {
        let written = "sensor 3: no answer\n\nthread 'main' (1) panicked at src/lib.rs:12:5:\n\
             set point of zone 7: ParseFloatError { kind: Invalid }\n\
             note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        assert_eq!(
            last_words(written).unwrap(),
            "panicked at src/lib.rs:12:5: set point of zone 7: ParseFloatError { kind: Invalid }"
        );
    }

    #[test]
    fn of_a_go_panic_the_message_is_kept_however_long_the_stack() {
        let stack = "main.f(...)\n\t/tmp/main.go:7 +0x2\n".repeat(100);
        let panic = "panic: runtime error: index out of range [5] with length 3";
        let text = last_words(&format!(
            "begins\n{panic}\n\ngoroutine 1 [running]:\n{stack}"
        ));
        assert!(
            text.unwrap()
                .starts_with(&format!("{panic}; goroutine 1 [running]: main.f"))
        );
    }

    #[test]
    fn of_a_long_traceback_the_last_lines_are_kept() {
        let frames = "  File \"app.py\", line 3, in f\n    f()\n".repeat(100);
        let written = format!("Traceback (most recent call last):\n{frames}ValueError: zone 7\n");
        let text = last_words(&written).unwrap();
        assert!(
            text.ends_with("File \"app.py\", line 3, in f; f(); ValueError: zone 7"),
            "{text}"
        );
    }

    #[test]
    fn silence_is_nothing() {
        assert_eq!(last_words("\n \n"), None);
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_a_short_line_without_control_characters(
            lines in prop::collection::vec("(thread '|panic: )?\\PC{0,40}[\\x00-\\x1f]?(x{700})?", 0..40),
        ) {
            let mut words = LastWords::default();
            lines.iter().for_each(|line| words.push(line));
            let text = words.text().unwrap_or_default();
            prop_assert!(text.len() <= MAX_SIZE + 16, "{}", text.len());
            prop_assert!(!text.contains(char::is_control));
        }
    }
}
