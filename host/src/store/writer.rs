//! The writer thread: writes the batches of all devices in groups, and holds them while the disk fails.
//!
//! Rows wait in one map: what a later batch writes takes the place of what an earlier one wanted to write, so that only
//! the newest record of a device is written and a disk that does not answer cannot make the map grow beyond what the
//! devices hold. A group is everything that came while the one before it was written; with several devices, also within
//! 5 ms of that, because each sync costs a disk more than what is in it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::{
    Backend, Contents, Database, OpenError, PersistedState, Progress, StateDir,
    row::{DEAD_LETTER, OUTGOING, Row},
};

/// A row's device, kind and id.
pub type RowKey = (Arc<str>, u8, u64);
/// Rows to write; `None` removes a row.
pub type Rows = BTreeMap<RowKey, Option<Vec<u8>>>;

/// The name of the thread that writes. It may panic within, on a damaged file; that is dealt with there.
pub const THREAD_NAME: &str = "store";
/// Time between tries to write while the disk fails.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Time between two groups of several devices, unless so many batches wait.
const GROUP_INTERVAL: Duration = Duration::from_millis(5);
/// See [`GROUP_INTERVAL`].
const MAX_GROUP_BATCHES: usize = 256;
/// The idle time after which the database is compacted.
const COMPACT_AFTER_IDLE: Duration = Duration::from_secs(5);

/// The disk that groups are written to.
pub trait Disk: Send + 'static {
    /// Writes a group, whole and synced, or not at all.
    fn write(&mut self, rows: &Rows) -> Result<(), DiskError>;

    /// Makes the disk usable again after a failure.
    fn reopen(&mut self) -> Result<Reopened, DiskError>;

    /// Compacts the database if much of it is unused. Returns whether it did.
    fn compact(&mut self) -> Result<bool, DiskError>;
}

/// The content of a disk that was reopened.
#[derive(Debug)]
pub enum Reopened {
    /// All rows are as they were written.
    Intact(Contents),
    /// The database was damaged and is now empty.
    Recreated,
}

/// The error of a disk that failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DiskError(pub String);

/// A store on disk, for any number of devices.
pub struct Store {
    shared: Arc<WriterState>,
    contents: Contents,
    thread: Option<JoinHandle<()>>,
}

struct WriterState {
    pending: Mutex<Pending>,
    more: Condvar,
}

#[derive(Default)]
struct Pending {
    rows: Rows,
    /// Rows of `rows` that were never written: if one is removed, nothing is written at all.
    unwritten: BTreeSet<RowKey>,
    /// The newest batch of each device that waits.
    numbers: HashMap<Arc<str>, u64>,
    devices: HashMap<Arc<str>, watch::Sender<Progress>>,
    /// Since when the disk fails.
    degraded: Option<Instant>,
    /// The number of waiting batches.
    batches: usize,
    closing: bool,
}

impl Store {
    /// Opens the store in this directory.
    pub fn open(dir: StateDir) -> Result<Self, OpenError> {
        let path = dir.path().to_owned();
        // On a thread of that name, because reading a damaged file may panic as writing it may.
        let opening = thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || Database::open(dir));
        match opening.map(JoinHandle::join) {
            Ok(Ok(opened)) => {
                let (database, contents) = opened?;
                Ok(Self::on(database, contents))
            }
            Ok(Err(_)) => Err(OpenError::new(&path, "not readable")),
            Err(error) => Err(OpenError::new(
                &path,
                format!("cannot start a thread: {error}"),
            )),
        }
    }

    /// Creates a store on this disk, which holds `contents`.
    #[must_use]
    pub fn on(disk: impl Disk, contents: Contents) -> Self {
        let shared = Arc::new(WriterState {
            pending: Mutex::default(),
            more: Condvar::new(),
        });
        let writing = shared.clone();
        let thread = thread::Builder::new()
            .name(THREAD_NAME.to_owned())
            .spawn(move || writing.write_all(disk));
        Self {
            shared,
            contents,
            thread: thread.ok(),
        }
    }

    /// Returns the persisted state of a device and its backend. To be called once for each name.
    pub fn device(&mut self, name: &Arc<str>) -> (PersistedState, Box<dyn Backend>) {
        let kept = self.contents.remove(name).unwrap_or_default();
        let progress = watch::Sender::new(Progress::default());
        self.shared
            .lock()
            .devices
            .insert(name.clone(), progress.clone());
        let part = DeviceBackend {
            next_ids: BTreeMap::from([
                (OUTGOING, kept.outgoing.last().map_or(0, |(id, _)| id + 1)),
                (DEAD_LETTER, kept.dead_letter_counts.total + 1),
            ]),
            name: name.clone(),
            shared: self.shared.clone(),
            progress,
        };
        (kept, Box::new(part))
    }
}

impl Pending {
    /// Returns whether the next group should wait for more batches.
    fn should_wait(&self) -> bool {
        self.devices.len() > 1 && self.batches < MAX_GROUP_BATCHES && !self.closing
    }
}

impl Drop for Store {
    /// Writes what waits, once; a disk that fails is not waited for.
    fn drop(&mut self) {
        self.shared.lock().closing = true;
        self.shared.more.notify_all();
        if let Some(thread) = self.thread.take() {
            // A thread that ended early has said why.
            let _ = thread.join();
        }
    }
}

/// The backend of one device.
struct DeviceBackend {
    name: Arc<str>,
    /// The next new id of these kinds of rows.
    next_ids: BTreeMap<u8, u64>,
    shared: Arc<WriterState>,
    progress: watch::Sender<Progress>,
}

impl Backend for DeviceBackend {
    fn persist(&mut self, number: u64, rows: &[Row<'_>]) {
        let rows = rows.iter().map(|row| (row.kind_and_id(), row.text()));
        // Outside the lock: what takes time is the text.
        let rows: Vec<_> = rows.collect();
        let mut pending = self.shared.lock();
        for ((kind, id), text) in rows {
            let key = (self.name.clone(), kind, id);
            if let Some(next_id) = self.next_ids.get_mut(&kind)
                && id >= *next_id
                && text.is_some()
            {
                *next_id = id + 1;
                pending.unwritten.insert(key.clone());
            }
            if text.is_none() && pending.unwritten.remove(&key) {
                pending.rows.remove(&key);
            } else {
                pending.rows.insert(key, text);
            }
        }
        pending.numbers.insert(self.name.clone(), number);
        pending.batches += 1;
        if pending.degraded.is_some() {
            self.progress
                .send_modify(|progress| progress.accepted = number);
        }
        drop(pending);
        self.shared.more.notify_all();
    }

    fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

impl WriterState {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        // Nothing that holds it can leave it half changed.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes groups until the store is closed.
    fn write_all(&self, mut disk: impl Disk) {
        let mut after = Instant::now();
        while let Some((rows, numbers)) = self.next_group(&mut disk, after) {
            after = Instant::now() + GROUP_INTERVAL;
            match disk.write(&rows) {
                Ok(()) => self.written(&numbers),
                Err(error) => {
                    self.failed(rows, numbers, &error);
                    if !self.wait_until_usable(&mut disk) {
                        return;
                    }
                }
            }
        }
    }

    /// Waits for something to write, among several devices until the group may begin; none once the store is closed and
    /// nothing is left.
    fn next_group(
        &self,
        disk: &mut impl Disk,
        after: Instant,
    ) -> Option<(Rows, HashMap<Arc<str>, u64>)> {
        let mut idle = false;
        let mut pending = self.lock();
        loop {
            if !pending.numbers.is_empty() {
                let left = after.saturating_duration_since(Instant::now());
                let (gathered, _) = self
                    .more
                    .wait_timeout_while(pending, left, |pending| pending.should_wait())
                    .unwrap_or_else(PoisonError::into_inner);
                pending = gathered;
                pending.batches = 0;
                let rows = std::mem::take(&mut pending.rows);
                pending.unwritten.clear();
                return Some((rows, std::mem::take(&mut pending.numbers)));
            }
            if pending.closing {
                return None;
            }
            if idle {
                pending = self
                    .more
                    .wait(pending)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (woken, waited) = self
                .more
                .wait_timeout(pending, COMPACT_AFTER_IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            pending = woken;
            if waited.timed_out() {
                idle = true;
                drop(pending);
                match disk.compact() {
                    Ok(true) => tracing::info!("store compacted"),
                    Ok(false) => {}
                    // The next group shows whether it matters.
                    Err(error) => tracing::warn!(%error, "store not compacted"),
                }
                pending = self.lock();
            }
        }
    }

    fn written(&self, numbers: &HashMap<Arc<str>, u64>) {
        let mut pending = self.lock();
        if let Some(since) = pending.degraded.take() {
            let seconds = since.elapsed().as_secs();
            tracing::warn!("disk recovered after {seconds} s; all accepted batches are written");
        }
        for (device, number) in numbers {
            if let Some(progress) = pending.devices.get(device) {
                progress.send_modify(|progress| {
                    progress.durable = *number;
                    progress.accepted = progress.accepted.max(*number);
                });
            }
        }
    }

    /// Puts a group back, under what came since, and accepts it in memory.
    fn failed(&self, rows: Rows, numbers: HashMap<Arc<str>, u64>, error: &DiskError) {
        let mut pending = self.lock();
        for (key, text) in rows {
            pending.rows.entry(key).or_insert(text);
        }
        for (device, number) in numbers {
            pending.numbers.entry(device).or_insert(number);
        }
        if pending.degraded.is_none() {
            pending.degraded = Some(Instant::now());
            tracing::error!(
                %error,
                "disk failed: running degraded; unsent telemetry is lost if this process ends"
            );
        }
        for (device, number) in &pending.numbers {
            if let Some(progress) = pending.devices.get(device) {
                progress.send_modify(|progress| progress.accepted = *number);
            }
        }
    }

    /// Waits until the disk is usable again; `false` if the store is closed before.
    fn wait_until_usable(&self, disk: &mut impl Disk) -> bool {
        loop {
            match disk.reopen() {
                Ok(Reopened::Intact(_)) => return true,
                Ok(Reopened::Recreated) => {
                    let mut pending = self.lock();
                    // Devices persist their whole state again, including pending rows.
                    pending.rows.clear();
                    pending.numbers.clear();
                    for progress in pending.devices.values() {
                        progress.send_modify(|progress| progress.resets += 1);
                    }
                    return true;
                }
                Err(error) => tracing::debug!(%error, "disk still failing"),
            }
            let pending = self.lock();
            let (pending, _) = self
                .more
                .wait_timeout_while(pending, RETRY_INTERVAL, |pending| !pending.closing)
                .unwrap_or_else(PoisonError::into_inner);
            if pending.closing {
                tracing::error!("stopped while the disk fails; unsent telemetry is lost");
                return false;
            }
        }
    }
}
