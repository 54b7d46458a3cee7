//! The persisted state of devices: record, timers, twin, outbox and dead letters, changed by batches.

pub mod batch;
mod database;
pub mod dead_letter;
mod device_state;
mod directory;
pub(crate) mod disk;
mod drain;
mod kept_messages;
mod memory;
mod outage;
pub mod outbox;
mod pending;
mod probation;
mod queue;
mod retention;
pub mod row;
pub mod writer;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

pub(crate) use self::directory::state_dir_at;
use self::{
    batch::{Batch, DeadLetterChange, MessageChange},
    dead_letter::{DeadLetter, DeadLetters, Undelivered},
    device_state::ChangedParts,
    outbox::{Outbox, Outgoing},
    row::Row,
};
pub use self::{
    database::{Contents, Database, read},
    device_state::{DeviceState, HubBinding, PersistedState},
    directory::{OpenError, StateDir},
    kept_messages::{KeptMessage, KeptMessages},
    memory::MemoryBackend,
    probation::{CandidateItems, ProbationEnd},
    retention::{Retention, WhenFull},
};
pub use crate::contract::OutboxQuota;
use crate::{clock::Clock, status::StoreStatus};

/// Persists batches. A batch is *accepted* once it is as safe as the backend can make it; nothing of it leaves before.
pub trait Backend: Send + 'static {
    /// Takes the rows that a batch has changed, without waiting. Batches of one device are numbered from 1 and accepted in
    /// order, each whole.
    fn persist(&mut self, number: u64, rows: &[Row<'_>]);

    /// Returns the progress of the backend.
    fn progress(&self) -> watch::Receiver<Progress>;
}

/// The progress of a backend with the batches of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number up to which batches are accepted. What they want sent may leave.
    pub accepted: u64,
    /// The number up to which batches are durable. Behind `accepted` only while the disk fails.
    pub durable: u64,
    /// The number of times the backend has lost its rows, so that all are to be persisted again.
    pub resets: u32,
    /// The status of the disk.
    pub store: Arc<StoreStatus>,
}

/// One device's part of the store.
pub struct DeviceStore {
    state: DeviceState,
    outbox: Outbox,
    dead_letters: DeadLetters,
    messages: KeptMessages,
    backend: Box<dyn Backend>,
    progress: watch::Receiver<Progress>,
    last: u64,
    resets: u32,
}

impl DeviceStore {
    /// Restores a device from its persisted state; by default, one that has never run.
    #[must_use]
    pub fn new(
        backend: Box<dyn Backend>,
        mut kept: PersistedState,
        retention: Retention,
        clock: &dyn Clock,
    ) -> Self {
        let progress = backend.progress();
        let state = DeviceState::restored(&mut kept, clock);
        let mut outbox = Outbox::restored(kept.outbox, retention, clock.monotonic());
        let fallback = state.versions.fallback.as_ref();
        outbox.set_marks(fallback.map(|fallback| fallback.state.marks.clone()));
        Self {
            state,
            outbox,
            dead_letters: DeadLetters::restored(kept.dead_letters, kept.dead_letter_counts),
            messages: KeptMessages::restored(kept.messages),
            backend,
            progress,
            last: 0,
            resets: 0,
        }
    }

    /// Returns the state of the device.
    #[must_use]
    pub fn state(&self) -> &DeviceState {
        &self.state
    }

    /// Returns the outbox.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// Returns the dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.dead_letters
    }

    /// Returns the kept cloud-to-device messages.
    #[must_use]
    pub fn messages(&self) -> &KeptMessages {
        &self.messages
    }

    /// Returns the number of the next batch.
    #[must_use]
    pub fn next_batch(&self) -> u64 {
        self.last + 1
    }

    /// Applies a batch, and hands it to the backend if it changes anything. Returns the number of the last batch.
    pub fn commit(&mut self, mut batch: Batch, clock: &dyn Clock) -> u64 {
        let now = clock.monotonic();
        let mut versions_changed = false;
        if let Some(end) = batch.probation_end {
            self.end_probation(end);
        }
        for change in std::mem::take(&mut batch.messages) {
            self.change_messages(change);
        }
        for change in std::mem::take(&mut batch.dead_letters) {
            versions_changed |= self.change_dead_letters(change, clock);
        }
        let (mut changed, outgoing) = self.state.apply(batch, now);
        changed.versions |= versions_changed;
        if changed.versions {
            let fallback = self.state.versions.fallback.as_ref();
            let marks = fallback.map(|fallback| fallback.state.marks.clone());
            self.outbox.set_marks(marks);
        }
        for outgoing in outgoing {
            self.outbox.push(self.last + 1, outgoing, now);
        }
        self.outbox.evict(now);
        self.persist(changed, clock)
    }

    fn change_messages(&mut self, change: MessageChange) {
        match change {
            MessageChange::Keep(message) => self.messages.add(KeptMessage {
                handled: true,
                message,
            }),
            // Until the version on probation is accepted, the next one may need the message.
            MessageChange::Handled(id) if self.state.versions.is_on_probation() => {
                self.messages.set_handled(id, true);
            }
            MessageChange::Handled(id) => {
                self.messages.take(id);
            }
        }
    }

    /// Changes the dead letters. Returns true if that changes the versions.
    fn change_dead_letters(&mut self, change: DeadLetterChange, clock: &dyn Clock) -> bool {
        let (item, outgoing, reason) = match change {
            DeadLetterChange::Outgoing(id, reason) => match self.outbox.take(id) {
                Some(outgoing) => (outgoing.into(), Some(id), reason),
                None => return false,
            },
            DeadLetterChange::Message(message, reason) => {
                (Undelivered::Message(message), None, reason)
            }
            DeadLetterChange::Kept(id, reason) => match self.messages.take(id) {
                Some(message) => (Undelivered::Message(message), None, reason),
                None => return false,
            },
            DeadLetterChange::Requeue(id) => return self.requeue(id, clock.monotonic()),
            DeadLetterChange::Remove(id) => {
                self.dead_letters.take(id);
                return false;
            }
        };
        let entry = DeadLetter {
            since: clock.now(),
            reason,
            outgoing,
            item,
        };
        let last_before = self.marks().map(|marks| marks.last_dead_letter);
        self.dead_letters.add(entry, last_before);
        false
    }

    /// Moves a dead letter to the end of the outbox; a cloud-to-device message stays where it is. Returns true if it must not
    /// be taken for an item of the version on probation, which the versions note.
    fn requeue(&mut self, id: u64, now: Duration) -> bool {
        let outgoing = match self.dead_letters.get(id).map(|entry| &entry.item) {
            Some(Undelivered::Telemetry(message)) => Outgoing::Telemetry(message.clone()),
            Some(Undelivered::Report(report)) => Outgoing::Report(report.clone()),
            Some(Undelivered::Message(_)) | None => return false,
        };
        self.dead_letters.take(id);
        let fallback = self.state.versions.fallback.as_mut();
        let noted = fallback.map(|it| it.state.marks.retried.push(self.outbox.next_id()));
        self.outbox.push(self.last + 1, outgoing, now);
        noted.is_some()
    }

    fn persist(&mut self, changed: ChangedParts, clock: &dyn Clock) -> u64 {
        let mut rows = self.state.rows(changed, clock);
        self.outbox.changed_rows(&mut rows);
        self.dead_letters.changed_rows(&mut rows);
        self.messages.changed_rows(&mut rows);
        if rows.is_empty() {
            return self.last;
        }
        self.last += 1;
        self.backend.persist(self.last, &rows);
        self.outbox.mark_persisted(self.last);
        self.dead_letters.mark_persisted();
        self.messages.mark_persisted();
        self.last
    }

    /// Returns the progress of the backend. Persists what is due without a batch: acknowledgments, and everything if the
    /// backend has lost its rows.
    pub fn sync(&mut self, clock: &dyn Clock) -> Progress {
        let progress = self.progress.borrow_and_update().clone();
        if progress.resets != self.resets {
            self.resets = progress.resets;
            self.outbox.mark_all_changed();
            self.dead_letters.mark_all_changed();
            self.messages.mark_all_changed();
            self.persist(ChangedParts::ALL, clock);
        } else if self.outbox.has_unpersisted_acknowledgments() {
            self.commit(Batch::default(), clock);
        }
        self.outbox.accepted(progress.accepted);
        progress
    }

    /// Waits until the backend has progressed since the last [`sync`](Self::sync). Cancel safe.
    pub async fn progressed(&mut self) {
        if self.progress.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Returns the status of the disk.
    #[must_use]
    pub fn disk_status(&self) -> StoreStatus {
        StoreStatus::clone(&self.progress.borrow().store)
    }

    /// Waits until everything is durable, with the due times of periodic timers. While the disk fails it does not wait: the
    /// end of the store makes the last try.
    pub async fn flush(&mut self, clock: &dyn Clock) {
        let timers = !self.state.timers.is_empty();
        let changed = ChangedParts {
            timers,
            ..ChangedParts::NONE
        };
        let last = self.persist(changed, clock);
        // A backend that is gone persists nothing any more.
        let _ = self
            .progress
            .wait_for(|progress| {
                progress.durable >= last || progress.store.degraded_since.is_some()
            })
            .await;
    }
}
