//! The persistent store: one SQLite database, written by one thread.
//!
//! The services' memory is the authority. Each stages its changes under its own lock, and so in their order
//! ([`Store::put`], [`Store::remove`], [`Store::record`]); the writer commits them in groups. Responses and packets wait until
//! the changes behind them are committed ([`Store::position`], [`Store::committed`]).
//!
//! A process that is killed loses nothing that was committed. A machine that loses power may lose the last moments,
//! never the file.

mod events;
mod journal;
mod retention;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{broadcast, watch};

pub(crate) use self::rows::{Content, Row, StoredMessage};
pub use self::{
    events::{EventFilter, EventPage},
    retention::Retention,
};
use self::{journal::Journal, writer::Writer};
use crate::hub::{Event, EventKind};

/// The number of events that a subscriber may lag behind before it has to read from the database.
const MAX_LAG: usize = 1024;

/// The location of the store.
#[derive(Clone, Debug)]
pub enum StoreLocation {
    /// A file, created if it does not exist.
    File(PathBuf),
    /// Memory: lost with the last handle.
    Memory,
}

/// A store that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be created or opened.
    #[error("cannot open the database {}: {source}", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system or the database.
        source: io::Error,
    },
    /// The database cannot be read or written.
    #[error("cannot access the database {}: {source}", path.display())]
    Database {
        /// Path of the file.
        path: PathBuf,
        /// Error of the operating system or the database.
        source: rusqlite::Error,
    },
    /// The content is not that of a cloud.
    #[error("the database {} is corrupt ({why}): move it away to start without devices, or use --ephemeral", path.display())]
    Corrupt {
        /// Path of the file.
        path: PathBuf,
        /// Reason.
        why: String,
    },
    /// The file was written by a newer version of this program.
    #[error("the database {} was written by a newer version of this program: use that version, or another directory with --dir", .0.display())]
    Newer(PathBuf),
}

/// The store of one cloud. Clones share it; the last one closes it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    journal: Arc<Journal>,
    /// A connection of its own for a file; the writer's for a store in memory.
    reader: Arc<Mutex<Connection>>,
    last_alive: Option<Timestamp>,
    committed: watch::Receiver<u64>,
    events: broadcast::Sender<Arc<Event>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.journal.close();
    }
}

impl Store {
    /// Opens or creates the store, and starts its writer.
    ///
    /// # Errors
    /// If it cannot be used; the message says what to do.
    pub fn open(location: &StoreLocation, retention: Retention) -> Result<Self, StoreError> {
        let path = match location {
            StoreLocation::File(path) => path.clone(),
            StoreLocation::Memory => PathBuf::from("(memory)"),
        };
        let opened = schema::open(location);
        let opened = opened.map_err(|error| error.at(&path))?;
        let journal = Arc::new(Journal::new(opened.last_event));
        let events = broadcast::Sender::new(MAX_LAG);
        let (position, committed) = watch::channel(0);
        let writer = Writer {
            path: path.clone(),
            journal: Arc::clone(&journal),
            database: opened.writing,
            retention,
            position,
            events: events.clone(),
        };
        let thread = thread::Builder::new().name("store".into());
        thread
            .spawn(|| writer.run())
            .map_err(|source| StoreError::File {
                path: path.clone(),
                source,
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                path,
                journal,
                reader: opened.reading,
                last_alive: opened.last_alive,
                committed,
                events,
            }),
        })
    }

    /// Stages a row, which replaces the one before.
    pub(crate) fn put(&self, row: Row, content: Content) {
        self.inner.journal.stage(row, Some(content));
    }

    /// Stages the removal of a row.
    pub(crate) fn remove(&self, row: Row) {
        self.inner.journal.stage(row, None);
    }

    /// Stages an event, which gets the next number.
    pub(crate) fn record(&self, device_id: &str, kind: EventKind) {
        self.inner.journal.record(device_id, kind);
    }

    /// Returns the position of the last staged change. It is committed when [`Store::committed`] has reached it.
    pub(crate) fn position(&self) -> u64 {
        self.inner.journal.position()
    }

    /// Returns true if so much is uncommitted that connections with uncommitted steps should pause reading.
    pub(crate) fn is_backlogged(&self) -> bool {
        self.inner.journal.is_backlogged()
    }

    /// Returns the committed position as it advances. Its sender ends with the writer.
    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.inner.committed.clone()
    }

    /// Waits until all changes staged so far are committed.
    pub async fn flush(&self) {
        let position = self.position();
        let mut committed = self.committed();
        let ended = committed.wait_for(|done| *done >= position).await.is_err();
        if ended {
            // Without a writer nothing is committed, and nothing may be acknowledged.
            std::future::pending().await
        }
    }

    /// Commits the staged changes and ends the writer. Later changes are lost.
    pub async fn close(&self) {
        self.inner.journal.close();
        let mut committed = self.committed();
        while committed.changed().await.is_ok() {}
    }

    /// Subscribes to new events, each sent after its commit. A receiver that lags reads the missed events from the database.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.inner.events.subscribe()
    }

    /// Returns the last heartbeat of the previous process, at most ten seconds before its end.
    pub(crate) fn last_alive(&self) -> Option<Timestamp> {
        self.inner.last_alive
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        locked(&self.inner.reader)
    }

    fn error(&self, source: rusqlite::Error) -> StoreError {
        schema::OpenError::from(source).at(&self.inner.path)
    }

    /// Makes the error for a row with unexpected content.
    pub(crate) fn corrupt(&self, why: impl ToString) -> StoreError {
        StoreError::Corrupt {
            path: self.inner.path.clone(),
            why: why.to_string(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
