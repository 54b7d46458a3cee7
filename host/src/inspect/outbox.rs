//! The outbox and the dead letters of a device.

use std::fmt::Write as _;

use bytesize::ByteSize;
use serde_json::{Map, Value, json};

use super::lines;
use crate::{
    hub::message::TelemetryMessage,
    store::{
        Contents, PersistedState,
        dead_letter::{DeadLetter, DeadLetterCounts, Undelivered},
        outbox::Outgoing,
    },
    text::{counted, one_line, truncate},
};

/// Bytes shown of a body.
const PREVIEW: usize = 60;

/// Formats the outbox and the dead letters.
pub(crate) fn outbox(contents: &Contents, as_json: bool) -> String {
    if as_json {
        let devices = contents.iter().map(|(device, state)| {
            let entries = state.outbox.outgoing.iter().map(|(id, it)| entry(*id, it));
            let dead_letters = state
                .dead_letters
                .iter()
                .map(|(id, it)| dead_letter(*id, it));
            let lists = json!({
                "deviceId": &**device,
                "entries": entries.collect::<Value>(),
                "deadLetters": dead_letters.collect::<Value>(),
            });
            joined(summary(state), lists)
        });
        return lines(&devices.collect());
    }
    let mut text = String::new();
    for (device, state) in contents {
        text += &queued(device, state);
        text += &dead_letters(state);
    }
    if text.is_empty() {
        "no device has run yet\n".to_owned()
    } else {
        text
    }
}

fn queued(device: &str, state: &PersistedState) -> String {
    let (messages, reports) = counts(state);
    let bytes = state
        .outbox
        .outgoing
        .iter()
        .map(|(_, it)| size(it))
        .sum::<usize>() as u64;
    let mut text = format!(
        "{}: {} and {} queued, {}",
        one_line(device),
        counted(messages, "message"),
        counted(reports, "report"),
        ByteSize(bytes)
    );
    if let Some(oldest) = oldest(state) {
        let _ = write!(text, ", oldest message from {oldest}");
    }
    let _ = writeln!(text, "; {} evicted", state.outbox.evicted);
    for (id, outgoing) in &state.outbox.outgoing {
        let _ = match outgoing {
            Outgoing::Telemetry(message) => writeln!(
                text,
                "{id:>8}  {:.0}  telemetry  {}",
                message.created,
                truncate(&String::from_utf8_lossy(&message.body), PREVIEW)
            ),
            Outgoing::Report(report) => writeln!(
                text,
                "{id:>8}  {:20}  report     {}",
                "",
                truncate(&json!(report).to_string(), PREVIEW)
            ),
        };
    }
    text
}

/// Formats the dead letters with their reasons; empty if there never was one.
fn dead_letters(state: &PersistedState) -> String {
    let DeadLetterCounts { total, evicted } = state.dead_letter_counts;
    if total == 0 {
        return String::new();
    }
    let count = state.dead_letters.len();
    let mut text = format!("dead letters: {count} of {total} in total; {evicted} evicted\n");
    for (
        id,
        DeadLetter {
            since,
            reason,
            item,
            ..
        },
    ) in &state.dead_letters
    {
        let body = match item {
            Undelivered::Telemetry(message) => String::from_utf8_lossy(&message.body),
            Undelivered::Report(report) => json!(report).to_string().into(),
            Undelivered::Message(message) => String::from_utf8_lossy(&message.body),
        };
        let (kind, body) = (item.kind(), truncate(&body, PREVIEW));
        let _ = writeln!(text, "{id:>8}  {since:.0}  {kind:<9}  {body}");
        let _ = writeln!(text, "{:>10}{}", "", one_line(reason));
    }
    text
}

/// Summarises the outbox and the dead letters.
pub(super) fn summary(state: &PersistedState) -> Value {
    let (messages, reports) = counts(state);
    json!({
        "count": state.outbox.outgoing.len(),
        "messages": messages,
        "reports": reports,
        "bytes": state.outbox.outgoing.iter().map(|(_, it)| size(it)).sum::<usize>(),
        "oldest": oldest(state),
        "evicted": state.outbox.evicted,
        "deadLetterCount": state.dead_letters.len(),
        "deadLettersTotal": state.dead_letter_counts.total,
        "deadLettersEvicted": state.dead_letter_counts.evicted,
    })
}

fn entry(id: u64, outgoing: &Outgoing) -> Value {
    let (kind, members) = match outgoing {
        Outgoing::Telemetry(message) => ("telemetry", telemetry(message)),
        Outgoing::Report(report) => ("report", json!({ "properties": report })),
    };
    let common = json!({"id": id, "kind": kind, "bytes": size(outgoing)});
    joined(common, members)
}

fn dead_letter(
    id: u64,
    DeadLetter {
        since,
        reason,
        item,
        ..
    }: &DeadLetter,
) -> Value {
    let members = match item {
        Undelivered::Telemetry(message) => telemetry(message),
        Undelivered::Report(report) => json!({ "properties": report }),
        Undelivered::Message(message) => json!({
            "properties": by_name(&message.properties), "body": String::from_utf8_lossy(&message.body),
        }),
    };
    let (kind, bytes) = (item.kind(), item.size());
    let common = json!({"id": id, "kind": kind, "bytes": bytes, "since": since, "reason": reason});
    joined(common, members)
}

fn telemetry(message: &TelemetryMessage) -> Value {
    json!({
        "messageId": message.id, "created": message.created, "component": message.component,
        "properties": by_name(&message.properties), "body": String::from_utf8_lossy(&message.body),
    })
}

fn by_name(properties: &[(String, String)]) -> Map<String, Value> {
    let properties = properties.iter();
    properties
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect()
}

/// Merges two objects.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn counts(state: &PersistedState) -> (usize, usize) {
    let is_message = |(_, it): &&(u64, Outgoing)| matches!(it, Outgoing::Telemetry(_));
    let messages = state.outbox.outgoing.iter().filter(is_message).count();
    (messages, state.outbox.outgoing.len() - messages)
}

fn oldest(state: &PersistedState) -> Option<jiff::Timestamp> {
    let created = state.outbox.outgoing.iter().filter_map(|(_, it)| match it {
        Outgoing::Telemetry(message) => Some(message.created),
        Outgoing::Report(_) => None,
    });
    created.min()
}

fn size(outgoing: &Outgoing) -> usize {
    match outgoing {
        Outgoing::Telemetry(message) => message.size(),
        Outgoing::Report(report) => json!(report).to_string().len(),
    }
}
