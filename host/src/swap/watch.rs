//! Notices that a component's file has changed.
//!
//! The folder is watched, not the file, because editors, `mv` and compilers put a new file in its place. What the kernel
//! tells is only a reason to look; a look now and then finds what it does not tell, as on network file systems.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::{sync::Notify, time::timeout};

/// A file is taken for whole when it has not changed for so long.
const SETTLED: Duration = Duration::from_millis(100);
/// Time between two looks nobody has given reason to.
const LOOK: Duration = Duration::from_secs(2);

/// A watched file.
pub struct Watch {
    file: PathBuf,
    seen: Option<Fingerprint>,
    stirred: Arc<Notify>,
    /// None if the kernel does not tell; a look now and then must do.
    _watcher: Option<RecommendedWatcher>,
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
        let stirred = Arc::new(Notify::new());
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
            stirred,
            _watcher: watcher.ok(),
        }
    }

    /// Ends when the file has changed and is whole. What has changed since [`new`](Self::new) or the last call counts.
    pub async fn changed(&mut self) {
        loop {
            let mut now = Fingerprint::of(&self.file);
            if now != self.seen {
                loop {
                    tokio::time::sleep(SETTLED).await;
                    let then = std::mem::replace(&mut now, Fingerprint::of(&self.file));
                    if now == then {
                        break;
                    }
                }
                self.seen = now;
                if now.is_some() {
                    return;
                }
            }
            // Time that passes is as good a reason to look.
            let _ = timeout(LOOK, self.stirred.notified()).await;
        }
    }
}

fn watcher(file: &Path, stirred: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) => Path::new("."),
        None => return Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
    };
    let mut watcher = notify::recommended_watcher(move |_| stirred.notify_one())?;
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
