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
use crate::events::{Event, EventKind};

/// The number of events that a subscriber may lag behind before it has to read from the database.
const MAX_LAG: usize = 1024;

/// The error of a store whose writer has ended before the store was closed.
const WRITER_ENDED: &str = "the thread that writes it has ended; restart the cloud";

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

/// A database that cannot be written at the moment. Changes stay in memory until it can.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the database {} cannot be written: {reason}", path.display())]
pub struct WriteError {
    path: PathBuf,
    reason: Arc<str>,
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
    /// The error of the write that is retried.
    failure: watch::Receiver<Option<Arc<str>>>,
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
        let (failing, failure) = watch::channel(None);
        let writer = Writer {
            path: path.clone(),
            journal: Arc::clone(&journal),
            database: opened.writing,
            retention,
            position,
            failure: failing,
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
                failure,
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
    ///
    /// # Errors
    /// The database cannot be written. The changes are committed once it can.
    pub async fn flush(&self) -> Result<(), WriteError> {
        let position = self.position();
        let (mut committed, mut failure) = (self.committed(), self.inner.failure.clone());
        tokio::select! {
            biased;
            done = committed.wait_for(|done| *done >= position) => {
                done.map(drop).map_err(|_| self.write_error(WRITER_ENDED.into()))
            }
            Ok(reason) = failure.wait_for(Option::is_some) => {
                Err(self.write_error(reason.clone().unwrap_or_default()))
            }
        }
    }

    /// Returns an error while the database cannot be written.
    ///
    /// # Errors
    /// The database cannot be written.
    pub(crate) fn check_writable(&self) -> Result<(), WriteError> {
        if self.inner.committed.has_changed().is_err() {
            return Err(self.write_error(WRITER_ENDED.into()));
        }
        let failure = self.inner.failure.borrow().clone();
        failure.map_or(Ok(()), |reason| Err(self.write_error(reason)))
    }

    fn write_error(&self, reason: Arc<str>) -> WriteError {
        let path = self.inner.path.clone();
        WriteError { path, reason }
    }

    /// Commits the staged changes and ends the writer. Later changes are lost.
    pub async fn close(&self) {
        self.inner.journal.close();
        self.ended().await;
    }

    /// Waits until the writer has ended: the store was closed, or the thread failed.
    pub async fn ended(&self) {
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
