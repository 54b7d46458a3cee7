//! The persisted state of devices: record, timers, twin, outbox and dead letters, changed by batches.

pub mod batch;
mod database;
pub mod dead_letter;
mod device_state;
mod directory;
mod drain;
mod memory;
pub mod outbox;
mod queue;
mod retention;
pub mod row;
pub mod writer;

use std::time::Duration;

use tokio::sync::watch;

use self::{
    batch::{Batch, DeadLetterChange},
    dead_letter::{DeadLetter, DeadLetters, Undelivered},
    device_state::ChangedParts,
    outbox::{Outbox, Outgoing},
    row::Row,
};
pub use self::{
    database::{Contents, Database, read},
    device_state::{DeviceState, HubBinding, PersistedState},
    directory::{OpenError, StateDir},
    memory::MemoryBackend,
    retention::{OutboxQuota, Retention, WhenFull},
};
use crate::clock::Clock;

/// Persists batches. A batch is *accepted* once it is as safe as the backend can make it; nothing of it leaves before.
pub trait Backend: Send + 'static {
    /// Takes the rows that a batch has changed, without waiting. Batches of one device are numbered from 1 and accepted in
    /// order, each whole.
    fn persist(&mut self, number: u64, rows: &[Row<'_>]);

    /// Returns the progress of the backend.
    fn progress(&self) -> watch::Receiver<Progress>;
}

/// The progress of a backend with the batches of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number up to which batches are accepted. What they want sent may leave.
    pub accepted: u64,
    /// The number up to which batches are durable. Behind `accepted` only while the disk fails.
    pub durable: u64,
    /// The number of times the backend has lost its rows, so that all are to be persisted again.
    pub resets: u32,
}

/// One device's part of the store.
pub struct DeviceStore {
    state: DeviceState,
    outbox: Outbox,
    dead_letters: DeadLetters,
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
        Self {
            state,
            outbox: Outbox::restored(kept.outgoing, kept.evicted, retention, clock),
            dead_letters: DeadLetters::restored(kept.dead_letters, kept.dead_letter_counts),
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

    /// Returns the number of the next batch.
    #[must_use]
    pub fn next_batch(&self) -> u64 {
        self.last + 1
    }

    /// Applies a batch and hands it to the backend. Returns its number.
    pub fn commit(&mut self, mut batch: Batch, clock: &dyn Clock) -> u64 {
        let changed = self.state.changed_by(&batch);
        let now = clock.monotonic();
        for change in std::mem::take(&mut batch.dead_letters) {
            self.change_dead_letters(change, clock);
        }
        for outgoing in self.state.apply(batch, now) {
            self.outbox.push(self.last + 1, outgoing, now);
        }
        self.outbox.evict(now);
        self.persist(changed, clock)
    }

    fn change_dead_letters(&mut self, change: DeadLetterChange, clock: &dyn Clock) {
        let (item, reason) = match change {
            DeadLetterChange::Outgoing(id, reason) => match self.outbox.take(id) {
                Some(outgoing) => (outgoing.into(), reason),
                None => return,
            },
            DeadLetterChange::Message(message, reason) => (Undelivered::Message(message), reason),
            DeadLetterChange::Requeue(id) => return self.requeue(id, clock.monotonic()),
            DeadLetterChange::Remove(id) => {
                self.dead_letters.take(id);
                return;
            }
        };
        let since = clock.now();
        self.dead_letters.add(DeadLetter {
            since,
            reason,
            item,
        });
    }

    /// Moves a dead letter to the end of the outbox; a cloud-to-device message stays where it is.
    fn requeue(&mut self, id: u64, now: Duration) {
        let outgoing = match self.dead_letters.get(id).map(|entry| &entry.item) {
            Some(Undelivered::Telemetry(message)) => Outgoing::Telemetry(message.clone()),
            Some(Undelivered::Report(report)) => Outgoing::Report(report.clone()),
            Some(Undelivered::Message(_)) | None => return,
        };
        self.dead_letters.take(id);
        self.outbox.push(self.last + 1, outgoing, now);
    }

    fn persist(&mut self, changed: ChangedParts, clock: &dyn Clock) -> u64 {
        self.last += 1;
        let mut rows = self.state.rows(changed, clock);
        self.outbox.changed_rows(&mut rows);
        self.dead_letters.changed_rows(&mut rows);
        self.backend.persist(self.last, &rows);
        self.outbox.mark_persisted(self.last);
        self.dead_letters.mark_persisted();
        self.last
    }

    /// Returns the progress of the backend. Persists what is due without a batch: acknowledgments, and everything if the
    /// backend has lost its rows.
    pub fn sync(&mut self, clock: &dyn Clock) -> Progress {
        let progress = *self.progress.borrow_and_update();
        if progress.resets != self.resets {
            self.resets = progress.resets;
            self.outbox.mark_all_changed();
            self.dead_letters.mark_all_changed();
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

    /// Waits until everything is durable.
    pub async fn flush(&mut self, clock: &dyn Clock) {
        let last = self.commit(Batch::default(), clock);
        // A backend that is gone persists nothing any more.
        let _ = self
            .progress
            .wait_for(|progress| progress.durable >= last)
            .await;
    }
}
