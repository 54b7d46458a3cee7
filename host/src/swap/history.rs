//! The history of a device's swaps, step by step.

use std::{fmt, path::PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::versions::VersionInfo;

/// Limit of entries; beyond it the oldest is evicted.
const MAX_ENTRIES: usize = 100;

/// A step of a swap. Each has a log line and a counter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapStep {
    /// Swap requested; the candidate is being prepared.
    Asked,
    /// Candidate compiled and checked; waiting for the current call.
    Prepared,
    /// Candidate identical to the running version; nothing to do.
    Same,
    /// Candidate rejected.
    Refused,
    /// Candidate superseded by a newer request, before its start or on probation.
    Replaced,
    /// Candidate started, on probation.
    Begun,
    /// Probation continued in a new process.
    Continued,
    /// Candidate accepted.
    Accepted,
    /// Version rolled back and quarantined.
    RolledBack,
    /// Call of an accepted version failed; the version stays.
    Failed,
}

impl SwapStep {
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

    /// Returns true if no step follows for the requester.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Same | Self::Refused | Self::Replaced | Self::Accepted | Self::RolledBack
        )
    }

    /// Returns true if the history records this step. Intermediate steps are only logged and counted.
    #[must_use]
    pub fn is_recorded(self) -> bool {
        !matches!(self, Self::Asked | Self::Prepared | Self::Same)
    }

    /// Returns the name used in JSON, logs and metrics.
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

impl fmt::Display for SwapStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The trigger of a swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapSource {
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

impl SwapSource {
    /// Returns true if the candidate is the `--component` file.
    #[must_use]
    pub fn is_component_file(self) -> bool {
        matches!(self, Self::Start | Self::Watch | Self::Signal)
    }

    /// Returns the name used in JSON and logs.
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

/// A step in the history of swaps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// Time of the step; of repeated ones, of the last.
    pub time: Timestamp,
    /// The step.
    pub step: SwapStep,
    /// The trigger of the swap.
    pub source: SwapSource,
    /// The version concerned; `None` if it is not known yet.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<VersionInfo>,
    /// The version that runs after a rollback.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub instead: Option<VersionInfo>,
    /// The file of the swap request.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file: Option<PathBuf>,
    /// The reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Time without event handling during the swap, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub pause_ms: Option<f64>,
    /// Batches undone by a rollback; `None` if the version ran in an earlier process too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub undone: Option<u64>,
    /// Repetitions in a row.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

impl HistoryEntry {
    /// Returns an entry with the members every entry has.
    #[must_use]
    pub fn new(time: Timestamp, step: SwapStep, source: SwapSource) -> Self {
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

    /// Sets the version.
    #[must_use]
    pub fn with_version(mut self, version: VersionInfo) -> Self {
        self.version = Some(version);
        self
    }

    /// Sets the reason.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// Describes the step for a person.
    #[must_use]
    pub fn describe(&self) -> String {
        let version = self.version.as_ref().map(ToString::to_string);
        let version = version.as_deref().unwrap_or("the version");
        let reason = self.reason.as_deref().unwrap_or_default();
        match self.step {
            SwapStep::Asked => match &self.file {
                Some(file) => format!("preparing {}", file.display()),
                None => "preparing".to_owned(),
            },
            SwapStep::Prepared => format!("{version} is prepared"),
            SwapStep::Same => format!("{version} runs already"),
            SwapStep::Refused | SwapStep::Replaced | SwapStep::Continued | SwapStep::Failed => {
                format!("{version}: {reason}")
            }
            SwapStep::Begun => format!(
                "{version} has taken over in {:.1} ms, and is on probation",
                self.pause_ms.unwrap_or_default()
            ),
            SwapStep::Accepted => format!("{version} is accepted"),
            SwapStep::RolledBack => {
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

    /// Logs the step.
    pub(crate) fn log(&self, device: &str) {
        let version = self.version.as_ref().map(tracing::field::display);
        let instead = self.instead.as_ref().map(tracing::field::display);
        let file = self
            .file
            .as_ref()
            .map(|file| tracing::field::debug(file.clone()));
        let (source, reason) = (self.source.name(), self.reason.as_deref());
        match self.step {
            SwapStep::Asked => tracing::info!(device, source, file, "another version is asked for"),
            SwapStep::Prepared => tracing::info!(device, version, "the new version is prepared"),
            SwapStep::Same => tracing::info!(device, version, source, "this version runs already"),
            SwapStep::Refused => {
                tracing::error!(
                    device,
                    source,
                    version,
                    file,
                    reason,
                    "the new version is refused"
                );
            }
            SwapStep::Replaced => tracing::info!(
                device,
                version,
                reason,
                "a version gives way to a newer one"
            ),
            SwapStep::Begun => {
                let pause_ms = self.pause_ms;
                tracing::info!(
                    device,
                    source,
                    version,
                    pause_ms,
                    "the new version has taken over, on probation"
                );
            }
            SwapStep::Continued => {
                tracing::warn!(device, version, reason, "the version on probation goes on")
            }
            SwapStep::Accepted => {
                tracing::info!(device, version, "the new version has passed its probation")
            }
            SwapStep::RolledBack => {
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
            SwapStep::Failed => {
                tracing::error!(device, version, reason, "an accepted version failed")
            }
        }
    }

    fn is_repeated_by(&self, other: &Self) -> bool {
        self.step == other.step
            && self.source == other.source
            && self.version == other.version
            && self.file == other.file
            && self.reason == other.reason
            && matches!(self.step, SwapStep::Failed | SwapStep::Refused)
    }
}

/// The steps of a device's swaps, the oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History(Vec<HistoryEntry>);

impl History {
    /// Adds a step if it is one to record. A repeated failure only counts.
    pub fn add(&mut self, entry: HistoryEntry) {
        if !entry.step.is_recorded() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.is_repeated_by(&entry) => {
                last.times = last.times.saturating_add(1);
                last.time = entry.time;
            }
            _ => self.0.push(entry),
        }
        let excess = self.0.len().saturating_sub(MAX_ENTRIES);
        self.0.drain(..excess);
    }

    /// Returns the steps, the oldest first.
    #[must_use]
    pub fn entries(&self) -> &[HistoryEntry] {
        &self.0
    }

    /// Returns the last step of a swap.
    #[must_use]
    pub fn last_swap(&self) -> Option<&HistoryEntry> {
        self.0
            .iter()
            .rev()
            .find(|entry| entry.step != SwapStep::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(step: SwapStep, reason: &str) -> HistoryEntry {
        HistoryEntry::new(Timestamp::UNIX_EPOCH, step, SwapSource::Host).with_reason(reason)
    }

    #[test]
    fn the_same_failure_again_only_counts_and_old_entries_give_way() {
        let mut history = History::default();
        for _ in 0..1000 {
            history.add(entry(SwapStep::Failed, "it trapped"));
        }
        assert_eq!(history.entries().len(), 1);
        assert_eq!(history.entries()[0].times, 1000);
        for number in 0..1000 {
            history.add(entry(SwapStep::Failed, &number.to_string()));
            history.add(entry(SwapStep::Asked, "not recorded"));
        }
        assert_eq!(history.entries().len(), MAX_ENTRIES);
    }

    #[test]
    fn the_names_of_steps_are_those_in_json() {
        for step in SwapStep::ALL {
            assert_eq!(serde_json::to_value(step).unwrap(), step.name());
        }
        for source in [
            SwapSource::Start,
            SwapSource::Watch,
            SwapSource::Signal,
            SwapSource::Command,
            SwapSource::Host,
        ] {
            assert_eq!(serde_json::to_value(source).unwrap(), source.name());
        }
    }
}
