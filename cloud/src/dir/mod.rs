//! The directory of a cloud: keys and settings that outlive it, and the addresses of the running cloud.
//!
//! | file | holds |
//! |---|---|
//! | `ca.pem`, `ca.key` | the local certificate authority ([`crate::ca`]) |
//! | `policies.json` | the shared access policies and their keys ([`Policies`]) |
//! | `dps.json` | the ID scope and the keys of the default enrollment group ([`DpsSettings`]) |
//! | `cloud.db` | devices, enrollments and events ([`crate::store`]) |
//! | `running.json` | the addresses of the running cloud ([`Running`]); locked while it runs |
//! | `lock` | locked while a cloud runs here |
//!
//! The directory and all files but `ca.pem` are accessible to their owner only. A directory that others could have filled is
//! used neither by a cloud nor by its clients.

mod dps_settings;
mod ownership;
mod running;

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

pub use dps_settings::{DEFAULT_GROUP, DpsSettings};
use etcetera::base_strategy::{BaseStrategy, Xdg};
use ownership::DirUser;
pub use running::Running;
use serde::{Serialize, de::DeserializeOwned};

use crate::{ca::CERTIFICATE_FILE, files, policies::Policies};

const LOCK_FILE: &str = "lock";
const POLICIES_FILE: &str = "policies.json";
const DPS_FILE: &str = "dps.json";
/// The name of [`DPS_FILE`] in earlier versions.
const OLD_DPS_FILE: &str = "enrolment.json";
const RUNNING_FILE: &str = "running.json";

/// The error of a directory.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// A file or the directory cannot be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another user could have filled the directory.
    #[error("cannot use {}: {reason}", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Reason and remedy.
        reason: String,
    },
    /// A file has invalid content.
    #[error("{} is damaged ({source}): delete it; the next start generates a new one", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: serde_json::Error,
    },
    /// Another cloud runs in this directory.
    #[error("another cloud{} is running in {}: stop it, or choose another directory with --dir", process(*.pid), path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Its process id, if it has announced it already.
        pid: Option<u32>,
    },
    /// No cloud runs in this directory.
    #[error("no cloud is running in {}: start one with `cloud run`, or select the directory of a running one with --dir", .0.display())]
    NotRunning(PathBuf),
    /// The user has no home directory.
    #[error("cannot determine the cloud's directory: no home directory; set HOME or use --dir")]
    NoHome,
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}

/// The directory of a cloud, running or not.
#[derive(Clone, Debug)]
pub struct CloudDir {
    path: PathBuf,
}

impl CloudDir {
    /// Makes a handle of the directory at `path`, without access to it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the default directory of the user: `pnp-cloud` in `XDG_DATA_HOME` or `~/.local/share`.
    ///
    /// # Errors
    /// If neither `XDG_DATA_HOME` nor a home directory is known.
    pub fn of_user() -> Result<Self, DirError> {
        // Read here too: without a home directory the library finds nothing, even if the variable is set.
        let named = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let data = named
            .filter(|dir| dir.is_absolute())
            .or_else(|| Some(Xdg::new().ok()?.data_dir()))
            .ok_or(DirError::NoHome)?;
        Ok(Self::new(data.join("pnp-cloud")))
    }

    /// Returns the path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the file with the CA certificate, which clients must trust (`SSL_CERT_FILE`).
    pub fn certificate(&self) -> PathBuf {
        self.path.join(CERTIFICATE_FILE)
    }

    /// Locks the directory for a cloud about to start, and makes it if there is none.
    ///
    /// # Errors
    /// If another cloud is running in it, or it cannot be used.
    pub fn take(&self) -> Result<OwnedDir, DirError> {
        self.check(DirUser::Cloud)?;
        self.make().map_err(|source| self.error("", source))?;
        let lock = self
            .open_lock()
            .map_err(|source| self.error(LOCK_FILE, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.in_use()),
            Err(TryLockError::Error(source)) => return Err(self.error(LOCK_FILE, source)),
        }
        Ok(OwnedDir {
            dir: self.clone(),
            _lock: lock,
            announced: None,
        })
    }

    /// Returns the addresses of the running cloud.
    ///
    /// # Errors
    /// [`DirError::NotRunning`] if there is none.
    pub fn running(&self) -> Result<Running, DirError> {
        self.check(DirUser::Client)?;
        if !self.is_announced() {
            return Err(DirError::NotRunning(self.path.clone()));
        }
        self.read(RUNNING_FILE)?
            .ok_or_else(|| DirError::NotRunning(self.path.clone()))
    }

    /// Returns the shared access policies of the cloud that is or was running here.
    ///
    /// # Errors
    /// [`DirError::NotRunning`] if there never was one.
    pub fn policies(&self) -> Result<Policies, DirError> {
        self.check(DirUser::Client)?;
        self.read(POLICIES_FILE)?
            .ok_or_else(|| DirError::NotRunning(self.path.clone()))
    }

    fn check(&self, user: DirUser) -> Result<(), DirError> {
        ownership::check(&self.path, user).map_err(|reason| DirError::Foreign {
            path: self.path.clone(),
            reason,
        })
    }

    fn make(&self) -> io::Result<()> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.path)
    }

    fn open_lock(&self) -> io::Result<File> {
        File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(self.path.join(LOCK_FILE))
    }

    /// Returns true while a cloud is running. A file left behind by a killed cloud is not locked. This tests another file than
    /// [`CloudDir::take`] locks, so that a client never blocks the start of a cloud.
    fn is_announced(&self) -> bool {
        File::open(self.path.join(RUNNING_FILE))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    fn in_use(&self) -> DirError {
        let running = self.read::<Running>(RUNNING_FILE).ok().flatten();
        DirError::InUse {
            path: self.path.clone(),
            pid: running.map(|running| running.pid),
        }
    }

    fn read<T: DeserializeOwned>(&self, file: &str) -> Result<Option<T>, DirError> {
        let text = match fs::read(self.path.join(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|source| self.error(file, source))?,
        };
        let content = serde_json::from_slice(&text).map_err(|source| DirError::Damaged {
            path: self.path.join(file),
            source,
        })?;
        Ok(Some(content))
    }

    fn write(&self, file: &str, content: &impl Serialize) -> Result<File, DirError> {
        let text = serde_json::to_vec_pretty(content).map_err(io::Error::from);
        text.and_then(|text| files::write(&self.path.join(file), &text, files::PRIVATE))
            .map_err(|source| self.error(file, source))
    }

    fn error(&self, file: &str, source: io::Error) -> DirError {
        let path = match file {
            "" => self.path.clone(),
            file => self.path.join(file),
        };
        DirError::File { path, source }
    }
}

/// The locked directory of the cloud in this process. Dropping it releases the lock.
pub struct OwnedDir {
    dir: CloudDir,
    _lock: File,
    announced: Option<File>,
}

impl OwnedDir {
    /// Returns the directory.
    pub fn dir(&self) -> &CloudDir {
        &self.dir
    }

    /// Returns the shared access policies, generated at the first start.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn policies(&self) -> Result<Policies, DirError> {
        self.read_or_make(POLICIES_FILE, Policies::generate)
    }

    /// Returns the settings of DPS, generated at the first start. Renames a file of an earlier version.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn dps_settings(&self) -> Result<DpsSettings, DirError> {
        self.rename_old_dps_file()
            .map_err(|source| self.dir.error(OLD_DPS_FILE, source))?;
        self.read_or_make(DPS_FILE, DpsSettings::generate)
    }

    /// Announces the addresses of this cloud to clients.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn announce(&mut self, running: &Running) -> Result<(), DirError> {
        let file = self.dir.write(RUNNING_FILE, running)?;
        file.lock()
            .map_err(|source| self.dir.error(RUNNING_FILE, source))?;
        self.announced = Some(file);
        Ok(())
    }

    fn rename_old_dps_file(&self) -> io::Result<()> {
        let [old, new] = [OLD_DPS_FILE, DPS_FILE].map(|file| self.dir.path.join(file));
        match new.try_exists()? || !old.try_exists()? {
            true => Ok(()),
            false => fs::rename(old, new),
        }
    }

    fn read_or_make<T>(&self, file: &str, generate: fn() -> T) -> Result<T, DirError>
    where
        T: Serialize + DeserializeOwned,
    {
        if let Some(content) = self.dir.read(file)? {
            return Ok(content);
        }
        let content = generate();
        self.dir.write(file, &content)?;
        Ok(content)
    }
}

impl Drop for OwnedDir {
    fn drop(&mut self) {
        if self.announced.is_some() {
            // A file left behind is not locked, so no client takes the cloud for running.
            let _ = fs::remove_file(self.dir.path.join(RUNNING_FILE));
        }
    }
}

#[cfg(test)]
mod tests;
