//! Keeps nothing beyond the process: a batch is accepted at once.

use tokio::sync::watch;

use super::{Backend, batch::Batch};

/// The backend of a device whose state may end with its process.
#[derive(Debug, Default)]
pub struct Memory {
    accepted: watch::Sender<u64>,
}

impl Backend for Memory {
    fn keep(&mut self, number: u64, _batch: &Batch) {
        self.accepted.send_replace(number);
    }

    fn accepted(&self) -> watch::Receiver<u64> {
        self.accepted.subscribe()
    }
}
