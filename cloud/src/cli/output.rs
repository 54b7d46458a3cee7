//! Output to the terminal, with control characters escaped.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use super::command_error::CommandError;

/// Prints a line on standard output, with control characters escaped.
pub(crate) fn line(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", printable(text))?;
    Ok(out.flush()?)
}

/// Prints indented JSON.
pub(crate) fn pretty(value: &impl Serialize) -> Result<(), CommandError> {
    let text = serde_json::to_string_pretty(value).map_err(CommandError::request)?;
    text.lines().try_for_each(line)
}

/// Prints a note on standard error.
pub(crate) fn note(text: &str) {
    // Nothing can be done about a closed standard error.
    let _ = writeln!(io::stderr(), "{}", printable(text));
}

/// Prints an error on standard error.
pub(crate) fn error(text: &str) {
    let _ = writeln!(io::stderr(), "{}", error_line(text));
}

/// Formats an error for standard error.
pub(crate) fn error_line(text: &str) -> String {
    let label = if coloured(&io::stderr()) {
        "\x1b[1;31merror\x1b[0m"
    } else {
        "error"
    };
    format!("{label}: {}", printable(text))
}

/// Returns the text in faint letters, if standard output is a terminal with colors. The text must be printable.
pub(crate) fn faint(text: &str) -> String {
    if coloured(&io::stdout()) {
        format!("\x1b[2m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

/// Prints a line with colors of [`faint`]. All other parts must be printable.
pub(crate) fn coloured_line(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}

fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Escapes control characters, and those that reorder text, as JSON does.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(controls) {
        return text.into();
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if controls(c) {
            shown.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            shown.push(c);
        }
    }
    shown.into()
}

fn controls(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_cannot_control_the_terminal() {
        assert_eq!(
            printable("a\x1b[2Jb\u{9b}c\u{202e}d\u{61c}"),
            "a\\u001b[2Jb\\u009bc\\u202ed\\u061c"
        );
        assert_eq!(printable("23.5 °C"), "23.5 °C");
    }

    #[test]
    fn json_with_control_characters_stays_the_same_json() {
        let value = serde_json::json!({"a": "\u{85}\u{7f}\u{1}\n"});
        let shown = serde_json::to_string(&value).unwrap();
        let read: serde_json::Value = serde_json::from_str(&printable(&shown)).unwrap();
        assert_eq!(read, value);
    }
}
