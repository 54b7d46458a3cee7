//! The one thread that writes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Result};
use tokio::sync::{broadcast, watch};
use tracing::{error, warn};

use super::journal::{Group, Journal};
use super::{Retention, events, locked};
use crate::hub::{Event, now};

/// In the long run there is no more than one commit in this time: under load the rest is better spent on devices.
const PACE: Duration = Duration::from_millis(2);
/// So many commits may come without a pause, so that a single device is answered at once.
const BURST: u32 = 64;
/// How long until the next try when the disk fails.
const RETRY: Duration = Duration::from_secs(1);
/// How often old events are looked for, and it is noted that the cloud lives, when nothing happens.
const LOOK: Duration = Duration::from_secs(10);
/// So many old events go at a time, in short transactions.
const STEP: usize = 500;

pub(super) struct Writer {
    pub(super) path: PathBuf,
    pub(super) journal: Arc<Journal>,
    pub(super) database: Arc<Mutex<Connection>>,
    pub(super) keep: Retention,
    pub(super) position: watch::Sender<u64>,
    pub(super) followers: broadcast::Sender<Arc<Event>>,
}

impl Writer {
    /// Writes until the store closes.
    pub(super) fn run(self) {
        let mut pace = Pace::new();
        loop {
            let closing = self.journal.wait(LOOK);
            thread::sleep(pace.pause(Instant::now()));
            let group = self.journal.take();
            if group.is_empty() {
                if closing {
                    return;
                }
                self.rest();
            } else if !self.commit(&group) {
                return;
            }
        }
    }

    /// Commits, however long it takes, and tells. Gives up only when the store closes; returns whether it did not.
    fn commit(&self, group: &Group) -> bool {
        let mut fails = false;
        while let Err(why) = self.write(group) {
            if !fails {
                let path = self.path.display();
                error!(%why, "cannot write {path}: nothing is acknowledged until it can be written; the next try is each second");
            }
            fails = true;
            if self.journal.pause(RETRY) {
                let path = self.path.display();
                error!(%why, "the last changes are not in {path}");
                return false;
            }
        }
        if fails {
            warn!("{} is written again", self.path.display());
        }
        for event in &group.events {
            // No follower is no fault.
            let _ = self.followers.send(Arc::clone(event));
        }
        self.journal.written();
        self.position.send_replace(group.position);
        true
    }

    fn write(&self, group: &Group) -> Result<()> {
        let mut database = locked(&self.database);
        let transaction = database.transaction()?;
        for (row, content) in &group.rows {
            row.write(&transaction, content.as_ref())?;
        }
        if !group.events.is_empty() {
            let came = events::append(&transaction, &group.events)?;
            self.keep.make_room(&transaction, came)?;
        }
        note_alive(&transaction)?;
        transaction.commit()
    }

    /// Notes that the cloud lives, and removes what is too old, while nobody waits for the disk.
    fn rest(&self) {
        // If it fails, the next one is in a moment.
        let _ = note_alive(&locked(&self.database));
        let step = || self.keep.apply(&locked(&self.database), STEP);
        while matches!(step(), Ok(STEP)) && self.journal.is_idle() {}
    }
}

/// Should the process be killed, the next one knows how long it lived.
fn note_alive(database: &Connection) -> Result<()> {
    database
        .prepare_cached("UPDATE last_event SET alive = ?1")?
        .execute((now().as_millisecond(),))
        .map(drop)
}

/// Spreads commits.
struct Pace {
    /// When the next one would be due if none had come early.
    due: Instant,
}

impl Pace {
    fn new() -> Self {
        Self {
            due: Instant::now(),
        }
    }

    /// How long the next commit is to wait.
    fn pause(&mut self, now: Instant) -> Duration {
        let early = PACE * BURST;
        self.due = self.due.max(now) + PACE;
        self.due.saturating_duration_since(now + early)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_commits_do_not_wait_and_many_have_a_pace() {
        let mut pace = Pace::new();
        let start = Instant::now();
        let mut now = start;
        for _ in 0..BURST {
            assert_eq!(pace.pause(now), Duration::ZERO);
        }
        for _ in 0..1000 {
            now += pace.pause(now);
        }
        assert!(now - start >= PACE * 990, "{:?}", now - start);
        now += PACE * BURST * 2;
        assert_eq!(pace.pause(now), Duration::ZERO);
    }
}
