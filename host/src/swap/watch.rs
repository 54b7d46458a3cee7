//! Watches a component's file for changes.
//!
//! The folder is watched, not the file, because editors, `mv` and compilers replace the file. An event only triggers a
//! check; polling finds changes without an event, as on network file systems.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use notify::{
    Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{ModifyKind, RenameMode},
};
use tokio::{sync::Notify, time::timeout};

/// Time without a change after which a written file counts as complete. A file moved into place is complete at once.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// Time between two checks without an event.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// A watched file.
pub struct FileWatch {
    file: PathBuf,
    last: Option<Fingerprint>,
    debounce: Duration,
    events: Arc<FolderEvents>,
    /// The source of events; `None` if the folder is only polled.
    _watcher: Option<RecommendedWatcher>,
}

/// Events of the watched folder.
#[derive(Default)]
struct FolderEvents {
    changed: Notify,
    moved_into_place: AtomicBool,
}

impl FolderEvents {
    fn record(&self, event: &notify::Result<Event>, name: Option<&OsStr>) {
        if event.as_ref().is_ok_and(|event| is_move_to(event, name)) {
            self.moved_into_place.store(true, Ordering::Relaxed);
        }
        self.changed.notify_one();
    }

    /// Waits until a file is moved into the watched one's place.
    async fn moved_into_place(&self) {
        while !self.moved_into_place.swap(false, Ordering::Relaxed) {
            self.changed.notified().await;
        }
    }
}

fn is_move_to(event: &Event, name: Option<&OsStr>) -> bool {
    let moved = matches!(
        event.kind,
        EventKind::Modify(ModifyKind::Name(RenameMode::To))
    );
    moved && event.paths.last().and_then(|path| path.file_name()) == name
}

/// The metadata by which a change is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    file: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Fingerprint {
    fn of(file: &Path) -> Option<Self> {
        let metadata = fs::metadata(file).ok()?;
        Some(Self {
            file: (metadata.dev(), metadata.ino()),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        })
    }
}

impl FileWatch {
    /// Watches this file from now on.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        let events = Arc::new(FolderEvents::default());
        let watcher = watcher(file, events.clone()).inspect_err(|error| {
            tracing::warn!(
                %error,
                "cannot watch the component's folder; polling its file every {} s",
                POLL_INTERVAL.as_secs()
            );
        });
        Self {
            file: file.to_owned(),
            last: Fingerprint::of(file),
            debounce: DEBOUNCE,
            events,
            _watcher: watcher.ok(),
        }
    }

    /// Waits until the file has changed since [`new`](Self::new) or the last call, and is complete.
    pub async fn changed(&mut self) {
        loop {
            if Fingerprint::of(&self.file) != self.last {
                self.last = self.wait_until_stable().await;
                if self.last.is_some() {
                    return;
                }
            }
            // A timeout is the poll.
            let _ = timeout(POLL_INTERVAL, self.events.changed.notified()).await;
        }
    }

    /// Waits until the file is complete; `None` if it is gone.
    async fn wait_until_stable(&self) -> Option<Fingerprint> {
        let mut now = Fingerprint::of(&self.file);
        loop {
            let moved = timeout(self.debounce, self.events.moved_into_place()).await;
            let then = std::mem::replace(&mut now, Fingerprint::of(&self.file));
            if moved.is_ok() || now == then {
                return now;
            }
        }
    }
}

fn watcher(file: &Path, events: Arc<FolderEvents>) -> notify::Result<RecommendedWatcher> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) => Path::new("."),
        None => return Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
    };
    let name = file.file_name().map(OsStr::to_owned);
    let mut watcher =
        notify::recommended_watcher(move |event| events.record(&event, name.as_deref()))?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_MOST: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn a_file_put_in_place_and_a_file_written_to_have_changed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("device.wasm");
        let mut watch = FileWatch::new(&file);
        fs::write(&file, "one").unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();

        fs::write(dir.path().join("new"), "two").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();

        fs::remove_file(&file).unwrap();
        let gone = timeout(2 * DEBOUNCE, watch.changed()).await;
        assert!(gone.is_err(), "there is nothing to load");
        fs::write(&file, "three").unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_moved_into_place_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (file, new) = (dir.path().join("device.wasm"), dir.path().join("new"));
        let mut watch = FileWatch::new(&file);
        watch.debounce = 2 * AT_MOST;
        for content in ["one", "two"] {
            fs::write(&new, content).unwrap();
            fs::rename(&new, &file).unwrap();
            timeout(AT_MOST, watch.changed()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_link_that_leads_elsewhere_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two) = (dir.path().join("1"), dir.path().join("2"));
        fs::write(&one, "one").unwrap();
        fs::write(&two, "two").unwrap();
        let file = dir.path().join("current");
        std::os::unix::fs::symlink(&one, &file).unwrap();
        let mut watch = FileWatch::new(&file);
        std::os::unix::fs::symlink(&two, dir.path().join("next")).unwrap();
        fs::rename(dir.path().join("next"), &file).unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();
    }
}
