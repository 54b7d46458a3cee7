//! Text from the cloud or a component, made safe for a terminal.

use std::{borrow::Cow, fmt::Display};

/// Returns the text on one line, with control characters and those that reorder text escaped.
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
        if is_control(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Returns printed JSON with control characters and those that reorder text escaped. It stays the same JSON.
pub(crate) fn safe_json(json: &str) -> Cow<'_, str> {
    // Outside of strings, JSON has no other such characters than line ends.
    let escaped = |character: char| is_control(character) && character != '\n';
    if !json.contains(escaped) {
        return json.into();
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        match escaped(character) {
            true => safe.push_str(&format!("\\u{:04x}", u32::from(character))),
            false => safe.push(character),
        }
    }
    safe.into()
}

/// Returns true for characters that control a terminal, or the direction in which it shows text: with those, a text looks
/// like another one.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
    fn a_line_reads_in_the_order_in_which_it_was_written() {
        for mark in [
            '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}',
        ] {
            let code = u32::from(mark);
            assert_eq!(one_line(&format!("a{mark}b")), format!("a\\u{{{code:x}}}b"));
            let json = serde_json::json!({"a": format!("b{mark}\u{9b}\n")});
            let pretty = format!("{json:#}");
            let safe = safe_json(&pretty);
            assert!(!safe.contains(mark) && !safe.contains('\u{9b}'), "{safe}");
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&safe).unwrap(),
                json
            );
        }
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
