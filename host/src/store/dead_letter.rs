//! The dead letters of a device: items that could not be delivered, kept for an operator to retry or discard.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{outbox::Outgoing, row::Row};
use crate::hub::{
    message::{TelemetryMessage, body},
    twin::report_size,
};

/// The limit of dead letters of one device: more than an operator looks through, and few compared with an outbox.
const MAX_ENTRIES: usize = 100;
/// The limit in bytes of all dead letters of one device: four messages of the largest size.
const MAX_BYTES: usize = 1 << 20;

/// An item that could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The time at which it was dead-lettered.
    pub since: Timestamp,
    /// The reason, for people.
    #[serde(alias = "why")]
    pub reason: String,
    /// The id it had in the outbox; `None` for a cloud-to-device message.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub outgoing: Option<u64>,
    /// The item.
    #[serde(alias = "what")]
    pub item: Undelivered,
}

/// The content of a dead letter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undelivered {
    /// A telemetry message, to the hub.
    Telemetry(TelemetryMessage),
    /// A reported PATCH, to the hub.
    Report(Map<String, Value>),
    /// A cloud-to-device message, to the component.
    Message(CloudMessage),
}

/// A cloud-to-device message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudMessage {
    /// Its properties.
    pub properties: Vec<(String, String)>,
    /// Its body.
    #[serde(with = "body")]
    pub body: Bytes,
}

impl CloudMessage {
    /// Returns the size in bytes: body and properties.
    #[must_use]
    pub fn size(&self) -> usize {
        let properties = self.properties.iter();
        let sizes = properties.map(|(name, value)| name.len() + value.len());
        self.body.len() + sizes.sum::<usize>()
    }
}

/// An operator's request for dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterAction {
    /// Send it, or hand it to the component, once more.
    Retry,
    /// Delete it.
    Discard,
}

/// The result of a [`DeadLetterAction`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetterResult {
    /// The ids of dead letters that were retried or discarded.
    pub done: Vec<u64>,
    /// The ids of messages that stay, because the running component takes no messages.
    pub skipped: Vec<u64>,
}

/// The number of dead letters since the device first ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetterCounts {
    /// All dead letters; also the id of the newest.
    pub total: u64,
    /// Dead letters evicted by newer ones.
    #[serde(alias = "givenWay")]
    pub evicted: u64,
}

/// The dead letters of a device, by ids that are never reused. Beyond the bounds the oldest is evicted.
#[derive(Debug, Default)]
pub struct DeadLetters {
    entries: BTreeMap<u64, DeadLetter>,
    bytes: usize,
    counts: DeadLetterCounts,
    /// Entries added or removed since the last [`mark_persisted`](Self::mark_persisted).
    changed: BTreeSet<u64>,
    counts_changed: bool,
}

impl Undelivered {
    /// Returns the kind of item in one word, for logs and JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Telemetry(_) => "telemetry",
            Self::Report(_) => "report",
            Self::Message(_) => "message",
        }
    }

    /// Returns the size in bytes: body and properties.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Telemetry(message) => message.size(),
            Self::Report(report) => report_size(report),
            Self::Message(message) => message.size(),
        }
    }
}

impl From<Outgoing> for Undelivered {
    fn from(outgoing: Outgoing) -> Self {
        match outgoing {
            Outgoing::Telemetry(message) => Self::Telemetry(message),
            Outgoing::Report(report) => Self::Report(report),
        }
    }
}

impl DeadLetters {
    /// Restores the dead letters an earlier process has persisted.
    pub(super) fn restored(kept: Vec<(u64, DeadLetter)>, counts: DeadLetterCounts) -> Self {
        let bytes = kept.iter().map(|(_, it)| it.item.size()).sum();
        Self {
            entries: kept.into_iter().collect(),
            bytes,
            counts,
            ..Self::default()
        }
    }

    /// Returns all dead letters, the oldest first.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &DeadLetter)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// Returns the dead letter with this id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&DeadLetter> {
        self.entries.get(&id)
    }

    /// Returns the number of dead letters since the device first ran.
    #[must_use]
    pub fn counts(&self) -> DeadLetterCounts {
        self.counts
    }

    /// Adds a dead letter, and evicts the oldest beyond the bounds. On probation, those before `last_before` stay, and
    /// messages since then, which a rollback hands to the next version.
    pub(super) fn add(&mut self, entry: DeadLetter, last_before: Option<u64>) {
        self.counts.total += 1;
        self.counts_changed = true;
        self.bytes += entry.item.size();
        self.entries.insert(self.counts.total, entry);
        self.changed.insert(self.counts.total);
        while (self.entries.len() > MAX_ENTRIES || self.bytes > MAX_BYTES)
            && let Some(oldest) = self.oldest(last_before)
        {
            self.take(oldest);
            self.counts.evicted += 1;
        }
    }

    /// Returns the oldest dead letter that may be evicted.
    fn oldest(&self, last_before: Option<u64>) -> Option<u64> {
        let is_outgoing = |entry: &DeadLetter| !matches!(entry.item, Undelivered::Message(_));
        let evictable = |(id, entry): &(&u64, &DeadLetter)| match last_before {
            Some(last) => **id > last && is_outgoing(entry),
            None => true,
        };
        self.entries.iter().find(evictable).map(|(id, _)| *id)
    }

    pub(super) fn take(&mut self, id: u64) -> Option<DeadLetter> {
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.item.size();
        self.changed.insert(id);
        Some(entry)
    }

    /// Adds a row for each entry added or removed since the last call of [`mark_persisted`](Self::mark_persisted).
    pub(super) fn changed_rows<'a>(&'a self, rows: &mut Vec<Row<'a>>) {
        rows.extend(self.changed.iter().map(|id| match self.entries.get(id) {
            Some(entry) => Row::DeadLetter(*id, entry),
            None => Row::DeadLetterRemoved(*id),
        }));
        if self.counts_changed {
            rows.push(Row::DeadLetterCounts(self.counts));
        }
    }

    /// Notes that all changes went to the backend.
    pub(super) fn mark_persisted(&mut self) {
        self.changed.clear();
        self.counts_changed = false;
    }

    /// Marks all entries as changed, so that they are persisted again.
    pub(super) fn mark_all_changed(&mut self) {
        self.changed.extend(self.entries.keys());
        self.counts_changed = true;
    }
}
