//! The file the rows lie in. The only file that names `redb`.
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
    directory::{OpenError, StateDir, database_in},
    row::{Key, seal},
    saved::Kept,
    writer::{Disk, DiskError, Found, Rows},
};

const ROWS: TableDefinition<'_, Key<'static>, &[u8]> = TableDefinition::new("rows");
/// Pages kept in memory, in bytes: rows are written often and read once.
const CACHE: usize = 2 << 20;
/// A file up to this size is not worth giving anything back, in bytes.
const SMALL: u64 = 4 << 20;
/// A file is mostly empty if less than one part in so many is used.
const MOSTLY_EMPTY: u64 = 4;

/// What devices have left, by name.
pub type Contents = BTreeMap<Arc<str>, Kept>;

/// The database of a state directory.
pub struct Database {
    dir: StateDir,
    /// None only after a failure that leaves the file closed.
    open: Option<redb::Database>,
}

/// Why a database cannot be opened.
#[derive(Debug)]
enum Fault {
    /// It is not what was written.
    Damaged(String),
    /// It cannot be read or written now.
    Failing(String),
}

impl Database {
    /// Opens the database of this directory and reads it whole. A damaged one is set aside, and a new one begun; the
    /// contents are empty then.
    pub fn open(dir: StateDir) -> Result<(Self, Contents), OpenError> {
        let mut database = Self { dir, open: None };
        match database.reopen() {
            Ok(Found::Whole(contents)) => Ok((database, contents)),
            Ok(Found::Anew) => Ok((database, Contents::new())),
            Err(DiskError(why)) => Err(OpenError::new(
                database.dir.path(),
                format!("cannot be used: {why}"),
            )),
        }
    }

    fn set_aside(&self, why: &str) -> Result<(), DiskError> {
        let aside = self.dir.set_aside()?;
        tracing::error!(
            why,
            kept_as = %aside.display(),
            "the state of the device is damaged; it is set aside, and the device begins anew"
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

    fn reopen(&mut self) -> Result<Found, DiskError> {
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
                return Ok(Found::Whole(contents));
            }
            Err(Fault::Failing(why)) => return Err(DiskError(why)),
            Err(Fault::Damaged(why)) => self.set_aside(&why)?,
        }
        match guarded(|| open(&path)) {
            Ok((database, _)) => {
                self.open = Some(database);
                Ok(Found::Anew)
            }
            Err(Fault::Damaged(why) | Fault::Failing(why)) => Err(DiskError(why)),
        }
    }

    fn give_back(&mut self) -> Result<bool, DiskError> {
        let Some(database) = &mut self.open else {
            return Ok(false);
        };
        let path = self.dir.database();
        let result = guarded(|| {
            let size = std::fs::metadata(&path)
                .map_err(redb::StorageError::Io)?
                .len();
            if size <= SMALL {
                return Ok(false);
            }
            let transaction = database.begin_write()?;
            let used = transaction.stats()?.stored_bytes();
            transaction.abort()?;
            if used > size / MOSTLY_EMPTY {
                return Ok(false);
            }
            Ok(database.compact()?)
        });
        result.map_err(|fault| match fault {
            Fault::Damaged(why) | Fault::Failing(why) => DiskError(why),
        })
    }
}

/// What the devices have left in a directory, whether or not a host is using it.
pub fn read(dir: &Path) -> Result<Contents, OpenError> {
    let path = database_in(dir)?;
    let contents = guarded(|| match builder().open_read_only(&path) {
        Ok(database) => look(&database.begin_read()?),
        // A host that was killed has left it to be repaired. Whoever only looks repairs a copy.
        Err(DatabaseError::RepairAborted) => look(&copy(&path)?.begin_read()?),
        Err(error) => Err(error.into()),
    });
    contents.map_err(|fault| match fault {
        Fault::Damaged(why) => OpenError::new(dir, format!("is damaged: {why}")),
        Fault::Failing(why) => OpenError::new(dir, format!("cannot be read: {why}")),
    })
}

fn look(transaction: &ReadTransaction) -> Result<Contents, Fault> {
    match transaction.open_table(ROWS) {
        Ok(table) => contents(&table),
        Err(TableError::TableDoesNotExist(_)) => Ok(Contents::new()),
        Err(error) => Err(error.into()),
    }
}

/// The database of this file, repaired, in memory.
fn copy(path: &Path) -> Result<redb::Database, Fault> {
    let bytes = std::fs::read(path).map_err(StorageError::Io)?;
    let memory = InMemoryBackend::new();
    memory.set_len(bytes.len() as u64)?;
    memory.write(0, &bytes)?;
    // Nobody else has it, so it takes no locks.
    Ok(Builder::new()
        .set_cache_size(CACHE)
        .create_with_backend(memory)?)
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder
        .set_cache_size(CACHE)
        // So that a person can look at the state of a running device.
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

fn contents(table: &impl ReadableTable<Key<'static>, &'static [u8]>) -> Result<Contents, Fault> {
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
        .unwrap_or_else(|_| Err(Fault::Damaged("its pages make no sense".to_owned())))
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
