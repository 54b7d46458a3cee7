//! The commands that show the persisted state of a device.

mod outbox;

use std::{fmt::Write as _, path::PathBuf};

use serde_json::{Value, json};

pub(crate) use self::outbox::outbox;
use self::outbox::summary;
use crate::{
    cli::InspectArgs,
    config,
    contract::timers::PersistedTimer,
    document::document,
    setting::SettingError,
    store::Contents,
    text::{one_line, safe_json},
};

/// Returns the state directory: the one named, that of the named device, or the only one.
///
/// # Errors
/// No directory, or more than one, matches.
pub(crate) fn find_state_dir(args: &InspectArgs) -> Result<PathBuf, SettingError> {
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
            "no device state in {}; select another directory with --state-dir: a host in `cloud exec --dir DIR` has its \
             state in DIR/state",
            home.display()
        ))),
        several => {
            let names: Vec<_> = several
                .iter()
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            Err(SettingError::new(format!(
                "several devices have state in {}; select one with --device-id: {}",
                home.display(),
                names.join(", ")
            )))
        }
    }
}

/// Formats the state, with a summary of the outbox.
pub(crate) fn state(contents: &Contents, as_json: bool) -> String {
    let devices: Value = contents
        .iter()
        .map(|(device, state)| {
            let record = state
                .record
                .as_deref()
                .map(|record| serde_json::from_str(record).unwrap_or_else(|_| Value::from(record)));
            let binding = state.hub_binding.as_ref();
            let enrollment = binding.and_then(|binding| binding.enrollment.as_ref());
            let enrollment = enrollment.map(|enrollment| {
                json!({
                    "endpoint": enrollment.endpoint,
                    "idScope": enrollment.id_scope,
                    "registrationId": enrollment.registration_id,
                })
            });
            let timers = state.timers.iter().map(PersistedTimer::to_document);
            json!({
                "deviceId": &**device,
                "hub": binding.map(|binding| &binding.assignment.hub),
                "enrollment": enrollment,
                "record": record,
                "timers": timers.collect::<Value>(),
                "twin": state.twin.to_document(),
                "outbox": summary(state),
            })
        })
        .collect();
    if as_json {
        return lines(&devices);
    }
    let mut text = String::new();
    for device in devices.as_array().into_iter().flatten() {
        let _ = writeln!(text, "{}", safe_json(&format!("{device:#}")));
    }
    if text.is_empty() {
        "no device has run yet\n".to_owned()
    } else {
        text
    }
}

/// Formats a line for each device.
fn lines(devices: &Value) -> String {
    let devices = devices.as_array().into_iter().flatten();
    devices.cloned().map(document).collect()
}

/// Formats the history of swaps.
pub(crate) fn history(contents: &Contents, as_json: bool) -> String {
    let mut text = String::new();
    for (device, state) in contents {
        for entry in state.history.entries() {
            let _ = if as_json {
                let mut entry = json!(entry);
                if let Value::Object(members) = &mut entry {
                    members.insert("deviceId".to_owned(), json!(&**device));
                }
                write!(text, "{}", document(entry))
            } else {
                let count = match entry.count {
                    1 => String::new(),
                    count => format!(" ({count} times)"),
                };
                let (step, source) = (entry.step, entry.source.name());
                let said = one_line(&entry.describe());
                writeln!(
                    text,
                    "{:.0}  {step:<11} {source:<7}  {said}{count}",
                    entry.time
                )
            };
        }
    }
    if text.is_empty() && !as_json {
        "no swap history\n".to_owned()
    } else {
        text
    }
}
