//! The report on standard output: device events in the words and order of Microsoft's sample.

use std::{
    io::{IsTerminal, Write, stdin, stdout},
    sync::{Mutex, PoisonError},
};

use crate::{
    device::DeviceEvent,
    provision::dps::Assignment,
    swap::{HistoryEntry, SwapStep},
    text::truncate,
};

/// The length limit of a text from the cloud or the component, in bytes.
const MAX_TEXT_LENGTH: usize = 256;

/// Prints device events to standard output.
#[derive(Debug, Default)]
pub(crate) struct StdoutReporter {
    reported: Mutex<Reported>,
}

/// The state of events that are reported only once.
#[derive(Debug, Default)]
struct Reported {
    hub: Option<Assignment>,
    listening: bool,
}

impl StdoutReporter {
    /// Prints an event.
    pub(crate) fn report(&self, event: &DeviceEvent) {
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = reported.lines(event, stdin().is_terminal());
        if lines.is_empty() {
            return;
        }
        lines.push('\n');
        // A closed pipe does not end the device.
        let mut out = stdout().lock();
        let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    }
}

impl Reported {
    fn lines(&mut self, event: &DeviceEvent, terminal: bool) -> String {
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
            DeviceEvent::Desired(statuses) => {
                let handled: Vec<_> = statuses
                    .iter()
                    .map(|(name, status)| format!("{} ({status})", clean(name)))
                    .collect();
                format!("Handled desired properties: {}", handled.join(", "))
            }
            DeviceEvent::Swap(entry) => swap_step(entry),
            DeviceEvent::Command(name, status) => {
                format!("Answered command {} ({status})", clean(name))
            }
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

fn clean(text: &str) -> String {
    truncate(text, MAX_TEXT_LENGTH)
}
