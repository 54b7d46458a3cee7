//! The state directory: its lock, its version and its owner.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rustix::{fs::OFlags, process::geteuid};

use super::disk::{DiskError, with_remedy};
use crate::{machine, own_dir};

/// The version of the store this program writes. It counts what rows mean and where they lie: an older host takes a row
/// it does not know for damage.
const VERSION: u32 = 5;
/// The oldest version this program can read. Version 1 has no versions of the component, version 2 no dead letters, up to
/// version 3 members of rows have other names, and version 4 keeps no cloud-to-device messages.
const OLDEST_VERSION: u32 = 1;
const VERSION_FILE: &str = "version";
const LOCK_FILE: &str = "lock";
const DATABASE_FILE: &str = "store.redb";
/// The directory at the top of an ext4 file system, for its repair.
const LOST_AND_FOUND: &str = "lost+found";

/// A state directory of this program, held against every other host until it is dropped.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    /// The directory itself, to tell whether it is still at its path.
    directory: File,
    lock: File,
    had_state: bool,
}

/// The error of a state directory that cannot be used. Nothing in it has been changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot use state directory {}: {reason}", path.display())]
pub struct OpenError {
    path: PathBuf,
    reason: String,
    may_pass: bool,
}

impl OpenError {
    pub(super) fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            reason: reason.into(),
            may_pass: false,
        }
    }

    /// Creates the error of a disk that fails at the moment.
    pub(super) fn failing(path: &Path, reason: impl Into<String>) -> Self {
        Self {
            may_pass: true,
            ..Self::new(path, reason)
        }
    }

    /// Creates the error of a call that failed.
    pub(super) fn io(path: &Path, problem: &str, error: &io::Error) -> Self {
        let remedy = match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "; choose another directory with --state-dir"
            }
            _ => "",
        };
        let error_text = with_remedy(error);
        Self {
            may_pass: machine::may_pass(error),
            ..Self::new(path, format!("{problem}: {error_text}{remedy}"))
        }
    }

    /// Returns true if the machine was short of something, and another try may succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        self.may_pass
    }
}

/// Returns the directory with the state for a directory that was named: that one, or `pnp-host` beneath it. The latter is
/// used in a mount point as container platforms make them, which belongs to another user or is writable by others. Root, who
/// could write anywhere, does not make one in the directory of a user.
pub(crate) fn state_dir_at(named: &Path) -> PathBuf {
    let beneath = own_dir::beneath(named);
    let holds_state = |dir: &Path| dir.join(VERSION_FILE).exists();
    let trusted = |owner| is_this_user(owner) || geteuid().is_root();
    if !holds_state(named) && (holds_state(&beneath) || own_dir::is_shared(named, trusted)) {
        return beneath;
    }
    named.to_owned()
}

impl StateDir {
    /// Opens and locks the directory; creates it if it does not exist.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        check(path, is_this_user)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| OpenError::io(path, "cannot create it", &error))?;
        let version = version(path)?;
        let lock = lock(path)?;
        let unwritable = |error| OpenError::io(path, "not writable", &error);
        if version != Some(VERSION) {
            write_version(path).map_err(unwritable)?;
        }
        let directory = File::open(path).map_err(unwritable)?;
        Ok(Self {
            path: path.to_owned(),
            directory,
            lock,
            had_state: version.is_some(),
        })
    }

    /// Returns true if a host has used the directory before.
    pub(super) fn had_state(&self) -> bool {
        self.had_state
    }

    /// Checks that the directory is still at its path.
    ///
    /// # Errors
    /// It was deleted or replaced.
    pub(super) fn check(&self) -> Result<(), DiskError> {
        if is_at(&self.directory, &self.path)? {
            return Ok(());
        }
        Err(DiskError(format!(
            "state directory {} was deleted or replaced while in use; restart the host to begin anew in it",
            self.path.display()
        )))
    }

    /// Makes the directory usable again whose files may have been deleted. A directory that was deleted or replaced is not
    /// created again: whoever did so may be at it still, or its volume may be away.
    ///
    /// # Errors
    /// The directory is not the one that was opened, or cannot be written.
    pub(super) fn restore(&mut self) -> Result<(), DiskError> {
        self.check()?;
        if !is_at(&self.lock, &self.path.join(LOCK_FILE))? {
            self.lock = lock(&self.path).map_err(|error| DiskError(error.to_string()))?;
        }
        if !self.path.join(VERSION_FILE).exists() {
            write_version(&self.path)?;
        }
        Ok(())
    }

    /// Returns the path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the database.
    pub(super) fn database(&self) -> PathBuf {
        self.path.join(DATABASE_FILE)
    }

    /// Renames a damaged database, so that an operator can inspect it. Returns its new path.
    pub(super) fn move_damaged_database(&self) -> io::Result<PathBuf> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let mut target = self.path.join(format!("{DATABASE_FILE}.damaged-{time}"));
        for number in 2.. {
            if !target.exists() {
                break;
            }
            target = self
                .path
                .join(format!("{DATABASE_FILE}.damaged-{time}-{number}"));
        }
        fs::rename(self.database(), &target)?;
        Ok(target)
    }
}

/// Returns the database of a directory that another host may be using, for reading only; root may read anybody's.
pub(super) fn database_in(path: &Path) -> Result<PathBuf, OpenError> {
    check(path, |owner| is_this_user(owner) || geteuid().is_root())?;
    match version(path)? {
        Some(_) => Ok(path.join(DATABASE_FILE)),
        None => Err(OpenError::new(path, "no host has stored state in it")),
    }
}

/// Returns true if the open file is the one at this path.
pub(super) fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(found) => Ok(identity(found) == identity(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn write_version(path: &Path) -> io::Result<()> {
    let mut file = private(&path.join(VERSION_FILE))?;
    file.set_len(0)?;
    file.write_all(format!("{VERSION}\n").as_bytes())?;
    file.sync_all()
}

/// A file only its owner can read.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
}

fn is_this_user(id: u32) -> bool {
    id == geteuid().as_raw()
}

/// Checks that the directory, if it exists, has an allowed owner and is not writable by others.
fn check(path: &Path, is_allowed_owner: impl Fn(u32) -> bool) -> Result<(), OpenError> {
    let failed = |reason: &str| Err(OpenError::new(path, reason));
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::io(path, "not readable", &error)),
    };
    if !metadata.is_dir() {
        return failed("not a directory; choose one with --state-dir");
    }
    if !is_allowed_owner(metadata.uid()) {
        return failed("owned by another user; choose another directory with --state-dir");
    }
    if metadata.mode() & 0o022 != 0 {
        return failed("writable by other users; run chmod go-w DIR");
    }
    Ok(())
}

/// Reads the version of the store; `None` if the directory is empty. It is read before the database is opened, because
/// opening may change the database.
fn version(path: &Path) -> Result<Option<u32>, OpenError> {
    let failed = |reason: String| Err(OpenError::new(path, reason));
    let mut text = String::new();
    let file = File::open(path.join(VERSION_FILE));
    match file.and_then(|file| file.take(100).read_to_string(&mut text)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return foreign(path).map(|()| None);
        }
        Err(error) => return Err(OpenError::io(path, "not readable", &error)),
    }
    match text.trim_end().parse() {
        Ok(version @ OLDEST_VERSION..=VERSION) => Ok(Some(version)),
        Ok(newer) if newer > VERSION => failed(format!(
            "written by a newer host (version {newer}, this host supports {VERSION}); run the newer host, or choose \
             another directory with --state-dir"
        )),
        // The file is written after it is made.
        Err(_) if text.is_empty() => Ok(None),
        _ => failed(format!(
            "invalid version file; choose another directory with --state-dir, or remove {VERSION_FILE} together with \
             the rest"
        )),
    }
}

/// Checks that the directory is empty; otherwise it belongs to something else.
fn foreign(path: &Path) -> Result<(), OpenError> {
    let unreadable = |error| OpenError::io(path, "not readable", &error);
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        if name != LOCK_FILE && name != LOST_AND_FOUND {
            let reason =
                "it contains other files; choose an empty or new directory with --state-dir";
            return Err(OpenError::new(path, reason));
        }
    }
    Ok(())
}

/// Locks the directory against other hosts and writes the id of this process for them.
fn lock(path: &Path) -> Result<File, OpenError> {
    let failed = |error| OpenError::io(path, "not writable", &error);
    let file = private(&path.join(LOCK_FILE)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // The process id is for people; without it the message is still true.
            let _ = file.take(20).read_to_string(&mut holder);
            let reason = format!(
                "in use by another host (process {}); stop it, or choose another directory with --state-dir",
                holder.trim()
            );
            return Err(OpenError::new(path, reason));
        }
    }
    // On a full disk the process id has no room, unless it replaces another. It is for people.
    let id = format!("{}\n", std::process::id());
    let _ = file
        .write_all_at(id.as_bytes(), 0)
        .and_then(|()| file.set_len(id.len() as u64));
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    use super::*;

    fn reason(path: &Path) -> String {
        StateDir::open(path).unwrap_err().reason
    }

    #[test]
    fn a_new_directory_is_for_its_owner_only_and_for_one_host() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let taken = StateDir::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o700);
        for file in [VERSION_FILE, LOCK_FILE] {
            assert_eq!(fs::metadata(path.join(file)).unwrap().mode() & 0o777, 0o600);
        }
        let held = format!("in use by another host (process {})", std::process::id());
        assert!(reason(&path).starts_with(&held), "{}", reason(&path));
        drop(taken);
        StateDir::open(&path).unwrap();
    }

    #[test]
    fn what_is_not_a_state_directory_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(reason(&file).starts_with("not a directory"));
        assert!(reason(dir.path()).starts_with("it contains other files"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");

        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        assert!(reason(&open).starts_with("writable by other users"));
    }

    #[test]
    fn the_top_of_a_file_system_may_hold_state() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(LOST_AND_FOUND)).unwrap();
        drop(StateDir::open(dir.path()).unwrap());
        drop(StateDir::open(dir.path()).unwrap());
    }

    #[test]
    fn a_directory_others_can_write_to_gets_one_beneath_it_that_they_cannot() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        let beneath = open.join("pnp-host");
        assert_eq!(state_dir_at(&open), open, "it is made private");
        fs::create_dir(&open).unwrap();
        assert_eq!(state_dir_at(&open), open);
        for mode in [0o777, 0o2775] {
            fs::set_permissions(&open, Permissions::from_mode(mode)).unwrap();
            assert_eq!(state_dir_at(&open), beneath);
        }
        drop(StateDir::open(&beneath).unwrap());
        assert_eq!(fs::metadata(&beneath).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&open, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(state_dir_at(&open), beneath, "state stays where it is");
    }

    #[test]
    fn a_state_directory_opened_to_others_is_not_left_for_another_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        drop(StateDir::open(&path).unwrap());
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(state_dir_at(&path), path);
        assert!(reason(&path).starts_with("writable by other users"));
    }

    #[test]
    fn an_older_store_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        drop(StateDir::open(&path).unwrap());
        for older in ["1\n", "2\n", "3\n", "4\n"] {
            fs::write(path.join(VERSION_FILE), older).unwrap();
            drop(StateDir::open(&path).unwrap());
            let now = fs::read_to_string(path.join(VERSION_FILE)).unwrap();
            assert_eq!(now, "5\n");
        }
    }

    #[test]
    fn a_newer_store_is_refused_and_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        drop(StateDir::open(&path).unwrap());
        for (text, expected) in [
            ("6\n", "written by a newer host (version 6"),
            ("two\n", "invalid version file"),
            ("0\n", "invalid version file"),
        ] {
            fs::write(path.join(VERSION_FILE), text).unwrap();
            assert!(reason(&path).starts_with(expected), "{}", reason(&path));
            let left = fs::read_to_string(path.join(VERSION_FILE)).unwrap();
            assert_eq!(left, text);
        }
    }
}
