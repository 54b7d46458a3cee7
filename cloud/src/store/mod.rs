//! What survives the cloud: one SQLite database, written by one thread.
//!
//! The services' memory is the authority. Under its own lock, and so in the order in which things happen, each stages
//! what it changed ([`Store::put`], [`Store::remove`], [`Store::record`]); the writer commits what there is in groups.
//! Whatever leaves the process waits until what it rests on is committed ([`Store::position`], [`Store::committed`]).
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

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use jiff::Timestamp;
use rusqlite::Connection;
use tokio::sync::{broadcast, watch};

pub use self::events::{Filter, Page};
use self::journal::Journal;
pub use self::retention::Retention;
pub(crate) use self::rows::{Content, Row, StoredMessage};
use self::writer::Writer;
use crate::hub::{Event, EventKind};

/// How far a follower may fall behind before it has to read what it missed.
const FOLLOWER_LAG: usize = 1024;

/// Where the store is.
#[derive(Clone, Debug)]
pub enum Place {
    /// In this file, made if there is none.
    File(PathBuf),
    /// In memory: gone with the last handle.
    Memory,
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be made or opened.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    Database {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It does not hold what a cloud wrote.
    #[error("{} is damaged ({why}): move it away, and the next start begins without devices, or start with --ephemeral", path.display())]
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A later version of this program wrote it.
    #[error("{} was written by a newer version of this program: use that one, or another directory (--dir)", .0.display())]
    Newer(PathBuf),
}

/// The store of one cloud. Clones are the same store; the last one to go ends its writer.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    journal: Arc<Journal>,
    /// In a file this is a connection of its own; in memory it is the writer's.
    reader: Arc<Mutex<Connection>>,
    last_alive: Option<Timestamp>,
    committed: watch::Receiver<u64>,
    followers: broadcast::Sender<Arc<Event>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.journal.close();
    }
}

impl Store {
    /// Opens the store, or makes it, and starts its writer.
    ///
    /// # Errors
    /// If it cannot be used; the message says what to do.
    pub fn open(place: &Place, keep: Retention) -> Result<Self, StoreError> {
        let path = match place {
            Place::File(path) => path.clone(),
            Place::Memory => PathBuf::from("the store in memory"),
        };
        let opened = schema::open(place);
        let opened = opened.map_err(|error| error.at(&path))?;
        let journal = Arc::new(Journal::after(opened.last_event));
        let followers = broadcast::Sender::new(FOLLOWER_LAG);
        let (position, committed) = watch::channel(0);
        let writer = Writer {
            path: path.clone(),
            journal: Arc::clone(&journal),
            database: opened.writing,
            keep,
            position,
            followers: followers.clone(),
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
                followers,
            }),
        })
    }

    /// Stages a row, in place of the one that was there.
    pub(crate) fn put(&self, row: Row, content: Content) {
        self.inner.journal.stage(row, Some(content));
    }

    /// Stages that a row goes.
    pub(crate) fn remove(&self, row: Row) {
        self.inner.journal.stage(row, None);
    }

    /// Stages an event, which gets the next number.
    pub(crate) fn record(&self, device_id: &str, kind: EventKind) {
        self.inner.journal.record(device_id, kind);
    }

    /// What was staged last. It is committed when [`Store::committed`] has come so far.
    pub(crate) fn position(&self) -> u64 {
        self.inner.journal.position()
    }

    /// Whether so much is uncommitted that whoever has something uncommitted had better wait with more.
    pub(crate) fn is_crowded(&self) -> bool {
        self.inner.journal.is_crowded()
    }

    /// Up to where everything is committed. Its sender goes with the writer.
    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.inner.committed.clone()
    }

    /// Waits until everything staged so far is committed.
    pub async fn settled(&self) {
        let position = self.position();
        let mut committed = self.committed();
        let ended = committed.wait_for(|done| *done >= position).await.is_err();
        if ended {
            // Without a writer nothing is committed, and nobody is told that it was.
            std::future::pending().await
        }
    }

    /// Commits what is staged and ends the writer. What is staged after this is lost.
    pub async fn close(&self) {
        self.inner.journal.close();
        let mut committed = self.committed();
        while committed.changed().await.is_ok() {}
    }

    /// Events from now on, each after it is committed. A receiver that lags reads what it missed.
    pub fn follow(&self) -> broadcast::Receiver<Arc<Event>> {
        self.inner.followers.subscribe()
    }

    /// When the process before this one was last seen alive, if there was one: it wrote then, or at least looked at the store
    /// within ten seconds of it.
    pub(crate) fn last_alive(&self) -> Option<Timestamp> {
        self.inner.last_alive
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        locked(&self.inner.reader)
    }

    fn error(&self, source: rusqlite::Error) -> StoreError {
        schema::Unusable::from(source).at(&self.inner.path)
    }

    /// An error that says that a row does not hold what was written to it.
    pub(crate) fn damaged(&self, why: impl ToString) -> StoreError {
        StoreError::Damaged {
            path: self.inner.path.clone(),
            why: why.to_string(),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
