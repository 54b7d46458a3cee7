//! The report on standard output: device events in the words and order of Microsoft's sample.

use std::{
    io::{IsTerminal, stdin},
    sync::{Mutex, PoisonError},
};

use lossy_writer::LossyWriter;
use serde_json::Value;

use crate::{
    device::{DeviceEvent, HandledProperty},
    hub::reply::Reply,
    provision::dps::Assignment,
    text::truncate,
    versions::{HistoryEntry, SwapStep},
};

/// The length limit of a text from the cloud or the component, in bytes.
const MAX_TEXT_LENGTH: usize = 256;
/// The length limit of a value or payload, in bytes: a screen of text.
const MAX_VALUE_LENGTH: usize = 1024;

/// The last line, once shutdown is requested.
pub(crate) const QUITTING: &str = "Quitting…";

/// Prints device events to standard output.
#[derive(Debug)]
pub(crate) struct StdoutReporter {
    out: LossyWriter,
    reported: Mutex<Reported>,
}

/// The state of events that are reported only once.
#[derive(Debug, Default)]
struct Reported {
    hub: Option<Assignment>,
    listening: bool,
}

impl StdoutReporter {
    pub(crate) fn new(out: LossyWriter) -> Self {
        let reported = Mutex::default();
        Self { out, reported }
    }

    /// Prints an event.
    pub(crate) fn report(&self, event: &DeviceEvent<'_>) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = reported.lines(event, stdin().is_terminal());
        if !lines.is_empty() {
            self.out.line(&lines);
        }
    }
}

impl Reported {
    fn lines(&mut self, event: &DeviceEvent<'_>, terminal: bool) -> String {
        match event {
            // These are logged.
            DeviceEvent::Started | DeviceEvent::Disconnected => String::new(),
            DeviceEvent::Assigned(assignment) => {
                let lines = self.new_assignment(assignment);
                let lines = lines.map_or_else(String::new, |lines| format!("\n{lines}"));
                format!("Device was assigned{lines}")
            }
            DeviceEvent::Connected(assignment) => {
                self.new_assignment(assignment).unwrap_or_default()
            }
            DeviceEvent::Listening if self.listening => String::new(),
            DeviceEvent::Listening => {
                self.listening = true;
                let quit = if terminal { "\nPress Q to quit" } else { "" };
                format!("Listening for command requests and property updates{quit}")
            }
            DeviceEvent::Sending(names) => {
                let what = if names.is_empty() {
                    "the device".to_owned()
                } else {
                    clean(&names.join(", "))
                };
                format!("Sending telemetry for {what}")
            }
            DeviceEvent::Sent => "Sent message".to_owned(),
            DeviceEvent::DesiredPatch(body) => {
                let body = clean_value(body);
                format!("the data in the desired properties patch was: {body}")
            }
            DeviceEvent::Desired(properties) => {
                let handled: Vec<_> = properties.iter().map(handled_property).collect();
                format!("Handled desired properties: {}", handled.join(", "))
            }
            DeviceEvent::Swap(entry) => swap_step(entry),
            DeviceEvent::Command(payload) if payload.is_empty() => {
                "Command request received with payload\nPayload was empty.".to_owned()
            }
            DeviceEvent::Command(payload) => {
                let payload = clean_value(payload);
                format!("Command request received with payload\n{payload}")
            }
            DeviceEvent::Answered(name, reply) => answer(name, reply),
        }
    }

    /// Returns hub and device ID when they have changed.
    fn new_assignment(&mut self, assignment: &Assignment) -> Option<String> {
        if self.hub.as_ref() == Some(assignment) {
            return None;
        }
        self.hub = Some(assignment.clone());
        Some(format!(
            "{}\n{}",
            clean(&assignment.hub),
            clean(&assignment.device_id)
        ))
    }
}

/// Formats a successful step of a swap; failures are logged.
fn swap_step(entry: &HistoryEntry) -> String {
    let Some(about) = &entry.version else {
        return String::new();
    };
    match (entry.step, &entry.rolled_back_to) {
        (SwapStep::Started, _) => {
            let pause = entry.pause_ms.unwrap_or_default();
            format!("Swapped to {about} in {pause:.1} ms")
        }
        (SwapStep::Accepted, _) => format!("Accepted {about}"),
        (SwapStep::RolledBack, Some(instead)) => format!("Rolled back from {about} to {instead}"),
        _ => String::new(),
    }
}

/// Formats name and status of a property, with the reason unless it was applied.
fn handled_property(property: &HandledProperty<'_>) -> String {
    let (name, status) = (clean(property.name), property.status);
    match property.description {
        reason if status >= 400 && !reason.is_empty() => {
            format!("{name} ({status}: {})", clean(reason))
        }
        _ => format!("{name} ({status})"),
    }
}

/// Formats the answer to a command: of an error the reason, if that is all it holds.
fn answer(name: &str, reply: &Reply) -> String {
    let answered = format!("Answered command {} ({})", clean(name), reply.status);
    if reply.payload.is_empty() {
        return answered;
    }
    let shown = error_reason(reply).unwrap_or_else(|| clean_value(reply.payload.as_bytes()));
    format!("{answered}: {shown}")
}

/// Returns the reason in an answer such as `{"error": "no such zone"}`.
fn error_reason(reply: &Reply) -> Option<String> {
    // A longer one is cut anyway.
    if reply.status < 400 || reply.payload.len() > MAX_VALUE_LENGTH {
        return None;
    }
    let payload: Value = serde_json::from_str(&reply.payload).ok()?;
    let payload = payload.as_object().filter(|members| members.len() == 1)?;
    let reason = payload.get("error")?.as_str()?;
    Some(clean_value(reason.as_bytes()))
}

/// Returns a value on one line; only what is shown of it is copied.
fn clean_value(value: &[u8]) -> String {
    // The longest character has four bytes.
    let shown = value.get(..MAX_VALUE_LENGTH + 4).unwrap_or(value);
    truncate(&String::from_utf8_lossy(shown), MAX_VALUE_LENGTH)
}

fn clean(text: &str) -> String {
    truncate(text, MAX_TEXT_LENGTH)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn lines(event: DeviceEvent<'_>) -> String {
        Reported::default().lines(&event, false)
    }

    fn reply(status: u32, payload: &str) -> String {
        let payload = payload.to_owned();
        lines(DeviceEvent::Answered("reboot", &Reply { status, payload }))
    }

    #[test]
    fn a_change_of_properties_and_its_outcome_are_shown_with_their_values() {
        let body = Bytes::from(r#"{"targetTemperature":23.5,"$version":2}"#);
        assert_eq!(
            lines(DeviceEvent::DesiredPatch(body)),
            r#"the data in the desired properties patch was: {"targetTemperature":23.5,"$version":2}"#
        );
        let of = |name, status, description| HandledProperty {
            name,
            status,
            description,
        };
        let handled = vec![
            of("a", 200, "fine"),
            of("b", 404, "unknown"),
            of("c", 500, ""),
        ];
        assert_eq!(
            lines(DeviceEvent::Desired(handled)),
            "Handled desired properties: a (200), b (404: unknown), c (500)"
        );
    }

    #[test]
    fn a_command_and_its_answer_are_shown_with_their_payloads() {
        assert_eq!(
            lines(DeviceEvent::Command(Bytes::from("{\"delay\": 5}"))),
            "Command request received with payload\n{\"delay\": 5}"
        );
        assert_eq!(
            lines(DeviceEvent::Command(Bytes::new())),
            "Command request received with payload\nPayload was empty."
        );
        assert_eq!(reply(200, "[1]"), "Answered command reboot (200): [1]");
        assert_eq!(reply(202, ""), "Answered command reboot (202)");
        assert_eq!(
            reply(400, r#"{"error":"no delay"}"#),
            "Answered command reboot (400): no delay"
        );
        assert_eq!(
            reply(409, r#"{"error":"busy","since":3}"#),
            r#"Answered command reboot (409): {"error":"busy","since":3}"#
        );
    }

    #[test]
    fn a_value_is_one_line_of_bounded_length() {
        let forged = "\"\r\nSent message\u{1b}[2J\"";
        let shown = lines(DeviceEvent::Command(Bytes::from(forged)));
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(!shown.contains('\u{1b}'), "{shown}");
        for length in 0..8 {
            let long = "x".repeat(length) + &"°".repeat(100_000);
            let shown = lines(DeviceEvent::DesiredPatch(Bytes::from(long)));
            assert!(shown.len() < MAX_VALUE_LENGTH + 100, "{}", shown.len());
            assert!(shown.ends_with("°…"), "{shown}");
        }
        let shown = reply(200, &"y".repeat(100_000));
        assert!(shown.len() < MAX_VALUE_LENGTH + 100 && shown.ends_with('…'));
    }
}
