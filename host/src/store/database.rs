//! The database file that holds the rows. The only module that names `redb`.
//!
//! One table, so that a batch touches few pages. Every commit is synced; a file that is not whole is found when it is
//! opened, by the checksums of its pages and by those of its rows.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use redb::{
    Builder, ConcurrencyMode, DatabaseError, Durability, ReadTransaction, ReadableDatabase,
    ReadableTable, StorageBackend, StorageError, TableDefinition, TableError,
    backends::InMemoryBackend,
};
use rustix::fs::OFlags;

use super::{
    device_state::PersistedState,
    directory::{OpenError, StateDir, database_in, is_at},
    disk::{Disk, DiskError, Reopened, with_remedy},
    pending::Rows,
    row::{RowKeyRef, seal},
};

const ROWS: TableDefinition<'_, RowKeyRef<'static>, &[u8]> = TableDefinition::new("rows");
/// Pages kept in memory, in bytes: rows are written often and read once.
const CACHE_SIZE: usize = 2 << 20;
/// The size in bytes up to which a file is not compacted.
const MIN_COMPACT_SIZE: u64 = 4 << 20;
/// A file is compacted if less than one part in this many is used.
const COMPACT_BELOW_FRACTION: u64 = 4;

/// The persisted state of all devices, by name.
pub type Contents = BTreeMap<Arc<str>, PersistedState>;

/// The database of a state directory.
pub struct Database {
    dir: StateDir,
    /// None only after a failure that leaves the file closed.
    open: Option<redb::Database>,
    /// The file, as it was last written; `None` before it was opened.
    written: Option<WrittenFile>,
    /// True once the file was deleted or moved away, until a new one is whole.
    is_lost: bool,
}

/// A file that was written, to tell what becomes of it.
struct WrittenFile {
    file: File,
    /// Its size in bytes after the last write.
    size: u64,
}

impl WrittenFile {
    /// Returns what has become of the file at `path`, if it is not what was left there.
    fn change(&self, path: &Path) -> io::Result<Option<&'static str>> {
        if !path.try_exists()? {
            return Ok(Some("deleted"));
        }
        if !is_at(&self.file, path)? {
            return Ok(Some("replaced"));
        }
        let is_shorter = self.file.metadata()?.len() < self.size;
        Ok(is_shorter.then_some("truncated"))
    }
}

/// The reason why a database cannot be opened or written.
#[derive(Debug)]
enum Fault {
    /// Its content is not as it was written.
    Damaged(String),
    /// It cannot be read or written at the moment.
    Failing(String),
}

impl Database {
    /// Opens the database of this directory and reads it whole. A damaged database is renamed and a new one created; the
    /// contents are empty then.
    pub fn open(dir: StateDir) -> Result<(Self, Contents), OpenError> {
        let mut database = Self {
            dir,
            open: None,
            written: None,
            is_lost: false,
        };
        if database.dir.had_state() && !database.dir.database().exists() {
            tracing::error!(
                database = %database.dir.database().display(),
                "device state deleted since the last run; the device starts with empty state"
            );
        }
        match database.reopen() {
            Ok(Reopened::Intact(contents)) => Ok((database, contents)),
            Ok(Reopened::Recreated) => Ok((database, Contents::new())),
            Err(DiskError(reason)) => {
                let path = database.dir.path();
                Err(match is_forbidden(&database.dir.database()) {
                    true => OpenError::new(path, reason),
                    false => OpenError::failing(path, reason),
                })
            }
        }
    }

    /// Moves a damaged database out of the way.
    fn start_over(&self, reason: &str) -> Result<(), DiskError> {
        let moved_to = self.dir.move_damaged_database()?;
        match self.written {
            None => tracing::error!(
                reason,
                moved_to = %moved_to.display(),
                "device state damaged; moved away, the device starts with empty state"
            ),
            Some(_) => tracing::error!(
                reason,
                moved_to = %moved_to.display(),
                "device state damaged; moved away, to be written anew from memory"
            ),
        }
        Ok(())
    }

    /// Returns what has become of the file, if it is not what was left.
    fn change(&self) -> Result<Option<&'static str>, DiskError> {
        match &self.written {
            Some(written) => Ok(written.change(&self.dir.database())?),
            None => Ok(None),
        }
    }

    /// Closes the database, which may shorten the file.
    fn close(&mut self) {
        if let Some(database) = self.open.take() {
            // A file that has failed may fail once more while it is closed.
            let _ = guarded(|| {
                drop(database);
                Ok(())
            });
            self.note_size();
        }
    }

    fn note_size(&mut self) {
        if let Some(written) = &mut self.written {
            // Without it, a later check misses a file that was truncated.
            written.size = written.file.metadata().map_or(0, |metadata| metadata.len());
        }
    }

    /// Creates the database in place of one that is lost. One that does not become whole is removed: it takes space, and would
    /// be damaged.
    fn create_anew(&mut self) -> Result<(), DiskError> {
        let path = self.dir.database();
        let (database, file, _) = guarded(|| open(&path)).inspect_err(|_| {
            let _ = fs::remove_file(&path);
        })?;
        self.set_open(database, file);
        self.is_lost = false;
        Ok(())
    }

    fn set_open(&mut self, database: redb::Database, file: File) {
        self.open = Some(database);
        self.written = Some(WrittenFile { file, size: 0 });
        self.note_size();
    }
}

impl Disk for Database {
    fn write(&mut self, rows: &Rows) -> Result<(), DiskError> {
        // Otherwise it would be written to a file that nobody finds any more.
        self.check()?;
        let Some(database) = &self.open else {
            return Err(DiskError("the database is closed".to_owned()));
        };
        guarded(|| write(database, rows))?;
        self.note_size();
        Ok(())
    }

    fn reopen(&mut self) -> Result<Reopened, DiskError> {
        self.dir.restore()?;
        if !self.is_lost {
            let change = self.change()?;
            self.close();
            match change {
                Some("deleted") => {}
                Some(change) => self.start_over(change)?,
                None => match guarded(|| open(&self.dir.database())) {
                    Ok((database, file, contents)) => {
                        self.set_open(database, file);
                        return Ok(Reopened::Intact(contents));
                    }
                    Err(Fault::Failing(reason)) => {
                        self.note_size();
                        return Err(DiskError(reason));
                    }
                    Err(Fault::Damaged(reason)) => self.start_over(&reason)?,
                },
            }
            self.is_lost = true;
        }
        self.create_anew()?;
        Ok(Reopened::Recreated)
    }

    fn check(&mut self) -> Result<(), DiskError> {
        self.dir.check()?;
        match self.change()? {
            Some(change) => Err(DiskError(format!(
                "database {} was {change} while in use",
                self.dir.database().display()
            ))),
            None => Ok(()),
        }
    }

    fn compact(&mut self) -> Result<bool, DiskError> {
        let Some(database) = &mut self.open else {
            return Ok(false);
        };
        let path = self.dir.database();
        let compacted = guarded(|| {
            let size = fs::metadata(&path).map_err(StorageError::Io)?.len();
            if size <= MIN_COMPACT_SIZE {
                return Ok(false);
            }
            let transaction = database.begin_write()?;
            let used = transaction.stats()?.stored_bytes();
            transaction.abort()?;
            if used > size / COMPACT_BELOW_FRACTION {
                return Ok(false);
            }
            Ok(database.compact()?)
        })?;
        if compacted {
            self.note_size();
        }
        Ok(compacted)
    }
}

/// Reads the persisted state of all devices in a directory, whether or not a host is using it.
pub fn read(dir: &Path) -> Result<Contents, OpenError> {
    let path = database_in(dir)?;
    let contents = guarded(|| match builder().open_read_only(&path) {
        Ok(database) => read_contents(&database.begin_read()?),
        // A host that was killed has left it to be repaired; a reader repairs a copy.
        Err(DatabaseError::RepairAborted) => read_contents(&open_copy(&path)?.begin_read()?),
        Err(error) => Err(error.into()),
    });
    contents.map_err(|fault| match fault {
        Fault::Damaged(reason) => OpenError::new(dir, format!("the database is damaged: {reason}")),
        Fault::Failing(reason) => OpenError::failing(dir, format!("not readable: {reason}")),
    })
}

fn read_contents(transaction: &ReadTransaction) -> Result<Contents, Fault> {
    match transaction.open_table(ROWS) {
        Ok(table) => contents(&table),
        Err(TableError::TableDoesNotExist(_)) => Ok(Contents::new()),
        Err(error) => Err(error.into()),
    }
}

/// Opens a repaired copy of the database in memory.
fn open_copy(path: &Path) -> Result<redb::Database, Fault> {
    let bytes = fs::read(path).map_err(StorageError::Io)?;
    let memory = InMemoryBackend::new();
    memory.set_len(bytes.len() as u64)?;
    memory.write(0, &bytes)?;
    // Nobody else has it, so it takes no locks.
    Ok(Builder::new()
        .set_cache_size(CACHE_SIZE)
        .create_with_backend(memory)?)
}

/// Returns true if this user may not write the file.
fn is_forbidden(path: &Path) -> bool {
    let opened = fs::OpenOptions::new().write(true).open(path);
    opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE_SIZE)
        // Lets `host outbox` and `host state` read while the device runs.
        .set_concurrency_mode(ConcurrencyMode::SingleWriter)
        .set_check_integrity_on_open(true);
    builder
}

fn open(path: &PathBuf) -> Result<(redb::Database, File, Contents), Fault> {
    // Made here, so that nobody else can read it from the beginning.
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        // Others may be able to exchange the directory.
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(StorageError::Io)?;
    let database = builder().create(path)?;
    let transaction = database.begin_write()?;
    let contents = contents(&transaction.open_table(ROWS)?)?;
    transaction.commit()?;
    Ok((database, file, contents))
}

fn contents(
    table: &impl ReadableTable<RowKeyRef<'static>, &'static [u8]>,
) -> Result<Contents, Fault> {
    let mut contents = Contents::new();
    for row in table.iter()? {
        let (key, value) = row?;
        let key = key.value();
        let kept = contents.entry(key.0.into()).or_default();
        kept.take(key, value.value())
            .map_err(|error| Fault::Damaged(error.to_string()))?;
    }
    Ok(contents)
}

fn write(database: &redb::Database, rows: &Rows) -> Result<(), Fault> {
    let mut transaction = database.begin_write()?;
    transaction
        .set_durability(Durability::Immediate)
        .map_err(|error| Fault::Failing(error.to_string()))?;
    {
        let mut table = transaction.open_table(ROWS)?;
        for ((device, kind, id), text) in rows {
            let key = (&**device, *kind, *id);
            match text {
                Some(text) => table.insert(key, &*seal(key, text))?,
                None => table.remove(key)?,
            };
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Takes a panic for damage: redb panics on some pages that are not what it wrote.
fn guarded<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Fault::Damaged("invalid pages".to_owned())))
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        use redb::Error;
        let error = error.into();
        match error {
            Error::Io(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Failing(with_remedy(&error))
            }
            Error::PreviousIo | Error::DatabaseClosed | Error::DatabaseAlreadyOpen => {
                Self::Failing(error.to_string())
            }
            _ => Self::Damaged(error.to_string()),
        }
    }
}

impl From<Fault> for DiskError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Damaged(reason) | Fault::Failing(reason) => Self(reason),
        }
    }
}
