//! The database file that holds the rows. The only module that names `redb`.
//!
//! One table, so that a batch touches few pages. Every commit is synced; a file that is not whole is found when it is
//! opened, by the checksums of its pages and by those of its rows.

use std::{
    collections::BTreeMap,
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

use super::{
    device_state::PersistedState,
    directory::{OpenError, StateDir, database_in},
    row::{RowKeyRef, seal},
    writer::{Disk, DiskError, Reopened, Rows},
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
        let mut database = Self { dir, open: None };
        match database.reopen() {
            Ok(Reopened::Intact(contents)) => Ok((database, contents)),
            Ok(Reopened::Recreated) => Ok((database, Contents::new())),
            Err(DiskError(reason)) => Err(OpenError::new(database.dir.path(), reason)),
        }
    }

    /// Moves a damaged database out of the way.
    fn start_over(&self, reason: &str) -> Result<(), DiskError> {
        let moved_to = self.dir.move_damaged_database()?;
        tracing::error!(
            reason,
            moved_to = %moved_to.display(),
            "device state damaged; moved away, the device starts with empty state"
        );
        Ok(())
    }
}

impl Disk for Database {
    fn write(&mut self, rows: &Rows) -> Result<(), DiskError> {
        let Some(database) = &self.open else {
            return Err(DiskError("the database is closed".to_owned()));
        };
        guarded(|| write(database, rows)).map_err(|fault| match fault {
            Fault::Damaged(why) | Fault::Failing(why) => DiskError(why),
        })
    }

    fn reopen(&mut self) -> Result<Reopened, DiskError> {
        if let Some(database) = self.open.take() {
            // A file that has failed may fail once more while it is closed.
            let _ = guarded(|| {
                drop(database);
                Ok(())
            });
        }
        let path = self.dir.database();
        match guarded(|| open(&path)) {
            Ok((database, contents)) => {
                self.open = Some(database);
                return Ok(Reopened::Intact(contents));
            }
            Err(Fault::Failing(why)) => return Err(DiskError(why)),
            Err(Fault::Damaged(why)) => self.start_over(&why)?,
        }
        match guarded(|| open(&path)) {
            Ok((database, _)) => {
                self.open = Some(database);
                Ok(Reopened::Recreated)
            }
            Err(Fault::Damaged(why) | Fault::Failing(why)) => Err(DiskError(why)),
        }
    }

    fn compact(&mut self) -> Result<bool, DiskError> {
        let Some(database) = &mut self.open else {
            return Ok(false);
        };
        let path = self.dir.database();
        let result = guarded(|| {
            let size = std::fs::metadata(&path)
                .map_err(redb::StorageError::Io)?
                .len();
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
        });
        result.map_err(|fault| match fault {
            Fault::Damaged(why) | Fault::Failing(why) => DiskError(why),
        })
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
        Fault::Failing(reason) => OpenError::new(dir, format!("not readable: {reason}")),
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
    let bytes = std::fs::read(path).map_err(StorageError::Io)?;
    let memory = InMemoryBackend::new();
    memory.set_len(bytes.len() as u64)?;
    memory.write(0, &bytes)?;
    // Nobody else has it, so it takes no locks.
    Ok(Builder::new()
        .set_cache_size(CACHE_SIZE)
        .create_with_backend(memory)?)
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

fn open(path: &PathBuf) -> Result<(redb::Database, Contents), Fault> {
    // Made here, so that nobody else can read it from the beginning.
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(StorageError::Io)?;
    let database = builder().create(path)?;
    let transaction = database.begin_write()?;
    let contents = contents(&transaction.open_table(ROWS)?)?;
    transaction.commit()?;
    Ok((database, contents))
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
        let why = error.to_string();
        match error {
            Error::Io(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
                ) =>
            {
                Self::Failing(why)
            }
            Error::PreviousIo | Error::DatabaseClosed | Error::DatabaseAlreadyOpen => {
                Self::Failing(why)
            }
            _ => Self::Damaged(why),
        }
    }
}

impl From<io::Error> for DiskError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}
