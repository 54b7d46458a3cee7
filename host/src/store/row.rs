//! One row of the store: a part of a device's state, as bytes with a checksum.

use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    dead_letter::{DeadLetter, DeadLetterCounts},
    device_state::{HubBinding, PersistedState},
    kept_messages::KeptMessage,
    outbox::PersistedOutbox,
};
use crate::{
    contract::timers::PersistedTimer,
    hub::{message::TelemetryMessage, twin::Twin},
    versions::{History, Versions},
};

/// A part of a device's state, as it is after a batch.
#[derive(Debug)]
pub enum Row<'a> {
    /// The component's record.
    Record(&'a str),
    /// All timers.
    Timers(Vec<PersistedTimer>),
    /// The applied desired properties.
    Twin(&'a Twin),
    /// The hub the device was last connected to.
    HubBinding(&'a HubBinding),
    /// The versions of the behaviour.
    Versions(&'a Versions),
    /// The swap history.
    History(&'a History),
    /// The number of messages evicted.
    Evicted(u64),
    /// A telemetry message, by its id in the outbox, with the running time at which it was queued.
    Telemetry(u64, Duration, &'a TelemetryMessage),
    /// A report, by its id in the outbox.
    Report(u64, &'a Map<String, Value>),
    /// The outbox entry with this id is removed.
    OutgoingRemoved(u64),
    /// A dead letter, by its id.
    DeadLetter(u64, &'a DeadLetter),
    /// The dead letter with this id is removed.
    DeadLetterRemoved(u64),
    /// The number of dead letters since the device first ran.
    DeadLetterCounts(DeadLetterCounts),
    /// A kept cloud-to-device message, by its id.
    KeptMessage(u64, &'a KeptMessage),
    /// The kept cloud-to-device message with this id is removed.
    KeptMessageRemoved(u64),
}

/// Device, kind and id of a row, as the database orders them: rows of one device lie together, its outbox in order.
pub(super) type RowKeyRef<'a> = (&'a str, u8, u64);

const RECORD: u8 = 0;
const TIMERS: u8 = 1;
const TWIN: u8 = 2;
const HUB_BINDING: u8 = 3;
const EVICTED: u8 = 4;
const VERSIONS: u8 = 5;
const HISTORY: u8 = 6;
const DEAD_LETTER_COUNTS: u8 = 7;
/// An entry of the outbox.
pub(super) const OUTGOING: u8 = 16;
/// A dead letter.
pub(super) const DEAD_LETTER: u8 = 17;
/// A kept cloud-to-device message.
const KEPT_MESSAGE: u8 = 18;

/// The length of the checksum in front of each row, in bytes. It detects accidents, not forgery.
const CHECKSUM_LENGTH: usize = 8;

/// The error of a row that is not as it was written.
#[derive(Debug, thiserror::Error)]
#[error("row of kind {kind} is damaged: {reason}")]
pub(super) struct RowError {
    kind: u8,
    reason: String,
}

impl Row<'_> {
    /// Returns kind and id of the row.
    #[must_use]
    pub fn kind_and_id(&self) -> (u8, u64) {
        match self {
            Self::Record(_) => (RECORD, 0),
            Self::Timers(_) => (TIMERS, 0),
            Self::Twin(_) => (TWIN, 0),
            Self::HubBinding(_) => (HUB_BINDING, 0),
            Self::Versions(_) => (VERSIONS, 0),
            Self::History(_) => (HISTORY, 0),
            Self::Evicted(_) => (EVICTED, 0),
            Self::Telemetry(id, ..) | Self::Report(id, _) | Self::OutgoingRemoved(id) => {
                (OUTGOING, *id)
            }
            Self::DeadLetter(id, _) | Self::DeadLetterRemoved(id) => (DEAD_LETTER, *id),
            Self::DeadLetterCounts(_) => (DEAD_LETTER_COUNTS, 0),
            Self::KeptMessage(id, _) | Self::KeptMessageRemoved(id) => (KEPT_MESSAGE, *id),
        }
    }

    /// Returns the text of the row; `None` for a removed one.
    #[must_use]
    pub fn text(&self) -> Option<Vec<u8>> {
        match self {
            Self::Record(record) => Some(record.as_bytes().to_vec()),
            Self::Timers(timers) => json(timers),
            Self::Twin(twin) => json(twin),
            Self::HubBinding(binding) => json(binding),
            Self::Versions(versions) => json(versions),
            Self::History(history) => json(history),
            Self::Evicted(count) => json(count),
            Self::Telemetry(_, queued, message) => json(&OutgoingRef::Telemetry(QueuedRef {
                message,
                queued: queued.as_secs(),
            })),
            Self::Report(_, report) => json(&OutgoingRef::Report(report)),
            Self::DeadLetter(_, entry) => json(entry),
            Self::DeadLetterCounts(counts) => json(counts),
            Self::KeptMessage(_, entry) => json(entry),
            Self::OutgoingRemoved(_) | Self::DeadLetterRemoved(_) | Self::KeptMessageRemoved(_) => {
                None
            }
        }
    }
}

fn json(value: &(impl Serialize + ?Sized)) -> Option<Vec<u8>> {
    // None of these types can fail to serialise: their keys are strings.
    serde_json::to_vec(value).ok()
}

/// [`Outgoing`](super::outbox::Outgoing) as it is written, without a copy.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum OutgoingRef<'a> {
    Telemetry(QueuedRef<'a>),
    Report(&'a Map<String, Value>),
}

/// A message with the running time at which it was queued, in seconds. An older host does not read that.
#[derive(Serialize)]
struct QueuedRef<'a> {
    #[serde(flatten)]
    message: &'a TelemetryMessage,
    queued: u64,
}

/// The part of such a row that is no part of the item.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum OutgoingAge {
    Telemetry { queued: Option<u64> },
    Report {},
}

/// The text with its checksum, as it lies on disk. The checksum covers the key, so that no row is taken for another.
pub(super) fn seal(key: RowKeyRef<'_>, text: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(CHECKSUM_LENGTH + text.len());
    sealed.extend_from_slice(&checksum(key, text));
    sealed.extend_from_slice(text);
    sealed
}

fn checksum((device, kind, id): RowKeyRef<'_>, text: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut hash = Sha256::new();
    hash.update((device.len() as u64).to_le_bytes());
    hash.update(device);
    hash.update([kind]);
    hash.update(id.to_le_bytes());
    hash.update(text);
    let mut checksum = [0; CHECKSUM_LENGTH];
    for (to, from) in checksum.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    checksum
}

impl PersistedState {
    /// Returns kind and id of the rows that are numbered: outbox, dead letters and kept messages.
    pub(super) fn numbered_rows(&self) -> impl Iterator<Item = (u8, u64)> + '_ {
        let outgoing = self.outbox.outgoing.iter().map(|(id, _)| (OUTGOING, *id));
        let dead_letters = self.dead_letters.iter().map(|(id, _)| (DEAD_LETTER, *id));
        let messages = self.messages.iter().map(|(id, _)| (KEPT_MESSAGE, *id));
        outgoing.chain(dead_letters).chain(messages)
    }

    /// Takes in a row as it lies on disk.
    pub(super) fn take(&mut self, key: RowKeyRef<'_>, sealed: &[u8]) -> Result<(), RowError> {
        let (_, kind, id) = key;
        let wrong = |reason: String| RowError { kind, reason };
        let text = match sealed.split_first_chunk::<CHECKSUM_LENGTH>() {
            Some((sum, text)) if *sum == checksum(key, text) => text,
            _ => return Err(wrong("checksum mismatch".to_owned())),
        };
        let result = match kind {
            RECORD => match std::str::from_utf8(text) {
                Ok(record) => {
                    self.record = Some(record.to_owned());
                    Ok(())
                }
                Err(error) => return Err(wrong(error.to_string())),
            },
            TIMERS => read(text, &mut self.timers),
            TWIN => read(text, &mut self.twin),
            HUB_BINDING => {
                serde_json::from_slice(text).map(|binding| self.hub_binding = Some(binding))
            }
            EVICTED => read(text, &mut self.outbox.evicted),
            VERSIONS => read(text, &mut self.versions),
            HISTORY => read(text, &mut self.history),
            OUTGOING => self.outbox.take(id, text),
            DEAD_LETTER => {
                serde_json::from_slice(text).map(|entry| self.dead_letters.push((id, entry)))
            }
            DEAD_LETTER_COUNTS => read(text, &mut self.dead_letter_counts),
            KEPT_MESSAGE => {
                serde_json::from_slice(text).map(|entry| self.messages.push((id, entry)))
            }
            _ => return Err(wrong("unknown kind".to_owned())),
        };
        result.map_err(|error| wrong(error.to_string()))
    }
}

impl PersistedOutbox {
    fn take(&mut self, id: u64, text: &[u8]) -> serde_json::Result<()> {
        self.outgoing.push((id, serde_json::from_slice(text)?));
        if let OutgoingAge::Telemetry {
            queued: Some(seconds),
        } = serde_json::from_slice(text)?
        {
            self.queued.insert(id, Duration::from_secs(seconds));
        }
        Ok(())
    }
}

fn read<T: DeserializeOwned>(text: &[u8], into: &mut T) -> serde_json::Result<()> {
    *into = serde_json::from_slice(text)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_in_a_row_makes_it_panic(
            kind in prop_oneof![0..8_u8, OUTGOING..=KEPT_MESSAGE],
            text in ".{0,30}|[\\[\\]{}\":,0-9a-z]{0,30}|\\[{1,200}",
        ) {
            let key = ("d", kind, 0);
            let _ = PersistedState::default().take(key, &seal(key, text.as_bytes()));
        }
    }

    /// Rows as version 3 of the store wrote them.
    #[test]
    fn rows_with_the_names_of_an_older_host_are_read() {
        let message = r#"{"id":"m-1","created":"2026-01-02T03:04:05.678Z","component":"thermostat1","content_type":"application/json","content_encoding":"utf-8","properties":[["alert","yes"]],"body":"e30="}"#;
        let dead_letter = |item: &str| {
            format!(
                r#"{{"since":"2026-01-02T03:04:06Z","why":"the hub refused it with status 400","what":{item}}}"#
            )
        };
        let c2d = r#"{"message":{"properties":[["urgent","yes"]],"body":"c3RvcA=="}}"#;
        let binding = r#"{"enrolment":{"endpoint":"dps.test:8883","id_scope":"0ne1","registration_id":"d-1"},"assignment":{"hub":"hub.test","device_id":"d-1"}}"#;
        let mut kept = PersistedState::default();
        for (kind, id, text) in [
            (HUB_BINDING, 0, binding.to_owned()),
            (
                DEAD_LETTER,
                1,
                dead_letter(&format!(r#"{{"telemetry":{message}}}"#)),
            ),
            (DEAD_LETTER, 2, dead_letter(r#"{"report":{"p":1}}"#)),
            (DEAD_LETTER, 3, dead_letter(c2d)),
            (
                DEAD_LETTER_COUNTS,
                0,
                r#"{"total":3,"givenWay":1}"#.to_owned(),
            ),
        ] {
            let key = ("d", kind, id);
            kept.take(key, &seal(key, text.as_bytes())).unwrap();
        }
        let binding = kept.hub_binding.unwrap();
        assert_eq!(binding.enrollment.unwrap().registration_id, "d-1");
        assert_eq!(binding.assignment.hub, "hub.test");
        let counts = kept.dead_letter_counts;
        assert_eq!((counts.total, counts.evicted), (3, 1));
        let kinds: Vec<_> = kept
            .dead_letters
            .iter()
            .map(|(id, letter)| (*id, letter.item.kind(), &*letter.reason))
            .collect();
        let reason = "the hub refused it with status 400";
        assert_eq!(
            kinds,
            [
                (1, "telemetry", reason),
                (2, "report", reason),
                (3, "message", reason)
            ]
        );
    }

    #[test]
    fn a_row_that_was_changed_moved_or_cut_is_not_taken() {
        let key = ("d", RECORD, 0);
        let sealed = seal(key, b"{\"schema\":1}");
        let mut kept = PersistedState::default();
        kept.take(key, &sealed).unwrap();
        assert_eq!(kept.record.as_deref(), Some("{\"schema\":1}"));
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(kept.take(key, &flipped).is_err(), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert!(kept.take(key, &sealed[..length]).is_err(), "{length} bytes");
        }
        assert!(kept.take(("e", RECORD, 0), &sealed).is_err());
        assert!(kept.take(("d", RECORD, 1), &sealed).is_err());
    }
}
