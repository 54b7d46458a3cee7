//! What standard output tells: the milestones of Microsoft's sample, in its words and order.

use std::{
    io::{IsTerminal, Write, stdin, stdout},
    sync::{Mutex, PoisonError},
};

use crate::{
    device::Milestone,
    provision::dps::Assignment,
    swap::{Entry, Step},
    text::cut,
};

/// Bytes told of one thing.
const LONGEST: usize = 256;

/// Tells milestones to a person.
#[derive(Debug, Default)]
pub(crate) struct Story {
    told: Mutex<Told>,
}

/// What is told only once.
#[derive(Debug, Default)]
struct Told {
    hub: Option<Assignment>,
    listening: bool,
}

impl Story {
    /// Tells a milestone.
    pub(crate) fn tell(&self, milestone: &Milestone) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut lines = told.lines(milestone, stdin().is_terminal());
        if lines.is_empty() {
            return;
        }
        lines.push('\n');
        // A reader that has gone away is no reason to end.
        let mut out = stdout().lock();
        let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
    }
}

impl Told {
    fn lines(&mut self, milestone: &Milestone, terminal: bool) -> String {
        match milestone {
            // The log tells.
            Milestone::Started | Milestone::Disconnected => String::new(),
            Milestone::Assigned(assignment) => {
                let place = self.place(assignment);
                let place = place.map_or_else(String::new, |place| format!("\n{place}"));
                format!("Device was assigned{place}")
            }
            Milestone::Connected(assignment) => self.place(assignment).unwrap_or_default(),
            Milestone::Listening if self.listening => String::new(),
            Milestone::Listening => {
                self.listening = true;
                let quit = if terminal { "\nPress Q to quit" } else { "" };
                format!("Listening for command requests and property updates{quit}")
            }
            Milestone::Sending(names) => {
                let what = if names.is_empty() {
                    "the device".to_owned()
                } else {
                    clean(&names.join(", "))
                };
                format!("Sending telemetry for {what}")
            }
            Milestone::Sent => "Sent message".to_owned(),
            Milestone::Desired(statuses) => {
                let told: Vec<_> = statuses
                    .iter()
                    .map(|(name, status)| format!("{} ({status})", clean(name)))
                    .collect();
                format!("Handled desired properties: {}", told.join(", "))
            }
            Milestone::Version(entry) => version(entry),
            Milestone::Command(name, status) => {
                format!("Answered command {} ({status})", clean(name))
            }
        }
    }

    /// Hub and device id, when they are new.
    fn place(&mut self, assignment: &Assignment) -> Option<String> {
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

/// A step a person who watches the device would want to see; what goes wrong is in the log.
fn version(entry: &Entry) -> String {
    let Some(about) = &entry.version else {
        return String::new();
    };
    match (entry.step, &entry.instead) {
        (Step::Begun, _) => {
            let pause = entry.pause_ms.unwrap_or_default();
            format!("Swapped to {about} in {pause:.1} ms")
        }
        (Step::Accepted, _) => format!("Accepted {about}"),
        (Step::RolledBack, Some(instead)) => format!("Rolled back from {about} to {instead}"),
        _ => String::new(),
    }
}

fn clean(text: &str) -> String {
    cut(text, LONGEST)
}
