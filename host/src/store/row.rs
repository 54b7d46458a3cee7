//! One row of the store: a part of what a device remembers, as bytes that can tell whether they are whole.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::{
    aside::{SetAside, Tally},
    outbox::Outgoing,
    saved::{Kept, Place},
};
use crate::{
    device::timers::KeptTimer,
    hub::{message::Message, twin::Twin},
    swap::{History, Versions},
};

/// A part of what a device remembers, as it is after a batch.
#[derive(Debug)]
pub enum Row<'a> {
    /// The component's record.
    Record(&'a str),
    /// All timers.
    Timers(Vec<KeptTimer>),
    /// What was applied of the desired properties.
    Twin(&'a Twin),
    /// The hub the device was last connected to.
    Place(&'a Place),
    /// The versions of the behaviour.
    Versions(&'a Versions),
    /// What became of them.
    History(&'a History),
    /// How many messages have given way.
    Evicted(u64),
    /// A telemetry message, by its id in the outbox.
    Telemetry(u64, &'a Message),
    /// A report, by its id in the outbox.
    Report(u64, &'a Map<String, Value>),
    /// The entry of the outbox with this id is gone.
    Gone(u64),
    /// A thing set aside, by its id there.
    Aside(u64, &'a SetAside),
    /// What was set aside with this id is gone.
    AsideGone(u64),
    /// How much was ever set aside.
    AsideTally(Tally),
}

/// Whose row it is, what it is, and its id in the outbox. Rows of one device lie together, its outbox in order.
pub(super) type Key<'a> = (&'a str, u8, u64);

const RECORD: u8 = 0;
const TIMERS: u8 = 1;
const TWIN: u8 = 2;
const PLACE: u8 = 3;
const EVICTED: u8 = 4;
const VERSIONS: u8 = 5;
const HISTORY: u8 = 6;
const ASIDE_TALLY: u8 = 7;
/// An entry of the outbox.
pub(super) const OUTGOING: u8 = 16;
/// A thing set aside.
pub(super) const ASIDE: u8 = 17;

/// Bytes of the checksum in front of each row. It is there for accidents, not against forgery.
const CHECKSUM: usize = 8;

/// A row that is not what was written.
#[derive(Debug, thiserror::Error)]
#[error("a row of kind {kind} is damaged: {why}")]
pub(super) struct RowError {
    kind: u8,
    why: String,
}

impl Row<'_> {
    /// What the row is, and its id.
    #[must_use]
    pub fn kind_and_id(&self) -> (u8, u64) {
        match self {
            Self::Record(_) => (RECORD, 0),
            Self::Timers(_) => (TIMERS, 0),
            Self::Twin(_) => (TWIN, 0),
            Self::Place(_) => (PLACE, 0),
            Self::Versions(_) => (VERSIONS, 0),
            Self::History(_) => (HISTORY, 0),
            Self::Evicted(_) => (EVICTED, 0),
            Self::Telemetry(id, _) | Self::Report(id, _) | Self::Gone(id) => (OUTGOING, *id),
            Self::Aside(id, _) | Self::AsideGone(id) => (ASIDE, *id),
            Self::AsideTally(_) => (ASIDE_TALLY, 0),
        }
    }

    /// Its text; none for what is gone.
    #[must_use]
    pub fn text(&self) -> Option<Vec<u8>> {
        match self {
            Self::Record(record) => Some(record.as_bytes().to_vec()),
            Self::Timers(timers) => json(timers),
            Self::Twin(twin) => json(twin),
            Self::Place(place) => json(place),
            Self::Versions(versions) => json(versions),
            Self::History(history) => json(history),
            Self::Evicted(count) => json(count),
            Self::Telemetry(_, message) => json(&Written::Telemetry(message)),
            Self::Report(_, report) => json(&Written::Report(report)),
            Self::Aside(_, entry) => json(entry),
            Self::AsideTally(tally) => json(tally),
            Self::Gone(_) | Self::AsideGone(_) => None,
        }
    }
}

fn json(value: &(impl Serialize + ?Sized)) -> Option<Vec<u8>> {
    // None of these types can fail to serialise: their keys are strings.
    serde_json::to_vec(value).ok()
}

/// [`Outgoing`] as it is written, without a copy.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Written<'a> {
    Telemetry(&'a Message),
    Report(&'a Map<String, Value>),
}

/// The text with its checksum, as it lies on disk. The checksum covers the key, so that no row is taken for another.
pub(super) fn seal(key: Key<'_>, text: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::with_capacity(CHECKSUM + text.len());
    sealed.extend_from_slice(&checksum(key, text));
    sealed.extend_from_slice(text);
    sealed
}

fn checksum((device, kind, id): Key<'_>, text: &[u8]) -> [u8; CHECKSUM] {
    let mut hash = Sha256::new();
    hash.update((device.len() as u64).to_le_bytes());
    hash.update(device);
    hash.update([kind]);
    hash.update(id.to_le_bytes());
    hash.update(text);
    let mut checksum = [0; CHECKSUM];
    for (to, from) in checksum.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    checksum
}

impl Kept {
    /// Takes in a row as it lies on disk.
    pub(super) fn take(&mut self, key: Key<'_>, sealed: &[u8]) -> Result<(), RowError> {
        let (_, kind, id) = key;
        let wrong = |why: String| RowError { kind, why };
        let text = match sealed.split_first_chunk::<CHECKSUM>() {
            Some((sum, text)) if *sum == checksum(key, text) => text,
            _ => return Err(wrong("its checksum does not fit".to_owned())),
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
            PLACE => serde_json::from_slice(text).map(|place| self.place = Some(place)),
            EVICTED => read(text, &mut self.evicted),
            VERSIONS => read(text, &mut self.versions),
            HISTORY => read(text, &mut self.history),
            OUTGOING => serde_json::from_slice(text)
                .map(|outgoing: Outgoing| self.outgoing.push((id, outgoing))),
            ASIDE => serde_json::from_slice(text).map(|entry| self.aside.push((id, entry))),
            ASIDE_TALLY => read(text, &mut self.aside_tally),
            _ => return Err(wrong("there is no such kind".to_owned())),
        };
        result.map_err(|error| wrong(error.to_string()))
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
            kind in prop_oneof![0..8_u8, Just(OUTGOING)],
            text in ".{0,30}|[\\[\\]{}\":,0-9a-z]{0,30}|\\[{1,200}",
        ) {
            let key = ("d", kind, 0);
            let _ = Kept::default().take(key, &seal(key, text.as_bytes()));
        }
    }

    #[test]
    fn a_row_that_was_changed_moved_or_cut_is_not_taken() {
        let key = ("d", RECORD, 0);
        let sealed = seal(key, b"{\"schema\":1}");
        let mut kept = Kept::default();
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
