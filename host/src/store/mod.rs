//! What a device must not forget: its record, timers, twin and outbox, changed by batches.

use std::time::Duration;

use tokio::sync::watch;

pub mod batch;
mod memory;
pub mod outbox;

pub use memory::Memory;

use self::{
    batch::Batch,
    outbox::{Bounds, Outbox},
};
use crate::{device::timers::Timers, hub::twin::Twin};

/// Keeps batches. A batch is *accepted* once it is as safe as the backend makes it; nothing of it leaves before.
pub trait Backend: Send + 'static {
    /// Takes a batch for keeping and never waits. Batches of one device are numbered from 1 and accepted in order.
    fn keep(&mut self, number: u64, batch: &Batch);

    /// The number up to which batches are accepted.
    fn accepted(&self) -> watch::Receiver<u64>;
}

/// What a device knows of itself, as of its last batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Saved {
    /// What the component last saved; none if none ever ran.
    pub record: Option<String>,
    /// The timers armed.
    pub timers: Timers,
    /// What was applied of the desired properties.
    pub twin: Twin,
}

/// One device's part of the store.
pub struct DeviceStore {
    saved: Saved,
    outbox: Outbox,
    backend: Box<dyn Backend>,
    accepted: watch::Receiver<u64>,
    last: u64,
}

impl DeviceStore {
    /// A device that has never run.
    #[must_use]
    pub fn new(backend: Box<dyn Backend>, bounds: Bounds) -> Self {
        let accepted = backend.accepted();
        Self {
            saved: Saved::default(),
            outbox: Outbox::new(bounds),
            backend,
            accepted,
            last: 0,
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

    /// Applies a batch and hands it over for keeping. Returns its number and how many messages had to give way to it.
    pub fn commit(&mut self, batch: Batch, now: Duration) -> (u64, u64) {
        self.last += 1;
        self.backend.keep(self.last, &batch);
        let mut evicted = 0;
        for outgoing in self.saved.apply(batch, now) {
            evicted += self.outbox.push(self.last, outgoing);
        }
        (self.last, evicted)
    }

    /// The number up to which batches are accepted.
    pub fn accepted(&mut self) -> u64 {
        *self.accepted.borrow_and_update()
    }

    /// Ends when more batches are accepted than [`accepted`](Self::accepted) last said.
    pub async fn accepting(&mut self) {
        if self.accepted.changed().await.is_err() {
            std::future::pending().await
        }
    }
}
