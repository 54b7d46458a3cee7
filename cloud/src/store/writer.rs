//! The writer thread.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, Result};
use tokio::sync::{broadcast, watch};
use tracing::{error, warn};

use super::{
    Retention, events,
    journal::{CommitGroup, Journal},
    locked,
};
use crate::{clock::now, events::Event};

/// The average time between commits under load, so that most of it is left for devices.
const COMMIT_INTERVAL: Duration = Duration::from_millis(2);
/// The number of commits in a burst without delay, so that a single device gets its replies at once.
const COMMIT_BURST: u32 = 64;
/// The time between attempts while the disk fails.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// The interval of housekeeping while idle: heartbeat and deletion of expired events.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(10);
/// The number of expired events deleted per transaction.
const DELETE_BATCH: usize = 500;

pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) journal: Arc<Journal>,
    pub(super) database: Arc<Mutex<Connection>>,
    pub(super) retention: Retention,
    pub(super) position: watch::Sender<u64>,
    pub(super) failure: watch::Sender<Option<Arc<str>>>,
    pub(super) events: broadcast::Sender<Arc<Event>>,
}

impl Writer {
    /// Writes until the store closes.
    pub(super) fn run(self) {
        let mut rate_limit = CommitRateLimit::new();
        loop {
            let closing = self.journal.wait(HOUSEKEEPING_INTERVAL);
            thread::sleep(rate_limit.delay(Instant::now()));
            let group = self.journal.take();
            if group.is_empty() {
                if closing {
                    return;
                }
                self.housekeep();
            } else if !self.commit(&group) {
                return;
            }
        }
    }

    /// Commits a group, with as many attempts as it takes, and notifies. Returns false if the store closed before.
    fn commit(&self, group: &CommitGroup) -> bool {
        while let Err(error) = self.write(group) {
            if self.failure.borrow().is_none() {
                let path = self.path.display();
                error!(%error, %path, "cannot write to the database: acknowledgments are withheld; retrying every second");
                self.failure.send_replace(Some(error.to_string().into()));
            }
            if self.journal.pause(RETRY_INTERVAL) {
                let path = self.path.display();
                error!(%error, %path, "database closed, the last changes are lost");
                return false;
            }
        }
        if self.failure.borrow().is_some() {
            self.failure.send_replace(None);
            warn!(path = %self.path.display(), "database is writable again");
        }
        for event in &group.events {
            // Without subscribers, nobody needs the event.
            let _ = self.events.send(Arc::clone(event));
        }
        self.journal.mark_written();
        self.position.send_replace(group.position);
        true
    }

    fn write(&self, group: &CommitGroup) -> Result<()> {
        let mut database = locked(&self.database);
        let transaction = database.transaction()?;
        for (row, content) in &group.rows {
            row.write(&transaction, content.as_ref())?;
        }
        if !group.events.is_empty() {
            let appended = events::append(&transaction, &group.events)?;
            self.retention
                .enforce_after_append(&transaction, appended)?;
        }
        write_heartbeat(&transaction)?;
        transaction.commit()
    }

    /// Writes a heartbeat and deletes expired events, while nobody waits for the disk.
    fn housekeep(&self) {
        // A failed heartbeat is followed by the next one.
        let _ = write_heartbeat(&locked(&self.database));
        while matches!(self.delete(), Ok(DELETE_BATCH)) && self.journal.is_idle() {}
    }

    /// Deletes a batch of events. Events and what they take change together, or not at all.
    fn delete(&self) -> Result<usize> {
        let mut database = locked(&self.database);
        let transaction = database.transaction()?;
        let deleted = self.retention.enforce(&transaction, DELETE_BATCH)?;
        transaction.commit()?;
        Ok(deleted)
    }
}

/// Records the time, so that the next process knows when a killed one was last alive.
fn write_heartbeat(database: &Connection) -> Result<()> {
    database
        .prepare_cached("UPDATE last_event SET alive = ?1")?
        .execute((now().as_millisecond(),))
        .map(drop)
}

/// Limits the rate of commits, bursts excepted.
struct CommitRateLimit {
    /// Time at which the next commit would be due without bursts.
    due: Instant,
}

impl CommitRateLimit {
    fn new() -> Self {
        Self {
            due: Instant::now(),
        }
    }

    /// Returns the delay of the next commit.
    fn delay(&mut self, now: Instant) -> Duration {
        let early = COMMIT_INTERVAL * COMMIT_BURST;
        self.due = self.due.max(now) + COMMIT_INTERVAL;
        self.due.saturating_duration_since(now + early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_commits_do_not_wait_and_many_have_a_pace() {
        let mut rate_limit = CommitRateLimit::new();
        let start = Instant::now();
        let mut now = start;
        for _ in 0..COMMIT_BURST {
            assert_eq!(rate_limit.delay(now), Duration::ZERO);
        }
        for _ in 0..1000 {
            now += rate_limit.delay(now);
        }
        assert!(now - start >= COMMIT_INTERVAL * 990, "{:?}", now - start);
        now += COMMIT_INTERVAL * COMMIT_BURST * 2;
        assert_eq!(rate_limit.delay(now), Duration::ZERO);
    }
}
