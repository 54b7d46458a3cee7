//! What a device has kept, for a person who looks into it.

use std::{fmt::Write as _, path::PathBuf};

use bytesize::ByteSize;
use serde_json::{Value, json};

use crate::{
    cli::InspectArgs,
    config::{self, SettingError},
    operate,
    store::{Contents, Kept, outbox::Outgoing},
    text::{counted, cut, one_line},
};

/// Bytes shown of a body.
const PREVIEW: usize = 60;

/// The directory to look into: the one named, that of the device, or the only one there is.
pub(crate) fn find(args: &InspectArgs) -> Result<PathBuf, SettingError> {
    if args.state_dir.is_some() || args.device_id.is_some() {
        let id = args.device_id.as_deref().unwrap_or_default();
        return config::state_dir(args.state_dir.as_ref(), id);
    }
    let home = config::state_home()?;
    let found: Vec<_> = std::fs::read_dir(&home)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .collect();
    match found.as_slice() {
        [only] => Ok(only.path()),
        [] => Err(SettingError::new(format!(
            "no device has kept state in {}; name another directory with --state-dir",
            home.display()
        ))),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            Err(SettingError::new(format!(
                "several devices have kept state in {}; name one with --device-id: {}",
                home.display(),
                names.join(", ")
            )))
        }
    }
}

/// What is to be sent.
pub(crate) fn outbox(contents: &Contents, as_json: bool) -> String {
    if as_json {
        let devices = contents.iter().map(|(device, kept)| {
            let mut outbox = summary(kept);
            if let Value::Object(outbox) = &mut outbox {
                outbox.insert("device".to_owned(), json!(&**device));
                let entries = kept.outgoing.iter().map(|(id, it)| entry(*id, it));
                outbox.insert("entries".to_owned(), entries.collect());
            }
            outbox
        });
        return lines(&devices.collect());
    }
    let mut text = String::new();
    for (device, kept) in contents {
        text += &outbox_of(device, kept);
    }
    if text.is_empty() {
        "no device has run yet\n".to_owned()
    } else {
        text
    }
}

fn outbox_of(device: &str, kept: &Kept) -> String {
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

fn summary(kept: &Kept) -> Value {
    let (messages, reports) = counts(kept);
    json!({
        "count": kept.outgoing.len(),
        "messages": messages,
        "reports": reports,
        "bytes": kept.outgoing.iter().map(|(_, it)| size(it)).sum::<usize>(),
        "oldest": oldest(kept),
        "evicted": kept.evicted,
    })
}

fn entry(id: u64, outgoing: &Outgoing) -> Value {
    match outgoing {
        Outgoing::Telemetry(message) => json!({
            "id": id, "kind": "telemetry", "bytes": message.size(), "messageId": message.id, "created": message.created,
            "component": message.component, "properties": message.properties,
            "body": String::from_utf8_lossy(&message.body),
        }),
        Outgoing::Report(report) => {
            json!({"id": id, "kind": "report", "bytes": size(outgoing), "properties": report})
        }
    }
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

/// Everything but what is to be sent, of which only how much it is.
pub(crate) fn state(contents: &Contents, as_json: bool) -> String {
    let devices: Value = contents
        .iter()
        .map(|(device, kept)| {
            let record = kept
                .record
                .as_deref()
                .map(|record| serde_json::from_str(record).unwrap_or_else(|_| Value::from(record)));
            json!({
                "device": &**device,
                "hub": kept.place.as_ref().map(|place| &place.assignment.hub),
                "enrolment": kept.place.as_ref().and_then(|place| place.enrolment.as_ref()),
                "record": record,
                "timers": kept.timers,
                "twin": kept.twin,
                "outbox": summary(kept),
            })
        })
        .collect();
    if as_json {
        return lines(&devices);
    }
    let mut text = String::new();
    for device in devices.as_array().into_iter().flatten() {
        // JSON escapes whatever would move a cursor.
        let _ = writeln!(text, "{device:#}");
    }
    if text.is_empty() {
        "no device has run yet\n".to_owned()
    } else {
        text
    }
}

/// One line for each device.
fn lines(devices: &Value) -> String {
    let devices = devices.as_array().into_iter().flatten();
    devices.map(|device| format!("{device}\n")).collect()
}

/// What became of the versions.
pub(crate) fn history(contents: &Contents, as_json: bool) -> String {
    let mut text = String::new();
    for (device, kept) in contents {
        for entry in kept.history.entries() {
            let _ = if as_json {
                let mut entry = json!(entry);
                if let Value::Object(members) = &mut entry {
                    members.insert("device".to_owned(), json!(&**device));
                }
                writeln!(text, "{entry}")
            } else {
                let times = match entry.times {
                    1 => String::new(),
                    times => format!(" ({times} times)"),
                };
                let (step, source) = (entry.step, entry.source.name());
                let said = one_line(&operate::step(entry));
                writeln!(
                    text,
                    "{:.0}  {step:<11} {source:<7}  {said}{times}",
                    entry.time
                )
            };
        }
    }
    if text.is_empty() && !as_json {
        "nothing has become of any version yet\n".to_owned()
    } else {
        text
    }
}
