//! Events as comma-separated values for spreadsheets (RFC 4180).
//!
//! A device must not be able to run something on an operator's machine. Wherever a spreadsheet could find the beginning of a
//! formula, there is an apostrophe in front of its sign: at the start of a field, and after the characters at which a reader
//! with other separators splits. A field that is a number has none. Without the apostrophe in front of each such sign, a field is as it was.

use std::borrow::Cow;

use super::json;
use crate::{
    clock::format_timestamp,
    events::{Event, EventKind},
    json::{JsonText, Members},
};

/// The columns, the same for all events. `body` is the body of a message in the `encoding` `json`, `text` or `base64`.
/// `details` is a JSON object of the event's other members.
pub(super) const HEADER: &str = "sequence,enqueued,device,type,component,messageId,contentType,creationTime,encoding,body,properties,details\r\n";

/// Members with a column of their own.
const COLUMNS: [&str; 4] = ["component", "messageId", "contentType", "creationTime"];

pub(super) fn row(event: &Event) -> String {
    let mut rest = json::details(&event.kind);
    let mut fields = vec![
        event.sequence.to_string(),
        format_timestamp(event.enqueued),
        event.device_id.clone(),
        event.kind.name().to_owned(),
    ];
    for column in COLUMNS {
        fields.push(rest.shift_remove(column).map(text).unwrap_or_default());
    }
    fields.extend(body(&mut rest));
    let properties = match &event.kind {
        EventKind::Telemetry(_) => rest.shift_remove("properties"),
        _ => None,
    };
    let rest = (!rest.is_empty()).then(|| JsonText::of(&rest));
    fields.extend(
        [properties, rest].map(|json| json.map(|json| json.to_string()).unwrap_or_default()),
    );
    let fields: Vec<_> = fields.iter().map(|field| quoted(field)).collect();
    fields.join(",") + "\r\n"
}

/// Removes the body. Returns its encoding and its text.
fn body(rest: &mut Members) -> [String; 2] {
    let json = rest
        .shift_remove("body")
        .map(|body| ["json".to_owned(), body.to_string()]);
    let others = ["text", "base64"].into_iter().find_map(|encoding| {
        let body = rest.shift_remove(encoding)?;
        Some([encoding.to_owned(), text(body)])
    });
    json.or(others).unwrap_or_default()
}

fn text(value: JsonText) -> String {
    value.as_string().unwrap_or_else(|| value.to_string())
}

fn quoted(field: &str) -> String {
    let guarded = guarded(field);
    match guarded.contains(['"', ',', ';', '\t', '\r', '\n', '\'']) {
        true => format!("\"{}\"", guarded.replace('"', "\"\"")),
        false => guarded.into_owned(),
    }
}

/// Puts an apostrophe in front of every sign with which a spreadsheet begins a formula.
fn guarded(field: &str) -> Cow<'_, str> {
    if is_number(field) {
        return Cow::Borrowed(field);
    }
    let is_separator = |c| matches!(c, ';' | '\t' | '\r' | '\n');
    let mut guarded = String::new();
    let mut from = 0;
    for part in field.split_inclusive(is_separator) {
        let text = part.trim_end_matches(is_separator);
        if let Some(sign) = formula_sign(text) {
            guarded.push_str(field.get(from..from + sign).unwrap_or_default());
            guarded.push('\'');
            guarded.push_str(part.get(sign..).unwrap_or_default());
        } else {
            guarded.push_str(part);
        }
        from += part.len();
    }
    match guarded.len() == field.len() {
        true => Cow::Borrowed(field),
        false => Cow::Owned(guarded),
    }
}

fn is_number(field: &str) -> bool {
    field.contains(|c: char| c.is_ascii_digit()) && field.parse::<f64>().is_ok()
}

/// Returns the place of the sign of a formula, behind whatever a spreadsheet skips; `None` if there is none.
fn formula_sign(text: &str) -> Option<usize> {
    let is_skipped =
        |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '\'' | '\u{feff}');
    let rest = text.trim_start_matches(is_skipped);
    let is_sign = |c: char| "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c);
    rest.starts_with(is_sign).then(|| text.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::events::D2cMessage;

    fn telemetry(content_type: Option<&str>, body: &'static [u8]) -> Event {
        Event {
            sequence: 7,
            enqueued: "2026-01-31T08:00:00Z".parse().unwrap(),
            device_id: "t-1".into(),
            kind: EventKind::Telemetry(D2cMessage {
                content_type: content_type.map(str::to_owned),
                properties: vec![("a".into(), "b".into())],
                body: body.into(),
                ..D2cMessage::default()
            }),
        }
    }

    #[test]
    fn every_row_has_the_columns_of_the_header() {
        let event = telemetry(Some("application/json"), br#"{"t":1.5}"#);
        assert_eq!(
            row(&event),
            "7,2026-01-31T08:00:00.000Z,t-1,telemetry,,,application/json,,json,\"{\"\"t\"\":1.5}\",\"{\"\"a\"\":\"\"b\"\"}\",\r\n"
        );
        assert_eq!(HEADER.split(',').count(), 12);
        let gone = EventKind::Disconnected {
            reason: "x".into(),
            since: None,
        };
        let gone = row(&Event {
            kind: gone,
            ..event
        });
        assert_eq!(gone.matches(',').count(), 11);
        assert!(
            gone.ends_with(",\"{\"\"reason\"\":\"\"x\"\"}\"\r\n"),
            "{gone}"
        );
    }

    #[test]
    fn a_device_cannot_write_a_formula() {
        for (body, field) in [
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("-5.5", "-5.5"),
            ("-1e3", "-1e3"),
            ("-inf", "\"'-inf\""),
            ("say \"hi\"\n", "\"say \"\"hi\"\"\n\""),
            ("x;=1", "\"x;'=1\""),
            ("-1;-2", "\"'-1;'-2\""),
            ("a\t@b", "\"a\t'@b\""),
            ("\n+1+1", "\"\n'+1+1\""),
            (" =1", "\" '=1\""),
            ("\u{3000}=1", "\"\u{3000}'=1\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("'=1", "\"''=1\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(quoted(body), field);
        }
    }

    /// The cells that a reader with this separator finds, as spreadsheets do.
    fn cells(line: &str, separator: char) -> Vec<String> {
        let (mut cells, mut cell) = (Vec::new(), String::new());
        let (mut quoted, mut rest) = (false, line.chars().peekable());
        while let Some(c) = rest.next() {
            match c {
                '"' if quoted && rest.next_if_eq(&'"').is_some() => cell.push('"'),
                '"' if quoted => quoted = false,
                '"' if cell.is_empty() => quoted = true,
                '\r' | '\n' if !quoted => cells.push(std::mem::take(&mut cell)),
                c if c == separator && !quoted => cells.push(std::mem::take(&mut cell)),
                c => cell.push(c),
            }
        }
        cells.push(cell);
        cells
    }

    proptest! {
        #[test]
        fn no_reader_finds_a_formula(field in "[-=+@;,\t\r\n\"' a1\u{3000}\u{ff1d}]{0,12}") {
            let line = format!("1,{},2", quoted(&field));
            for separator in [',', ';', '\t'] {
                for cell in cells(&line, separator) {
                    let start = cell.trim_start_matches(|c: char| c.is_whitespace());
                    let is_number = start.parse::<f64>().is_ok();
                    prop_assert!(is_number || !start.starts_with(['=', '+', '-', '@', '\u{ff1d}']), "{separator:?} {cell:?} in {line:?}");
                }
            }
        }

        #[test]
        fn a_field_is_read_back_without_the_apostrophes(field in "[-=+@;,\t\r\n\"' a1]{0,12}") {
            let read = cells(&quoted(&field), ',').remove(0);
            let is_separator = |c| matches!(c, ';' | '\t' | '\r' | '\n');
            if is_number(&field) {
                prop_assert_eq!(read, field);
                return Ok(());
            }
            let unguarded: String = read
                .split_inclusive(is_separator)
                .map(|part| {
                    let text = part.trim_end_matches(is_separator);
                    match formula_sign(text) {
                        Some(sign) => format!("{}{}", &part[..sign - 1], &part[sign..]),
                        None => part.to_owned(),
                    }
                })
                .collect();
            prop_assert_eq!(unguarded, field);
        }
    }
}
