//! What became of the versions of a device, step by step.

use std::{fmt, path::PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::versions::About;

/// Entries kept; the oldest gives way.
const MAX_ENTRIES: usize = 100;

/// One step of a version's life. Each has a log line and a counter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Somebody wants another version; it is being prepared.
    Asked,
    /// It is compiled, fits this host, and waits for the call in hand.
    Prepared,
    /// It is what runs already; nothing happens.
    Same,
    /// It does not come to run.
    Refused,
    /// A newer one took its place, before it began or while it was on probation.
    Replaced,
    /// It has taken over, on probation.
    Begun,
    /// The process ended while it was on probation, and it goes on in another one.
    Continued,
    /// It has passed its probation.
    Accepted,
    /// It was withdrawn, and an earlier one runs again.
    RolledBack,
    /// It failed in a call after it was accepted, and goes on.
    Failed,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 10] = [
        Self::Asked,
        Self::Prepared,
        Self::Same,
        Self::Refused,
        Self::Replaced,
        Self::Begun,
        Self::Continued,
        Self::Accepted,
        Self::RolledBack,
        Self::Failed,
    ];

    /// Whether whoever asked has nothing more to wait for.
    #[must_use]
    pub fn is_end(self) -> bool {
        matches!(
            self,
            Self::Same | Self::Refused | Self::Replaced | Self::Accepted | Self::RolledBack
        )
    }

    /// Whether the history has it. Steps on the way to another one are only logged and counted.
    #[must_use]
    pub fn is_kept(self) -> bool {
        !matches!(self, Self::Asked | Self::Prepared | Self::Same)
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Prepared => "prepared",
            Self::Same => "same",
            Self::Refused => "refused",
            Self::Replaced => "replaced",
            Self::Begun => "begun",
            Self::Continued => "continued",
            Self::Accepted => "accepted",
            Self::RolledBack => "rolled-back",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Who wanted a version to be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The start of the host, with another file than before.
    Start,
    /// `--watch`: the file has changed.
    Watch,
    /// SIGHUP.
    Signal,
    /// `host swap` or `host rollback`.
    Command,
    /// The host itself, because the version failed.
    Host,
}

impl Source {
    /// Whether the version is that of the `--component` file.
    #[must_use]
    pub fn is_component_file(self) -> bool {
        matches!(self, Self::Start | Self::Watch | Self::Signal)
    }

    /// Its name, as in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Watch => "watch",
            Self::Signal => "signal",
            Self::Command => "command",
            Self::Host => "host",
        }
    }
}

/// One step, as the history has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When; of several in a row that are alike, the last.
    pub time: Timestamp,
    /// What happened.
    pub step: Step,
    /// Who wanted it.
    pub source: Source,
    /// The version it happened to, if it could be read so far.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<About>,
    /// What runs instead, if it was withdrawn.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instead: Option<About>,
    /// Its file, if one was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<PathBuf>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// How long no event was handled, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pause_ms: Option<f64>,
    /// How many committed calls were undone. A roll-back of a version that ran in an earlier process too does not know.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undone: Option<u64>,
    /// How often it happened in a row.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl Entry {
    /// An entry with nothing but what each has.
    #[must_use]
    pub fn new(time: Timestamp, step: Step, source: Source) -> Self {
        Self {
            time,
            step,
            source,
            version: None,
            instead: None,
            file: None,
            reason: None,
            pause_ms: None,
            undone: None,
            times: 1,
        }
    }

    /// Of this version.
    #[must_use]
    pub fn of(mut self, version: About) -> Self {
        self.version = Some(version);
        self
    }

    /// For this reason.
    #[must_use]
    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// What happened, for a person.
    #[must_use]
    pub fn in_words(&self) -> String {
        let version = self.version.as_ref().map(ToString::to_string);
        let version = version.as_deref().unwrap_or("the version");
        let reason = self.reason.as_deref().unwrap_or_default();
        match self.step {
            Step::Asked => match &self.file {
                Some(file) => format!("preparing {}", file.display()),
                None => "preparing".to_owned(),
            },
            Step::Prepared => format!("{version} is prepared"),
            Step::Same => format!("{version} runs already"),
            Step::Refused | Step::Replaced | Step::Continued | Step::Failed => {
                format!("{version}: {reason}")
            }
            Step::Begun => format!(
                "{version} has taken over in {:.1} ms, and is on probation",
                self.pause_ms.unwrap_or_default()
            ),
            Step::Accepted => format!("{version} is accepted"),
            Step::RolledBack => {
                let instead = self.instead.as_ref().map(ToString::to_string);
                let undone = self.undone.map(|undone| format!(", {undone} calls undone"));
                format!(
                    "back from {version} to {}{}: {reason}",
                    instead.as_deref().unwrap_or("the one before"),
                    undone.unwrap_or_default(),
                )
            }
        }
    }

    /// Writes its line into the log.
    pub(crate) fn log(&self, device: &str) {
        let version = self.version.as_ref().map(tracing::field::display);
        let instead = self.instead.as_ref().map(tracing::field::display);
        let file = self
            .file
            .as_ref()
            .map(|file| tracing::field::debug(file.clone()));
        let (source, reason) = (self.source.name(), self.reason.as_deref());
        match self.step {
            Step::Asked => tracing::info!(device, source, file, "another version is asked for"),
            Step::Prepared => tracing::info!(device, version, "the new version is prepared"),
            Step::Same => tracing::info!(device, version, source, "this version runs already"),
            Step::Refused => {
                tracing::error!(
                    device,
                    source,
                    version,
                    file,
                    reason,
                    "the new version is refused"
                );
            }
            Step::Replaced => tracing::info!(
                device,
                version,
                reason,
                "a version gives way to a newer one"
            ),
            Step::Begun => {
                let pause_ms = self.pause_ms;
                tracing::info!(
                    device,
                    source,
                    version,
                    pause_ms,
                    "the new version has taken over, on probation"
                );
            }
            Step::Continued => {
                tracing::warn!(device, version, reason, "the version on probation goes on")
            }
            Step::Accepted => {
                tracing::info!(device, version, "the new version has passed its probation")
            }
            Step::RolledBack => {
                let undone = self.undone;
                tracing::error!(
                    device,
                    source,
                    version,
                    reason,
                    instead,
                    undone,
                    "rolled back"
                );
            }
            Step::Failed => tracing::error!(device, version, reason, "an accepted version failed"),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        self.step == other.step
            && self.source == other.source
            && self.version == other.version
            && self.file == other.file
            && self.reason == other.reason
            && matches!(self.step, Step::Failed | Step::Refused)
    }
}

/// The steps of a device's versions, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History(Vec<Entry>);

impl History {
    /// Adds a step, if it is one to keep. The same failure again only counts.
    pub fn add(&mut self, entry: Entry) {
        if !entry.step.is_kept() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.is_like(&entry) => {
                last.times = last.times.saturating_add(1);
                last.time = entry.time;
            }
            _ => self.0.push(entry),
        }
        let excess = self.0.len().saturating_sub(MAX_ENTRIES);
        self.0.drain(..excess);
    }

    /// The steps, the oldest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The last step of a swap.
    #[must_use]
    pub fn last_swap(&self) -> Option<&Entry> {
        self.0.iter().rev().find(|entry| entry.step != Step::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(step: Step, reason: &str) -> Entry {
        Entry::new(Timestamp::UNIX_EPOCH, step, Source::Host).because(reason)
    }

    #[test]
    fn the_same_failure_again_only_counts_and_old_entries_give_way() {
        let mut history = History::default();
        for _ in 0..1000 {
            history.add(entry(Step::Failed, "it trapped"));
        }
        assert_eq!(history.entries().len(), 1);
        assert_eq!(history.entries()[0].times, 1000);
        for number in 0..1000 {
            history.add(entry(Step::Failed, &number.to_string()));
            history.add(entry(Step::Asked, "is not kept"));
        }
        assert_eq!(history.entries().len(), MAX_ENTRIES);
    }

    #[test]
    fn the_names_of_steps_are_those_in_json() {
        for step in Step::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
        for source in [
            Source::Start,
            Source::Watch,
            Source::Signal,
            Source::Command,
            Source::Host,
        ] {
            assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        }
    }
}
