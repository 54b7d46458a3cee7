//! The directory a host keeps its state in: who may use it, and what is in it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

/// The version of the store this program writes. It counts what rows mean and where they lie: an older host takes a row
/// it does not know for damage.
const VERSION: u32 = 3;
/// The oldest version it goes on from. The first one has no versions of the component, the second nothing set aside.
const OLDEST: u32 = 1;
const VERSION_FILE: &str = "version";
const LOCK_FILE: &str = "lock";
const DATABASE_FILE: &str = "store.redb";

/// A state directory of this program, held against every other host until it is dropped.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

/// Why a state directory cannot be used. Nothing in it has been changed.
#[derive(Debug, thiserror::Error)]
#[error("the state directory {} {why}", path.display())]
pub struct OpenError {
    path: PathBuf,
    why: String,
}

impl OpenError {
    pub(super) fn new(path: &Path, why: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            why: why.into(),
        }
    }
}

impl StateDir {
    /// Takes the directory, making it if it is not there.
    pub fn take(path: &Path) -> Result<Self, OpenError> {
        let wrong = |why: String| OpenError::new(path, why);
        check(path, is_this_user)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| wrong(format!("cannot be made: {error}")))?;
        let version = version(path)?;
        let lock = lock(path)?;
        if version != Some(VERSION) {
            private(&path.join(VERSION_FILE))
                .and_then(|mut file| {
                    file.set_len(0)?;
                    file.write_all(format!("{VERSION}\n").as_bytes())?;
                    file.sync_all()
                })
                .map_err(|error| wrong(format!("cannot be written to: {error}")))?;
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its database is.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// Moves a damaged database out of the way, where a person may look at it. Returns its new name.
    pub(super) fn set_aside(&self) -> io::Result<PathBuf> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let mut aside = self.path.join(format!("{DATABASE_FILE}.damaged-{time}"));
        for number in 2.. {
            if !aside.exists() {
                break;
            }
            aside = self
                .path
                .join(format!("{DATABASE_FILE}.damaged-{time}-{number}"));
        }
        fs::rename(self.database(), &aside)?;
        Ok(aside)
    }
}

/// The database in a directory that another host may be using; for reading only, which root may in anybody's.
pub(super) fn database_in(path: &Path) -> Result<PathBuf, OpenError> {
    check(path, |owner| is_this_user(owner) || geteuid().is_root())?;
    match version(path)? {
        Some(_) => Ok(path.join(DATABASE_FILE)),
        None => Err(OpenError::new(path, "holds no state: no host has used it")),
    }
}

/// A file only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn is_this_user(id: u32) -> bool {
    id == geteuid().as_raw()
}

/// Whether it is a directory of an owner who will do, and no other user can write to it, if it is there.
fn check(path: &Path, will_do: impl Fn(u32) -> bool) -> Result<(), OpenError> {
    let wrong = |why: &str| Err(OpenError::new(path, why));
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return wrong(&format!("cannot be read: {error}")),
    };
    if !metadata.is_dir() {
        return wrong("is a file; name a directory with --state-dir");
    }
    if !will_do(metadata.uid()) {
        return wrong("belongs to another user; name one of your own with --state-dir");
    }
    if metadata.mode() & 0o022 != 0 {
        return wrong("can be written to by other users; take that right away: chmod go-w DIR");
    }
    Ok(())
}

/// The version of the store in it; none if nothing is in it yet. What it says is believed before the database is opened,
/// because opening may change it.
fn version(path: &Path) -> Result<Option<u32>, OpenError> {
    let wrong = |why: String| Err(OpenError::new(path, why));
    let mut text = String::new();
    let file = File::open(path.join(VERSION_FILE));
    match file.and_then(|file| file.take(100).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return foreign(path).map(|()| None);
        }
        Err(error) => return wrong(format!("cannot be read: {error}")),
    }
    match text.trim_end().parse() {
        Ok(version @ OLDEST..=VERSION) => Ok(Some(version)),
        Ok(newer) if newer > VERSION => wrong(format!(
            "is of a newer host (version {newer}, this one knows {VERSION}); run that, or name another directory with \
             --state-dir"
        )),
        // The file is written after it is made.
        Err(_) if text.is_empty() => Ok(None),
        _ => wrong(format!(
            "has a version file that no host wrote; name another directory with --state-dir, or remove {VERSION_FILE} \
             together with the rest"
        )),
    }
}

/// An error if the directory holds anything: it is somebody else's then.
fn foreign(path: &Path) -> Result<(), OpenError> {
    let unreadable = |error| OpenError::new(path, format!("cannot be read: {error}"));
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name != LOCK_FILE {
            let why = "holds other files; name an empty or a new directory with --state-dir";
            return Err(OpenError::new(path, why));
        }
    }
    Ok(())
}

/// Locks it against other hosts and leaves the number of this process for them.
fn lock(path: &Path) -> Result<File, OpenError> {
    let unwritable = |error| OpenError::new(path, format!("cannot be written to: {error}"));
    let mut file = private(&path.join(LOCK_FILE)).map_err(unwritable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The number is for a person; without it the message is still true.
            let _ = file.take(20).read_to_string(&mut holder);
            let why = format!(
                "is in use by another host (process {}); end it, or name another directory with --state-dir",
                holder.trim()
            );
            return Err(OpenError::new(path, why));
        }
    }
    file.set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(unwritable)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    fn why(path: &Path) -> String {
        StateDir::take(path).unwrap_err().why
    }

    #[test]
    fn a_new_directory_is_for_its_owner_only_and_for_one_host() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let taken = StateDir::take(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        for file in [VERSION_FILE, LOCK_FILE] {
            assert_eq!(fs::metadata(path.join(file)).unwrap().mode() & 0o777, 0o600);
        }
        let held = format!("is in use by another host (process {})", std::process::id());
        assert!(why(&path).starts_with(&held), "{}", why(&path));
        drop(taken);
        StateDir::take(&path).unwrap();
    }

    #[test]
    fn what_is_not_a_state_directory_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(why(&file).starts_with("is a file"));
        assert!(why(dir.path()).starts_with("holds other files"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");

        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        assert!(why(&open).starts_with("can be written to by other users"));
    }

    #[test]
    fn an_older_store_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        drop(StateDir::take(&path).unwrap());
        for older in ["1\n", "2\n"] {
            fs::write(path.join(VERSION_FILE), older).unwrap();
            drop(StateDir::take(&path).unwrap());
            let now = fs::read_to_string(path.join(VERSION_FILE)).unwrap();
            assert_eq!(now, "3\n");
        }
    }

    #[test]
    fn a_newer_store_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        drop(StateDir::take(&path).unwrap());
        for (text, expected) in [
            ("4\n", "is of a newer host (version 4"),
            ("two\n", "has a version file that no host wrote"),
            ("0\n", "has a version file that no host wrote"),
        ] {
            fs::write(path.join(VERSION_FILE), text).unwrap();
            assert!(why(&path).starts_with(expected), "{}", why(&path));
            let left = fs::read_to_string(path.join(VERSION_FILE)).unwrap();
            assert_eq!(left, text);
        }
    }
}
