//! What a device must not forget: its record, timers, twin and outbox, changed by batches.

pub mod aside;
pub mod batch;
mod database;
mod directory;
mod drain;
mod memory;
pub mod outbox;
mod queue;
mod retention;
pub mod row;
mod saved;
pub mod writer;

use std::time::Duration;

use tokio::sync::watch;

use self::{
    aside::{Aside, SetAside, Undelivered},
    batch::{AsideChange, Batch},
    outbox::{Outbox, Outgoing},
    row::Row,
    saved::Changed,
};
pub use self::{
    database::{Contents, Database, read},
    directory::{OpenError, StateDir},
    memory::Memory,
    retention::{Retention, Room, WhenFull},
    saved::{Kept, Place, Saved},
};
use crate::clock::Clock;

/// Keeps batches. A batch is *accepted* once it is as safe as the backend can make it; nothing of it leaves before.
pub trait Backend: Send + 'static {
    /// Takes the rows a batch has changed, and never waits. Batches of one device are numbered from 1 and accepted in
    /// order, each whole.
    fn keep(&mut self, number: u64, rows: &[Row<'_>]);

    /// How far it has come.
    fn progress(&self) -> watch::Receiver<Progress>;
}

/// How far a backend has come with the batches of one device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The number up to which batches are accepted. What they want sent may leave.
    pub accepted: u64,
    /// The number up to which batches are safe. Behind `accepted` only while the disk fails.
    pub safe: u64,
    /// How often what was kept before is gone, so that all rows are to be kept anew.
    pub renewed: u32,
}

/// One device's part of the store.
pub struct DeviceStore {
    saved: Saved,
    outbox: Outbox,
    aside: Aside,
    backend: Box<dyn Backend>,
    progress: watch::Receiver<Progress>,
    last: u64,
    renewed: u32,
}

impl DeviceStore {
    /// A device with what an earlier process has left of it; by default, one that has never run.
    #[must_use]
    pub fn new(
        backend: Box<dyn Backend>,
        mut kept: Kept,
        retention: Retention,
        clock: &dyn Clock,
    ) -> Self {
        let progress = backend.progress();
        let saved = Saved::restored(&mut kept, clock);
        Self {
            saved,
            outbox: Outbox::restored(kept.outgoing, kept.evicted, retention, clock),
            aside: Aside::restored(kept.aside, kept.aside_tally),
            backend,
            progress,
            last: 0,
            renewed: 0,
        }
    }

    /// What the device knows of itself.
    #[must_use]
    pub fn saved(&self) -> &Saved {
        &self.saved
    }

    /// What is to be sent.
    pub fn outbox(&mut self) -> &mut Outbox {
        &mut self.outbox
    }

    /// What is set aside.
    #[must_use]
    pub fn aside(&self) -> &Aside {
        &self.aside
    }

    /// The number the next batch will have.
    #[must_use]
    pub fn next_batch(&self) -> u64 {
        self.last + 1
    }

    /// Applies a batch and hands it over for keeping. Returns its number.
    pub fn commit(&mut self, mut batch: Batch, clock: &dyn Clock) -> u64 {
        let changed = self.saved.changed_by(&batch);
        let now = clock.monotonic();
        for change in std::mem::take(&mut batch.aside) {
            self.change_aside(change, clock);
        }
        for outgoing in self.saved.apply(batch, now) {
            self.outbox.push(self.last + 1, outgoing, now);
        }
        self.outbox.evict(now);
        self.hand_over(changed, clock)
    }

    fn change_aside(&mut self, change: AsideChange, clock: &dyn Clock) {
        let (what, why) = match change {
            AsideChange::Outgoing(id, why) => match self.outbox.take_out(id) {
                Some(outgoing) => (outgoing.into(), why),
                None => return,
            },
            AsideChange::Message(message, why) => (Undelivered::Message(message), why),
            AsideChange::Return(id) => return self.send_again(id, clock.monotonic()),
            AsideChange::Gone(id) => {
                self.aside.take(id);
                return;
            }
        };
        let since = clock.now();
        self.aside.add(SetAside { since, why, what });
    }

    /// Lets what was set aside be sent again; a message of the cloud's stays where it is.
    fn send_again(&mut self, id: u64, now: Duration) {
        let outgoing = match self.aside.get(id).map(|entry| &entry.what) {
            Some(Undelivered::Telemetry(message)) => Outgoing::Telemetry(message.clone()),
            Some(Undelivered::Report(report)) => Outgoing::Report(report.clone()),
            Some(Undelivered::Message(_)) | None => return,
        };
        self.aside.take(id);
        self.outbox.push(self.last + 1, outgoing, now);
    }

    fn hand_over(&mut self, changed: Changed, clock: &dyn Clock) -> u64 {
        self.last += 1;
        let mut rows = self.saved.rows(changed, clock);
        self.outbox.changed_rows(&mut rows);
        self.aside.changed_rows(&mut rows);
        self.backend.keep(self.last, &rows);
        self.outbox.handed_over(self.last);
        self.aside.handed_over();
        self.last
    }

    /// How far the backend has come. Hands over what is due without a batch: acknowledgments, and everything if the
    /// backend has lost it.
    pub fn settle(&mut self, clock: &dyn Clock) -> Progress {
        let progress = *self.progress.borrow_and_update();
        if progress.renewed != self.renewed {
            self.renewed = progress.renewed;
            self.outbox.all_changed();
            self.aside.all_changed();
            self.hand_over(Changed::ALL, clock);
        } else if self.outbox.owes_acknowledgments() {
            self.commit(Batch::default(), clock);
        }
        self.outbox.accepted(progress.accepted);
        progress
    }

    /// Ends when the backend has come further than [`settle`](Self::settle) last said.
    pub async fn progressing(&mut self) {
        if self.progress.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Ends when everything is safe.
    pub async fn safe(&mut self, clock: &dyn Clock) {
        let last = self.commit(Batch::default(), clock);
        // A backend that is gone keeps nothing any more.
        let _ = self
            .progress
            .wait_for(|progress| progress.safe >= last)
            .await;
    }
}
