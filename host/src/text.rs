//! Text from the cloud or a component, made safe for a terminal.

use std::fmt::Display;

/// Returns the text on one line, with control characters escaped.
pub(crate) fn one_line(text: &str) -> String {
    truncate(text, usize::MAX)
}

/// Returns [`one_line`] of at most about `max_length` bytes.
pub(crate) fn truncate(text: &str, max_length: usize) -> String {
    let mut line = String::with_capacity(text.len().min(max_length));
    for character in text.trim_end().chars() {
        if line.len() >= max_length {
            line.push('…');
            break;
        }
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Formats a count with its noun in English.
pub(crate) fn counted<N: Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_move_the_cursor_or_begin_another_line() {
        assert_eq!(
            one_line("no\u{1b}[2J\r\nerror: all is well\n"),
            "no\\u{1b}[2J\\r\\nerror: all is well"
        );
    }

    #[test]
    fn a_long_line_is_cut_and_says_so() {
        assert_eq!(
            truncate(&"x".repeat(50), 10),
            format!("{}…", "x".repeat(10))
        );
        assert_eq!(truncate(&"x".repeat(10), 10), "x".repeat(10));
    }
}
