//! Notices that a component's file has changed.
//!
//! The folder is watched, not the file, because editors, `mv` and compilers put a new file in its place. What the kernel
//! tells is only a reason to look; a look now and then finds what it does not tell, as on network file systems.

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

/// A file that is written to is taken for whole when it has not changed for so long. One that is moved into its place is
/// whole already.
const SETTLED: Duration = Duration::from_millis(100);
/// Time between two looks nobody has given reason to.
const LOOK: Duration = Duration::from_secs(2);

/// A watched file.
pub struct Watch {
    file: PathBuf,
    seen: Option<Fingerprint>,
    settled_after: Duration,
    stirred: Arc<Stirred>,
    /// None if the kernel does not tell; a look now and then must do.
    _watcher: Option<RecommendedWatcher>,
}

/// What the kernel tells of the folder.
#[derive(Default)]
struct Stirred {
    something: Notify,
    moved_there: AtomicBool,
}

impl Stirred {
    fn note(&self, event: &notify::Result<Event>, name: Option<&OsStr>) {
        if event.as_ref().is_ok_and(|event| is_moved_to(event, name)) {
            self.moved_there.store(true, Ordering::Relaxed);
        }
        self.something.notify_one();
    }

    /// Ends when a file was moved to where the watched one is.
    async fn moved_there(&self) {
        while !self.moved_there.swap(false, Ordering::Relaxed) {
            self.something.notified().await;
        }
    }
}

fn is_moved_to(event: &Event, name: Option<&OsStr>) -> bool {
    let moved = matches!(
        event.kind,
        EventKind::Modify(ModifyKind::Name(RenameMode::To))
    );
    moved && event.paths.last().and_then(|path| path.file_name()) == name
}

/// What changes when a file does.
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

impl Watch {
    /// Watches this file from now on.
    #[must_use]
    pub fn new(file: &Path) -> Self {
        let stirred = Arc::new(Stirred::default());
        let watcher = watcher(file, stirred.clone()).inspect_err(|error| {
            tracing::warn!(
                %error,
                "the folder of the component cannot be watched; its file is looked at every {} s",
                LOOK.as_secs()
            );
        });
        Self {
            file: file.to_owned(),
            seen: Fingerprint::of(file),
            settled_after: SETTLED,
            stirred,
            _watcher: watcher.ok(),
        }
    }

    /// Ends when the file has changed and is whole. What has changed since [`new`](Self::new) or the last call counts.
    pub async fn changed(&mut self) {
        loop {
            if Fingerprint::of(&self.file) != self.seen {
                self.seen = self.settled().await;
                if self.seen.is_some() {
                    return;
                }
            }
            // Time that passes is as good a reason to look.
            let _ = timeout(LOOK, self.stirred.something.notified()).await;
        }
    }

    /// The file once it is whole.
    async fn settled(&self) -> Option<Fingerprint> {
        let mut now = Fingerprint::of(&self.file);
        loop {
            let moved = timeout(self.settled_after, self.stirred.moved_there()).await;
            let then = std::mem::replace(&mut now, Fingerprint::of(&self.file));
            if moved.is_ok() || now == then {
                return now;
            }
        }
    }
}

fn watcher(file: &Path, stirred: Arc<Stirred>) -> notify::Result<RecommendedWatcher> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) => Path::new("."),
        None => return Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
    };
    let name = file.file_name().map(OsStr::to_owned);
    let mut watcher =
        notify::recommended_watcher(move |event| stirred.note(&event, name.as_deref()))?;
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
        let mut watch = Watch::new(&file);
        fs::write(&file, "one").unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();

        fs::write(dir.path().join("new"), "two").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();

        fs::remove_file(&file).unwrap();
        let gone = timeout(2 * SETTLED, watch.changed()).await;
        assert!(gone.is_err(), "there is nothing to load");
        fs::write(&file, "three").unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();
    }

    #[tokio::test]
    async fn a_file_that_is_moved_into_place_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (file, new) = (dir.path().join("device.wasm"), dir.path().join("new"));
        let mut watch = Watch::new(&file);
        watch.settled_after = 2 * AT_MOST;
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
        let mut watch = Watch::new(&file);
        std::os::unix::fs::symlink(&two, dir.path().join("next")).unwrap();
        fs::rename(dir.path().join("next"), &file).unwrap();
        timeout(AT_MOST, watch.changed()).await.unwrap();
    }
}
