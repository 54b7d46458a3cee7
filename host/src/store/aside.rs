//! What could not be delivered, kept for a person to decide about.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    outbox::{Outgoing, report_size},
    row::Row,
};
use crate::hub::message::{Message, body};

/// Things of one device kept aside: more than a person looks through, and few beside an outbox.
const MOST: usize = 100;
/// Bytes of them together: four messages of the largest size, or a hundred usual ones many times over.
const MOST_BYTES: usize = 1 << 20;

/// One thing set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetAside {
    /// When.
    pub since: Timestamp,
    /// Why, for a person.
    pub why: String,
    /// What.
    pub what: Undelivered,
}

/// What could not be delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undelivered {
    /// A telemetry message, to the hub.
    Telemetry(Message),
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

/// What a person wants done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Let it be sent, or handed to the component, once more.
    Retry,
    /// Forget it.
    Discard,
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settled {
    /// The ids it was done with.
    pub done: Vec<u64>,
    /// The ids of messages that stay, because the component that runs takes none.
    pub left: Vec<u64>,
}

/// How much was ever set aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Everything; it is the id of the newest.
    pub total: u64,
    /// What gave way to newer things.
    pub given_way: u64,
}

/// What a device has set aside, by ids no two things ever share. Beyond its bounds the oldest gives way.
#[derive(Debug, Default)]
pub struct Aside {
    entries: BTreeMap<u64, SetAside>,
    bytes: usize,
    tally: Tally,
    /// Entries that are new or gone since the last hand-over, and whether the tally is another.
    changed: BTreeSet<u64>,
    tally_changed: bool,
}

impl Undelivered {
    /// What it is, in one word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Telemetry(_) => "telemetry",
            Self::Report(_) => "report",
            Self::Message(_) => "message",
        }
    }

    /// Its size in bytes: body and properties.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Telemetry(message) => message.size(),
            Self::Report(report) => report_size(report),
            Self::Message(CloudMessage { properties, body }) => {
                let sizes = properties
                    .iter()
                    .map(|(name, value)| name.len() + value.len());
                body.len() + sizes.sum::<usize>()
            }
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

impl Aside {
    /// What an earlier process has left.
    pub(super) fn restored(kept: Vec<(u64, SetAside)>, tally: Tally) -> Self {
        let bytes = kept.iter().map(|(_, it)| it.what.size()).sum();
        Self {
            entries: kept.into_iter().collect(),
            bytes,
            tally,
            ..Self::default()
        }
    }

    /// Everything, in the order in which it was set aside.
    pub fn entries(&self) -> impl Iterator<Item = (u64, &SetAside)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// What has this id.
    #[must_use]
    pub fn get(&self, id: u64) -> Option<&SetAside> {
        self.entries.get(&id)
    }

    /// How much was ever set aside.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.tally
    }

    pub(super) fn add(&mut self, entry: SetAside) {
        self.tally.total += 1;
        self.tally_changed = true;
        self.bytes += entry.what.size();
        self.entries.insert(self.tally.total, entry);
        self.changed.insert(self.tally.total);
        while (self.entries.len() > MOST || self.bytes > MOST_BYTES)
            && let Some((oldest, _)) = self.entries.first_key_value()
        {
            self.take(*oldest);
            self.tally.given_way += 1;
        }
    }

    pub(super) fn take(&mut self, id: u64) -> Option<SetAside> {
        let entry = self.entries.remove(&id)?;
        self.bytes -= entry.what.size();
        self.changed.insert(id);
        Some(entry)
    }

    /// Adds a row for each entry that is new or gone.
    pub(super) fn changed_rows<'a>(&'a self, rows: &mut Vec<Row<'a>>) {
        rows.extend(self.changed.iter().map(|id| match self.entries.get(id) {
            Some(entry) => Row::Aside(*id, entry),
            None => Row::AsideGone(*id),
        }));
        if self.tally_changed {
            rows.push(Row::AsideTally(self.tally));
        }
    }

    /// What has changed went to the backend.
    pub(super) fn handed_over(&mut self) {
        self.changed.clear();
        self.tally_changed = false;
    }

    /// Everything is to be handed over again.
    pub(super) fn all_changed(&mut self) {
        self.changed.extend(self.entries.keys());
        self.tally_changed = true;
    }
}
