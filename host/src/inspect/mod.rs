//! What a device has kept, for a person who looks into it.

mod outbox;

use std::{fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};

pub(crate) use self::outbox::outbox;
use self::outbox::summary;

use crate::{
    cli::InspectArgs,
    config::{self, SettingError},
    store::Contents,
    text::one_line,
};

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

/// Everything but what is to be sent and what is set aside, of which only how much it is.
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
                let said = one_line(&entry.in_words());
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
