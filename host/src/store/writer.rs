//! The writer thread: writes the batches of all devices in groups, and holds them while the disk fails.
//!
//! Rows wait in one map: what a later batch writes takes the place of what an earlier one wanted to write, so that only
//! the newest record of a device is written and a disk that does not answer cannot make the map grow beyond what the
//! devices hold. A group is everything that came while the one before it was written; with several devices, also within
//! 5 ms of that, because each sync costs a disk more than what is in it.
//!
//! While the disk fails, the host is *degraded*: batches are accepted in memory, and the disk is tried again after a pause,
//! with everything that waits in one group ([`outage`](super::outage)).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    Backend, Contents, Database, OpenError, PersistedState, Progress, StateDir,
    outage::DiskOutage,
    pending::{Group, PendingRows},
    row::{DEAD_LETTER, OUTGOING, Row},
};
pub use super::{
    disk::{Disk, DiskError, Reopened},
    pending::{RowKey, Rows},
};

/// The longest wait for the disk at the end. One that hangs must not keep a process that was told to end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The name of the thread that writes. It may panic within, on a damaged file; that is dealt with there.
pub const THREAD_NAME: &str = "store";
/// Time between two groups of several devices, unless so many batches wait.
const GROUP_INTERVAL: Duration = Duration::from_millis(5);
/// See [`GROUP_INTERVAL`].
const MAX_GROUP_BATCHES: usize = 256;
/// The idle time after which the database is compacted, and between checks that it is still in its place.
const IDLE_INTERVAL: Duration = Duration::from_secs(5);

/// A store on disk, for any number of devices.
pub struct Store {
    shared: Arc<Writer>,
    contents: Contents,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Writer {
    state: Mutex<WriterState>,
    more: Condvar,
}

#[derive(Default)]
struct WriterState {
    pending: PendingRows,
    devices: HashMap<Arc<str>, watch::Sender<Progress>>,
    outage: DiskOutage,
    closing: bool,
    /// The thread has ended, or is about to.
    ended: bool,
}

/// The next thing to do for the thread that writes.
enum Work {
    /// Write this group.
    Write(Group),
    /// Nothing waits; true if it is the first time since a group.
    Idle(bool),
    /// The store is closed and nothing waits.
    End,
}

impl Store {
    /// Opens the store in this directory.
    ///
    /// # Errors
    /// The directory or the database in it cannot be used.
    pub fn open(dir: StateDir) -> Result<Self, OpenError> {
        let path = dir.path().to_owned();
        let shared = Arc::<Writer>::default();
        let writing = shared.clone();
        let (sender, opened) = mpsc::sync_channel(1);
        // On the thread that writes, because reading a damaged file may panic as writing it may.
        let thread = thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || {
                let end = ThreadEnd(writing);
                match Database::open(dir) {
                    // The receiver waits.
                    Ok((database, contents)) => {
                        let _ = sender.send(Ok(contents));
                        end.0.run(database);
                    }
                    Err(error) => {
                        let _ = sender.send(Err(error));
                    }
                }
            })
            .map_err(|error| OpenError::io(&path, "cannot start a thread", &error))?;
        let contents = opened
            .recv()
            .map_err(|_| OpenError::new(&path, "not readable"))??;
        Ok(Self {
            shared,
            contents,
            thread: Some(thread),
        })
    }

    /// Creates a store on this disk, which holds `contents`.
    #[must_use]
    pub fn on(disk: impl Disk, contents: Contents) -> Self {
        let shared = Arc::<Writer>::default();
        let writing = shared.clone();
        let thread = thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || ThreadEnd(writing).0.run(disk));
        Self {
            shared,
            contents,
            thread: thread.ok(),
        }
    }

    /// Returns the persisted state of a device and its backend. To be called once for each name.
    pub fn device(&mut self, name: &Arc<str>) -> (PersistedState, Box<dyn Backend>) {
        let kept = self.contents.remove(name).unwrap_or_default();
        let last = kept.outbox.outgoing.last();
        let mut state = self.shared.lock();
        let progress = watch::Sender::new(Progress {
            store: Arc::new(state.outage.status().clone()),
            ..Progress::default()
        });
        state.devices.insert(name.clone(), progress.clone());
        drop(state);
        let part = DeviceBackend {
            next_ids: BTreeMap::from([
                (OUTGOING, last.map_or(0, |(id, _)| id + 1)),
                (DEAD_LETTER, kept.dead_letter_counts.total + 1),
            ]),
            name: name.clone(),
            shared: self.shared.clone(),
            progress,
        };
        (kept, Box::new(part))
    }
}

impl Drop for Store {
    /// Writes what waits, once; a disk that fails is not waited for, one that hangs for [`CLOSE_TIMEOUT`].
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        let mut state = self.shared.lock();
        state.closing = true;
        self.shared.more.notify_all();
        let state = self
            .shared
            .wait_while(state, CLOSE_TIMEOUT, |state| !state.ended);
        if !state.ended {
            tracing::error!(
                "the disk does not respond; what waits to be written is lost if it does not within the life of this process"
            );
            return;
        }
        drop(state);
        // A thread that ended early has said why.
        let _ = thread.join();
    }
}

/// Notes the end of the thread that writes, whatever ends it.
struct ThreadEnd(Arc<Writer>);

impl Drop for ThreadEnd {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.more.notify_all();
    }
}

/// The backend of one device.
struct DeviceBackend {
    name: Arc<str>,
    /// The next new id of these kinds of rows.
    next_ids: BTreeMap<u8, u64>,
    shared: Arc<Writer>,
    progress: watch::Sender<Progress>,
}

impl Backend for DeviceBackend {
    fn persist(&mut self, number: u64, rows: &[Row<'_>]) {
        let rows = rows.iter().map(|row| (row.kind_and_id(), row.text()));
        // Outside the lock: what takes time is the text.
        let rows: Vec<_> = rows.collect();
        let mut state = self.shared.lock();
        for ((kind, id), text) in rows {
            let mut is_new = false;
            if let Some(next_id) = self.next_ids.get_mut(&kind)
                && id >= *next_id
                && text.is_some()
            {
                *next_id = id + 1;
                is_new = true;
            }
            state
                .pending
                .add((self.name.clone(), kind, id), text, is_new);
        }
        state.pending.add_batch(&self.name, number);
        if state.outage.is_failing() {
            self.progress
                .send_modify(|progress| progress.accepted = number);
        }
        drop(state);
        self.shared.more.notify_all();
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

impl WriterState {
    /// Returns whether the next group should wait for more batches.
    fn should_wait(&self) -> bool {
        self.devices.len() > 1 && self.pending.batches() < MAX_GROUP_BATCHES && !self.closing
    }

    /// Ends the outage if it is over, and shows all devices what there is to show.
    fn publish(&mut self, now: Instant) {
        if let Some(outage) = self.outage.end(now) {
            let seconds = outage.as_secs();
            tracing::warn!("disk recovered after {seconds} s; all accepted batches are written");
        }
        let status = self.outage.status();
        for progress in self.devices.values() {
            progress.send_if_modified(|progress| {
                let differs = *progress.store != *status;
                if differs {
                    progress.store = Arc::new(status.clone());
                }
                differs
            });
        }
    }

    fn written(&mut self, numbers: &HashMap<Arc<str>, u64>) {
        let now = Instant::now();
        self.outage.written(now);
        for (device, number) in numbers {
            if let Some(progress) = self.devices.get(device) {
                progress.send_modify(|progress| {
                    progress.durable = *number;
                    progress.accepted = progress.accepted.max(*number);
                });
            }
        }
        self.publish(now);
    }

    /// Puts a group back, and accepts everything that waits in memory.
    fn failed(&mut self, group: Group, error: &DiskError) {
        let now = Instant::now();
        self.pending.put_back(group);
        if self.outage.failed(&error.0, now, Timestamp::now()) {
            tracing::error!(
                %error,
                "disk failed: running degraded; unsent telemetry is lost if this process ends"
            );
        } else {
            tracing::debug!(%error, "disk still failing");
        }
        for (device, number) in self.pending.numbers() {
            if let Some(progress) = self.devices.get(device) {
                progress.send_modify(|progress| progress.accepted = *number);
            }
        }
        self.publish(now);
    }

    fn reopened(&mut self, reopened: Reopened) {
        match reopened {
            Reopened::Intact(contents) => self.pending.reconcile(&contents),
            Reopened::Recreated => {
                // Devices persist their whole state again, including pending rows.
                self.pending.clear();
                for progress in self.devices.values() {
                    progress.send_modify(|progress| progress.resets += 1);
                }
            }
        }
    }
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, WriterState> {
        // Nothing that holds it can leave it half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, at most so long, while `condition` holds.
    fn wait_while<'a>(
        &self,
        state: MutexGuard<'a, WriterState>,
        at_most: Duration,
        condition: impl FnMut(&mut WriterState) -> bool,
    ) -> MutexGuard<'a, WriterState> {
        let waited = self.more.wait_timeout_while(state, at_most, condition);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Writes groups until the store is closed.
    fn run(&self, mut disk: impl Disk) {
        let (mut next_group, mut idle) = (Instant::now(), false);
        loop {
            let (group, result) = match self.next_work(next_group, idle) {
                Work::Write(group) => {
                    let result = disk.write(&group.rows);
                    next_group = Instant::now() + GROUP_INTERVAL;
                    idle = false;
                    (group, result)
                }
                Work::Idle(is_first) => {
                    idle = true;
                    if is_first {
                        compact(&mut disk);
                    }
                    (Group::default(), disk.check())
                }
                Work::End => return,
            };
            match result {
                Ok(()) => self.lock().written(&group.numbers),
                Err(error) if group.is_last => return report_loss(&error, &group),
                Err(error) => {
                    self.lock().failed(group, &error);
                    if !self.recover(&mut disk) {
                        return;
                    }
                }
            }
        }
    }

    /// Waits for something to write, among several devices until the group may begin.
    fn next_work(&self, next_group: Instant, was_idle: bool) -> Work {
        let state = self.lock();
        let mut state = self.wait_while(state, IDLE_INTERVAL, |state| {
            !state.pending.is_waiting() && !state.closing
        });
        if state.pending.is_waiting() {
            let left = next_group.saturating_duration_since(Instant::now());
            state = self.wait_while(state, left, |state| state.should_wait());
            return Work::Write(Group {
                is_last: state.closing,
                ..state.pending.take()
            });
        }
        match state.closing {
            true => Work::End,
            false => Work::Idle(!was_idle),
        }
    }

    /// Makes the disk usable again, after a pause that grows with each try. Once the store is closed, there is one try
    /// without a pause. Returns false if the store is closed and the disk fails still.
    fn recover(&self, disk: &mut impl Disk) -> bool {
        loop {
            let state = self.lock();
            let until = state.outage.next_try().unwrap_or_else(Instant::now);
            let pause = until.saturating_duration_since(Instant::now());
            let closing = self
                .wait_while(state, pause, |state| !state.closing)
                .closing;
            let error = match disk.reopen() {
                Ok(Reopened::Recreated) if closing => {
                    DiskError("the database was lost and is empty".to_owned())
                }
                Ok(reopened) => {
                    self.lock().reopened(reopened);
                    return true;
                }
                Err(error) => error,
            };
            let mut state = self.lock();
            if closing {
                report_loss(&error, &state.pending.take());
                return false;
            }
            state.failed(Group::default(), &error);
        }
    }
}

fn compact(disk: &mut impl Disk) {
    match disk.compact() {
        Ok(true) => tracing::info!("store compacted"),
        Ok(false) => {}
        // The next group shows whether it matters.
        Err(error) => tracing::warn!(%error, "store not compacted"),
    }
}

/// Tells what is lost with the end of a store whose disk fails.
fn report_loss(error: &DiskError, group: &Group) {
    tracing::error!(
        %error,
        messages = group.outgoing(),
        "stopped while the disk fails: the last changes and unsent messages are lost"
    );
}
