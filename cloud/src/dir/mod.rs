//! The cloud's directory: what stays the same from one start to the next, and where the running cloud is.
//!
//! | file | holds |
//! |---|---|
//! | `ca.pem`, `ca.key` | the local certificate authority ([`crate::ca`]) |
//! | `policies.json` | the keys of operators ([`Policies`]) |
//! | `enrolment.json` | the id scope and the keys of the default enrolment group ([`Enrolment`]) |
//! | `cloud.db` | devices, enrolments and events ([`crate::store`]) |
//! | `running.json` | where the running cloud listens ([`Running`]); locked while it runs |
//! | `lock` | locked while a cloud runs here |
//!
//! The directory and all files but `ca.pem` are for their owner alone.

mod enrolment;
mod policies;
mod running;

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

pub use enrolment::{DEFAULT_GROUP, Enrolment};
pub use policies::Policies;
pub use running::Running;

use crate::ca::CERTIFICATE_FILE;
use crate::files;

const LOCK_FILE: &str = "lock";
const POLICIES_FILE: &str = "policies.json";
const ENROLMENT_FILE: &str = "enrolment.json";
const RUNNING_FILE: &str = "running.json";

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirError {
    /// A file or the directory itself could not be read or written.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file does not hold what was written to it.
    #[error("{} is damaged ({source}): delete it, and a new one is made at the next start", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Another cloud runs in this directory.
    #[error("another cloud{} runs in {}: end it, or choose another directory with --dir", process(*.pid), path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Its process id, if it has got as far as to say so.
        pid: Option<u32>,
    },
    /// No cloud runs in this directory.
    #[error("no cloud runs in {}: start one with `cloud run`, or name the directory of the one that runs with --dir", .0.display())]
    NotRunning(PathBuf),
    /// There is nowhere to put the directory.
    #[error(
        "cannot tell where the cloud's directory is: neither XDG_DATA_HOME nor HOME is set; name it with --dir"
    )]
    NoHome,
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}

/// A directory of a cloud, which may or may not run.
#[derive(Clone, Debug)]
pub struct CloudDir {
    path: PathBuf,
}

impl CloudDir {
    /// The directory at `path`. Nothing is read or written yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The directory of whoever runs this program: `$XDG_DATA_HOME/pnp-cloud`, else `pnp-cloud` where the platform
    /// keeps data below `$HOME`.
    pub fn of_user() -> Result<Self, DirError> {
        let below_home = if cfg!(target_os = "macos") {
            "Library/Application Support"
        } else {
            ".local/share"
        };
        let var = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let data = var("XDG_DATA_HOME")
            .map(PathBuf::from)
            .or_else(|| Some(Path::new(&var("HOME")?).join(below_home)))
            .ok_or(DirError::NoHome)?;
        Ok(Self::new(data.join("pnp-cloud")))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file clients are to trust (`SSL_CERT_FILE`).
    pub fn certificate(&self) -> PathBuf {
        self.path.join(CERTIFICATE_FILE)
    }

    /// Takes the directory for a cloud that is about to run, and makes it if there is none.
    pub fn take(&self) -> Result<OwnedDir, DirError> {
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

    /// Where the running cloud listens, or [`DirError::NotRunning`].
    pub fn running(&self) -> Result<Running, DirError> {
        if !self.is_announced() {
            return Err(DirError::NotRunning(self.path.clone()));
        }
        self.read(RUNNING_FILE)?
            .ok_or_else(|| DirError::NotRunning(self.path.clone()))
    }

    /// The keys of operators of the cloud that runs or ran here.
    pub fn policies(&self) -> Result<Policies, DirError> {
        self.read(POLICIES_FILE)?
            .ok_or_else(|| DirError::NotRunning(self.path.clone()))
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

    /// A file left behind by a cloud that was killed is not locked. This looks at another file than [`CloudDir::take`]
    /// locks, so that a question is never in the way of a cloud that starts.
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

/// The directory of the cloud that runs in this process. Dropping it lets another one in.
pub struct OwnedDir {
    dir: CloudDir,
    _lock: File,
    announced: Option<File>,
}

impl OwnedDir {
    /// The directory.
    pub fn dir(&self) -> &CloudDir {
        &self.dir
    }

    /// The keys of operators, made at the first start.
    pub fn policies(&self) -> Result<Policies, DirError> {
        self.read_or_make(POLICIES_FILE, Policies::generate)
    }

    /// The id scope and the default enrolment group, made at the first start.
    pub fn enrolment(&self) -> Result<Enrolment, DirError> {
        self.read_or_make(ENROLMENT_FILE, Enrolment::generate)
    }

    /// Tells operator commands where this cloud listens.
    pub fn announce(&mut self, running: &Running) -> Result<(), DirError> {
        let file = self.dir.write(RUNNING_FILE, running)?;
        file.lock()
            .map_err(|source| self.dir.error(RUNNING_FILE, source))?;
        self.announced = Some(file);
        Ok(())
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
            // One that stays is not locked and misleads nobody.
            let _ = fs::remove_file(self.dir.path.join(RUNNING_FILE));
        }
    }
}

#[cfg(test)]
mod tests;
