//! The history of a device's swaps, step by step.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    step::{SwapSource, SwapStep},
    version_table::VersionInfo,
};
use crate::text::{counted, truncate};

/// Limit of entries; beyond it the oldest is evicted.
const MAX_ENTRIES: usize = 100;
/// Limit of `failed` entries among them, so that failures do not evict the steps of swaps.
const MAX_FAILURES: usize = 20;
/// Limit of a reason in bytes: it goes into a reported property, which IoT Hub limits to 4 KiB.
const MAX_REASON: usize = 2 << 10;

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
    #[serde(alias = "instead", skip_serializing_if = "Option::is_none", default)]
    pub rolled_back_to: Option<VersionInfo>,
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
    #[serde(alias = "undone", skip_serializing_if = "Option::is_none", default)]
    pub undone_batches: Option<u64>,
    /// Messages and reports the version had queued, which a rollback has dropped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dropped_messages: Option<u64>,
    /// Cloud-to-device messages the version had taken, which go to the version that runs after a rollback.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub redelivered_messages: Option<u64>,
    /// Repetitions in a row.
    #[serde(alias = "times", default = "once")]
    pub count: u32,
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
            rolled_back_to: None,
            file: None,
            reason: None,
            pause_ms: None,
            undone_batches: None,
            dropped_messages: None,
            redelivered_messages: None,
            count: 1,
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
        self.reason = Some(truncate(&reason.into(), MAX_REASON));
        self
    }

    /// Describes the step for a person.
    #[must_use]
    pub fn describe(&self) -> String {
        let version = self.version.as_ref().map(ToString::to_string);
        let version = version.as_deref().unwrap_or("candidate");
        let reason = self.reason.as_deref().unwrap_or_default();
        match self.step {
            SwapStep::Requested => match (&self.file, &self.reason) {
                (_, Some(progress)) => progress.clone(),
                (Some(file), None) => format!("preparing {}", file.display()),
                (None, None) => "preparing".to_owned(),
            },
            SwapStep::Prepared => format!("{version} prepared"),
            SwapStep::Unchanged => format!("{version} is already running"),
            SwapStep::Rejected => match &self.version {
                Some(version) => format!("{version} rejected: {reason}"),
                None => format!("rejected: {reason}"),
            },
            SwapStep::Superseded => format!("{version} superseded: {reason}"),
            SwapStep::Started => format!(
                "{version} started in {:.1} ms, on probation",
                self.pause_ms.unwrap_or_default()
            ),
            SwapStep::Resumed => format!("{version} resumed probation: {reason}"),
            SwapStep::Accepted => format!("{version} accepted"),
            SwapStep::RolledBack => {
                let rolled_back_to = self.rolled_back_to.as_ref().map(ToString::to_string);
                format!(
                    "rolled back from {version} to {}{}: {reason}",
                    rolled_back_to.as_deref().unwrap_or("the previous version"),
                    self.describe_undone(),
                )
            }
            SwapStep::Failed => format!("{version} failed: {reason}"),
        }
    }

    /// Describes the items a rollback has undone, each preceded by a comma.
    fn describe_undone(&self) -> String {
        let calls = self
            .undone_batches
            .map(|undone| format!(", {} undone", counted(undone, "call")));
        let some = |count: Option<u64>| count.filter(|count| *count > 0);
        let dropped = some(self.dropped_messages)
            .map(|dropped| format!(", {} dropped", counted(dropped, "queued message")));
        let redelivered = some(self.redelivered_messages).map(|redelivered| {
            let messages = counted(redelivered, "cloud-to-device message");
            format!(", {messages} redelivered")
        });
        let all = [calls, dropped, redelivered];
        all.into_iter().flatten().collect()
    }

    /// Logs the step.
    pub(crate) fn log(&self, device: &str) {
        let version = self.version.as_ref().map(tracing::field::display);
        let rolled_back_to = self.rolled_back_to.as_ref().map(tracing::field::display);
        let file = self
            .file
            .as_ref()
            .map(|file| tracing::field::debug(file.clone()));
        let (source, reason) = (self.source.name(), self.reason.as_deref());
        match self.step {
            SwapStep::Requested => {
                tracing::info!(device, source, file, "swap requested")
            }
            SwapStep::Prepared => tracing::info!(device, version, "candidate prepared"),
            SwapStep::Unchanged => {
                tracing::info!(
                    device,
                    version,
                    source,
                    "swap skipped: version already running"
                )
            }
            SwapStep::Rejected => {
                tracing::error!(device, source, version, file, reason, "swap rejected");
            }
            SwapStep::Superseded => tracing::info!(device, version, reason, "candidate superseded"),
            SwapStep::Started => {
                let pause_ms = self.pause_ms;
                tracing::info!(
                    device,
                    source,
                    version,
                    pause_ms,
                    "candidate started, on probation"
                );
            }
            SwapStep::Resumed => {
                tracing::info!(device, version, reason, "probation resumed")
            }
            SwapStep::Accepted => {
                tracing::info!(device, version, "candidate accepted")
            }
            SwapStep::RolledBack => {
                let undone_batches = self.undone_batches;
                tracing::error!(
                    device,
                    source,
                    version,
                    reason,
                    rolled_back_to,
                    undone_batches,
                    dropped_messages = self.dropped_messages,
                    redelivered_messages = self.redelivered_messages,
                    "rolled back"
                );
            }
            SwapStep::Failed => {
                tracing::error!(device, version, reason, "accepted version failed")
            }
        }
    }

    fn is_repeated_by(&self, other: &Self) -> bool {
        self.step == other.step
            && self.source == other.source
            && self.version == other.version
            && self.file == other.file
            && self.reason == other.reason
            && matches!(self.step, SwapStep::Failed | SwapStep::Rejected)
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
                last.count = last.count.saturating_add(1);
                last.time = entry.time;
            }
            _ => self.0.push(entry),
        }
        let is_failure = |entry: &HistoryEntry| entry.step == SwapStep::Failed;
        if self.0.iter().filter(|entry| is_failure(entry)).count() > MAX_FAILURES
            && let Some(oldest) = self.0.iter().position(is_failure)
        {
            self.0.remove(oldest);
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
        assert_eq!(history.entries()[0].count, 1000);
        for number in 0..1000 {
            history.add(entry(SwapStep::Failed, &number.to_string()));
            history.add(entry(SwapStep::Requested, "not recorded"));
        }
        assert_eq!(history.entries().len(), MAX_FAILURES);
        for number in 0..1000 {
            history.add(entry(SwapStep::Rejected, &number.to_string()));
        }
        assert_eq!(history.entries().len(), MAX_ENTRIES);
        assert_eq!(history.last_swap().unwrap().reason.as_deref(), Some("999"));
    }

    #[test]
    fn a_history_written_in_earlier_words_is_read() {
        let version = r#"{"name":"thermostat","version":"1.0.0","modelId":"dtmi:com:example:Thermostat;1","sha256":"b"}"#;
        let other = version.replace("\"b\"", "\"a\"");
        let entry = |step: &str, members: &str| {
            format!(
                r#"{{"time":"2026-01-02T03:04:05.678Z","step":"{step}","source":"command","version":{version},{members}"#
            )
        };
        let written = [
            entry(
                "refused",
                r#""file":"/tmp/b.wasm","reason":"why","times":2}"#,
            ),
            entry("replaced", r#""reason":"why","times":1}"#),
            entry(
                "begun",
                r#""file":"/tmp/b.wasm","pauseMs":0.312,"times":1}"#,
            ),
            entry("continued", r#""reason":"why","times":1}"#),
            entry("accepted", r#""times":1}"#),
            entry(
                "rolled-back",
                &format!(r#""instead":{other},"reason":"why","undone":2,"times":1}}"#),
            ),
            entry("failed", r#""reason":"why","times":2}"#),
        ];
        let history: History = serde_json::from_str(&format!("[{}]", written.join(","))).unwrap();
        let steps: Vec<_> = history.entries().iter().map(|it| it.step.name()).collect();
        let names = [
            "rejected",
            "superseded",
            "started",
            "resumed",
            "accepted",
            "rolled-back",
            "failed",
        ];
        assert_eq!(steps, names);
        let json = serde_json::to_value(&history).unwrap();
        assert_eq!(json[0]["count"], 2);
        assert_eq!(json[2]["pauseMs"], 0.312);
        assert_eq!(json[5]["rolledBackTo"]["sha256"], "a");
        assert_eq!(json[5]["undoneBatches"], 2);
        for step in ["asked", "prepared", "same"] {
            let step: SwapStep = serde_json::from_str(&format!("\"{step}\"")).unwrap();
            assert!(!step.is_recorded());
        }
    }
}
