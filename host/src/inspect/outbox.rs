//! What a device has still to send, and what could not be delivered.

use std::fmt::Write as _;

use bytesize::ByteSize;
use serde_json::{Value, json};

use super::lines;
use crate::{
    hub::message::Message,
    store::{
        Contents, Kept,
        aside::{SetAside, Tally, Undelivered},
        outbox::Outgoing,
    },
    text::{counted, cut, one_line},
};

/// Bytes shown of a body.
const PREVIEW: usize = 60;

/// What is to be sent, and what is set aside.
pub(crate) fn outbox(contents: &Contents, as_json: bool) -> String {
    if as_json {
        let devices = contents.iter().map(|(device, kept)| {
            let entries = kept.outgoing.iter().map(|(id, it)| entry(*id, it));
            let aside = kept.aside.iter().map(|(id, it)| entry_aside(*id, it));
            let lists = json!({
                "device": &**device,
                "entries": entries.collect::<Value>(),
                "setAside": aside.collect::<Value>(),
            });
            joined(summary(kept), lists)
        });
        return lines(&devices.collect());
    }
    let mut text = String::new();
    for (device, kept) in contents {
        text += &to_send(device, kept);
        text += &aside(kept);
    }
    if text.is_empty() {
        "no device has run yet\n".to_owned()
    } else {
        text
    }
}

fn to_send(device: &str, kept: &Kept) -> String {
    let (messages, reports) = counts(kept);
    let bytes = kept.outgoing.iter().map(|(_, it)| size(it)).sum::<usize>() as u64;
    let mut text = format!(
        "{}: {} and {} to send, {}",
        one_line(device),
        counted(messages, "message"),
        counted(reports, "report"),
        ByteSize(bytes)
    );
    if let Some(oldest) = oldest(kept) {
        let _ = write!(text, ", the oldest message of {oldest}");
    }
    let _ = writeln!(text, "; given way so far: {}", kept.evicted);
    for (id, outgoing) in &kept.outgoing {
        let _ = match outgoing {
            Outgoing::Telemetry(message) => writeln!(
                text,
                "{id:>8}  {:.0}  telemetry  {}",
                message.created,
                cut(&String::from_utf8_lossy(&message.body), PREVIEW)
            ),
            Outgoing::Report(report) => writeln!(
                text,
                "{id:>8}  {:20}  report     {}",
                "",
                cut(&json!(report).to_string(), PREVIEW)
            ),
        };
    }
    text
}

/// What is set aside, each with its reason; nothing if nothing ever was.
fn aside(kept: &Kept) -> String {
    let Tally { total, given_way } = kept.aside_tally;
    if total == 0 {
        return String::new();
    }
    let count = kept.aside.len();
    let mut text = format!("set aside: {count}, of {total} ever; given way: {given_way}\n");
    for (id, SetAside { since, why, what }) in &kept.aside {
        let body = match what {
            Undelivered::Telemetry(message) => String::from_utf8_lossy(&message.body),
            Undelivered::Report(report) => json!(report).to_string().into(),
            Undelivered::Message(message) => String::from_utf8_lossy(&message.body),
        };
        let (kind, body) = (what.kind(), cut(&body, PREVIEW));
        let _ = writeln!(text, "{id:>8}  {since:.0}  {kind:<9}  {body}");
        let _ = writeln!(text, "{:>10}{}", "", one_line(why));
    }
    text
}

/// How much is to be sent, and how much is set aside.
pub(super) fn summary(kept: &Kept) -> Value {
    let (messages, reports) = counts(kept);
    json!({
        "count": kept.outgoing.len(),
        "messages": messages,
        "reports": reports,
        "bytes": kept.outgoing.iter().map(|(_, it)| size(it)).sum::<usize>(),
        "oldest": oldest(kept),
        "evicted": kept.evicted,
        "setAsideCount": kept.aside.len(),
        "setAsideTotal": kept.aside_tally.total,
        "setAsideEvicted": kept.aside_tally.given_way,
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

fn entry_aside(id: u64, SetAside { since, why, what }: &SetAside) -> Value {
    let members = match what {
        Undelivered::Telemetry(message) => telemetry(message),
        Undelivered::Report(report) => json!({ "properties": report }),
        Undelivered::Message(message) => json!({
            "properties": message.properties, "body": String::from_utf8_lossy(&message.body),
        }),
    };
    let (kind, bytes) = (what.kind(), what.size());
    let common = json!({"id": id, "kind": kind, "bytes": bytes, "since": since, "why": why});
    joined(common, members)
}

fn telemetry(message: &Message) -> Value {
    json!({
        "messageId": message.id, "created": message.created, "component": message.component,
        "properties": message.properties, "body": String::from_utf8_lossy(&message.body),
    })
}

/// One object with the members of both.
fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn counts(kept: &Kept) -> (usize, usize) {
    let is_message = |(_, it): &&(u64, Outgoing)| matches!(it, Outgoing::Telemetry(_));
    let messages = kept.outgoing.iter().filter(is_message).count();
    (messages, kept.outgoing.len() - messages)
}

fn oldest(kept: &Kept) -> Option<jiff::Timestamp> {
    let created = kept.outgoing.iter().filter_map(|(_, it)| match it {
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
