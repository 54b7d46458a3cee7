//! Events as comma-separated values for spreadsheets (RFC 4180).
//!
//! A field that a spreadsheet would evaluate as a formula gets an apostrophe in front, unless it is a number: a device must not
//! be able to run something on an operator's machine.

use super::json;
use crate::{
    hub::{Event, EventKind, format_timestamp},
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
    let is_formula =
        field.starts_with(['=', '+', '-', '@', '\t', '\r']) && field.parse::<f64>().is_err();
    let guard = if is_formula { "'" } else { "" };
    match is_formula || field.contains(['"', ',', '\r', '\n']) {
        true => format!("\"{guard}{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::D2cMessage;

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
            ("say \"hi\"\n", "\"say \"\"hi\"\"\n\""),
        ] {
            assert_eq!(quoted(body), field);
        }
    }
}
