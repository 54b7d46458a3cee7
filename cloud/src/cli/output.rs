//! Output to the terminal, with control characters escaped.

use std::{
    borrow::Cow,
    io::{self, IsTerminal, Write},
};

use serde::Serialize;
use serde_json::Value;

use super::{command_error::CommandError, json_text};

/// Prints a line on standard output, with control characters escaped.
pub(crate) fn line(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", printable(text))?;
    Ok(out.flush()?)
}

/// The version of the documents that this program defines: docs/cli.md lists them. It counts up when a member is renamed or
/// removed, or changes its meaning; new members keep it.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Prints a JSON document of this program, with its version.
pub(crate) fn document(mut document: Value) -> Result<(), CommandError> {
    if let Some(members) = document.as_object_mut() {
        members.insert("schemaVersion".to_owned(), SCHEMA_VERSION.into());
    }
    pretty(&document)
}

/// Prints a JSON document of this program on one line, with its version.
pub(crate) fn document_line(document: Value) -> Result<(), CommandError> {
    document_text(&document.to_string())
}

/// Prints the JSON text of an object on one line, with the version as its first member.
pub(crate) fn document_text(object: &str) -> Result<(), CommandError> {
    match object.strip_prefix('{') {
        Some(members) => line(&format!("{{\"schemaVersion\":{SCHEMA_VERSION},{members}")),
        None => line(object),
    }
}

/// Prints JSON text, indented.
pub(crate) fn json_text(json: &str) -> Result<(), CommandError> {
    json_text::indented(json).lines().try_for_each(line)
}

/// Prints lines with aligned columns.
pub(crate) fn columns(rows: &[Vec<String>]) -> Result<(), CommandError> {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| printable(cell).chars().count()).max()
    };
    let widths: Vec<_> = (0..count).filter_map(width).collect();
    rows.iter().try_for_each(|row| {
        let cells = row.iter().zip(&widths);
        let cells = cells.map(|(cell, width)| format!("{:<width$}", printable(cell)));
        line(cells.collect::<Vec<_>>().join("  ").trim_end())
    })
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
