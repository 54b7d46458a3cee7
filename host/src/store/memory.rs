//! The backend without persistence: a batch is accepted at once.

use tokio::sync::watch;

use super::{Backend, Progress, row::Row};

/// The backend of a device whose state may end with its process.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    progress: watch::Sender<Progress>,
}

impl Backend for MemoryBackend {
    fn persist(&mut self, number: u64, _rows: &[Row<'_>]) {
        self.progress.send_replace(Progress {
            accepted: number,
            durable: number,
            ..Progress::default()
        });
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}
