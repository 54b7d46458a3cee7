//! The database: schema, migrations and opening.

use std::{
    fs::File,
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

use super::{StoreError, StoreLocation};
use crate::files;

/// The schema version of this program. A migration to the next version is a further entry of [`MIGRATIONS`].
const VERSION: u32 = MIGRATIONS.len() as u32;

/// The migrations from each version to the next.
const MIGRATIONS: [&str; 7] = [
    "
    CREATE TABLE device (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE message (
        device TEXT NOT NULL, number INTEGER NOT NULL, document TEXT NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (device, number)
    ) STRICT;
    CREATE TABLE enrollment (
        kind TEXT NOT NULL, id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE registration (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE event (
        sequence INTEGER PRIMARY KEY, enqueued INTEGER NOT NULL, device TEXT NOT NULL, kind TEXT NOT NULL,
        detail TEXT NOT NULL, body BLOB
    ) STRICT;
    CREATE INDEX event_of_device ON event (device);
    CREATE INDEX event_at_time ON event (enqueued);
    CREATE TABLE last_event (one INTEGER PRIMARY KEY CHECK (one = 1), sequence INTEGER NOT NULL) STRICT;
    INSERT INTO last_event VALUES (1, 0);
",
    "
    CREATE TABLE template (model TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE model (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
",
    "CREATE TABLE session (hash TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;",
    // Milliseconds since 1970.
    "ALTER TABLE last_event ADD COLUMN alive INTEGER;",
    // The names of faults and of their events.
    r#"
    UPDATE event SET
        kind = CASE kind
            WHEN 'fault-began' THEN 'fault-started' WHEN 'fault-struck' THEN 'fault-triggered' ELSE kind
        END,
        detail = json_object('Fault', json_object(
            'phase', CASE kind WHEN 'fault-began' THEN 'Started' WHEN 'fault-struck' THEN 'Triggered' ELSE 'Ended' END,
            'fault', json(CASE detail -> '$.Fault.what'
                WHEN '"lose-desired"' THEN '"drop-desired"'
                WHEN '{"black-hole":{"lose":false}}' THEN '{"black-hole":{"dropConnections":false}}'
                WHEN '{"black-hole":{"lose":true}}' THEN '{"black-hole":{"dropConnections":true}}'
                WHEN '{"wrong-certificate":{"flaw":"other-name"}}'
                    THEN '{"wrong-certificate":{"flaw":"name-mismatch"}}'
                WHEN '{"wrong-certificate":{"flaw":"foreign-authority"}}'
                    THEN '{"wrong-certificate":{"flaw":"unknown-ca"}}'
                ELSE replace(detail -> '$.Fault.what', '{"delay-acks":{"by":', '{"delay-acks":{"delay":')
            END)
        ))
    WHERE kind IN ('fault-began', 'fault-ended', 'fault-struck');
"#,
    // Sessions without a key and a grant.
    "DELETE FROM session;",
    // What the events of each device take, with 150 bytes for each, and the numbers up to which they were deleted.
    "
    CREATE TABLE event_usage (
        device TEXT PRIMARY KEY, bytes INTEGER NOT NULL, deleted INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX event_usage_by_bytes ON event_usage (bytes);
    CREATE INDEX event_usage_by_deleted ON event_usage (deleted);
    INSERT INTO event_usage
        SELECT device, sum(150 + octet_length(detail) + coalesce(octet_length(body), 0)), 0
        FROM event GROUP BY device;
    ALTER TABLE last_event ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;
    UPDATE last_event SET expired = coalesce((SELECT min(sequence) FROM event) - 1, sequence);
",
];

/// The time to wait for a lock, which only another program holds: writer and readers do not block each other.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// A database that cannot be opened.
pub(super) enum OpenError {
    File(io::Error),
    Database(rusqlite::Error),
    Newer,
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::File(error)
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl OpenError {
    pub(super) fn at(self, path: &Path) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::File(source) => StoreError::File { path, source },
            Self::Database(source) if is_corruption(&source) => StoreError::Corrupt {
                path,
                why: source.to_string(),
            },
            Self::Database(source) => StoreError::Database { path, source },
            Self::Newer => StoreError::Newer(path),
        }
    }
}

fn is_corruption(error: &rusqlite::Error) -> bool {
    match error {
        rusqlite::Error::SqliteFailure(error, _) => matches!(
            error.code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::Unknown
        ),
        // A file of another program, or a row that holds something else.
        _ => true,
    }
}

type SharedConnection = Arc<Mutex<Connection>>;

/// An open database.
pub(super) struct OpenDatabase {
    /// Connection for the writer.
    pub(super) writing: SharedConnection,
    /// Connection for readers.
    pub(super) reading: SharedConnection,
    /// The number of the last event.
    pub(super) last_event: u64,
    /// Last heartbeat of the previous process.
    pub(super) last_alive: Option<Timestamp>,
}

/// Opens or creates the database, and migrates it to the current version.
pub(super) fn open(location: &StoreLocation) -> Result<OpenDatabase, OpenError> {
    let writing = match location {
        StoreLocation::File(path) => {
            create_file(path)?;
            connect(path)?
        }
        StoreLocation::Memory => Connection::open_in_memory()?,
    };
    migrate(&writing)?;
    let last = "SELECT sequence, alive FROM last_event";
    let (last_event, alive): (u64, Option<i64>) =
        writing.query_row(last, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let reading = match location {
        StoreLocation::File(path) => Some(connect(path)?),
        StoreLocation::Memory => None,
    };
    let writing = Arc::new(Mutex::new(writing));
    let reading = reading.map(|reading| Arc::new(Mutex::new(reading)));
    let reading = reading.unwrap_or_else(|| Arc::clone(&writing));
    Ok(OpenDatabase {
        writing,
        reading,
        last_event,
        last_alive: alive.and_then(|at| Timestamp::from_millisecond(at).ok()),
    })
}

/// Creates the file with owner-only access, because it holds keys. SQLite gives the files beside it the same mode.
fn create_file(path: &Path) -> io::Result<()> {
    let mut file = File::options();
    let file = file.create(true).append(true).mode(files::PRIVATE);
    file.open(path).map(drop)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open(path)?;
    database.busy_timeout(BUSY_TIMEOUT)?;
    // A commit is in the log, which outlives the process, but is not waited for on the disk itself.
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "normal")?;
    Ok(database)
}

fn migrate(database: &Connection) -> Result<(), OpenError> {
    let version: u32 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > VERSION {
        return Err(OpenError::Newer);
    }
    for (step, next) in MIGRATIONS.iter().zip(1..).skip(version as usize) {
        database.execute_batch(&format!(
            "BEGIN IMMEDIATE; {step} PRAGMA user_version = {next}; COMMIT;"
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::events::EventKind;

    fn version(database: &Connection) -> u32 {
        let version = database.pragma_query_value(None, "user_version", |row| row.get(0));
        version.unwrap()
    }

    #[test]
    fn a_store_of_every_earlier_version_becomes_one_of_this_with_what_it_had() {
        let dir = TempDir::new().unwrap();
        let fresh = Connection::open_in_memory().unwrap();
        assert!(migrate(&fresh).is_ok());
        for earlier in 1..VERSION {
            let path = dir.path().join(earlier.to_string());
            let database = Connection::open(&path).unwrap();
            for step in &MIGRATIONS[..earlier as usize] {
                database.execute_batch(step).unwrap();
            }
            let had = "INSERT INTO device VALUES ('t-1', '{}'); UPDATE last_event SET sequence = 7;
                INSERT INTO event VALUES (5, 0, 't-1', 'created', '{}', NULL), (7, 0, 't-1', 'telemetry', '{}', x'00')";
            database.execute_batch(had).unwrap();
            let set = database.pragma_update(None, "user_version", earlier);
            set.unwrap();
            drop(database);

            let opened = open(&StoreLocation::File(path)).ok().unwrap();
            assert_eq!((opened.last_event, opened.last_alive), (7, None));
            let database = opened.writing.lock().unwrap();
            assert_eq!(version(&database), VERSION);
            let devices = database.query_row("SELECT count(*) FROM device", (), |row| row.get(0));
            assert_eq!(devices, Ok(1));
            if earlier < 7 {
                let sql = "SELECT device, bytes, deleted, expired FROM event_usage, last_event";
                let usage = database.query_row(sql, (), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                });
                assert_eq!(usage, Ok(("t-1".to_owned(), 305, 0, 4)));
            }
            assert_eq!(tables(&database), tables(&fresh), "from {earlier}");
        }
    }

    #[test]
    fn fault_events_of_an_earlier_version_have_the_new_names() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("cloud.db");
        let database = Connection::open(&path).unwrap();
        for step in &MIGRATIONS[..4] {
            database.execute_batch(step).unwrap();
        }
        database.pragma_update(None, "user_version", 4).unwrap();
        let (started, triggered, ended) = ("fault-started", "fault-triggered", "fault-ended");
        let events = [
            ("fault-struck", "Struck", json!("reset"), triggered, None),
            (
                "fault-began",
                "Began",
                json!("lose-desired"),
                started,
                Some(json!("drop-desired")),
            ),
            (
                "fault-ended",
                "Ended",
                json!({"black-hole": {"lose": true}}),
                ended,
                Some(json!({"black-hole": {"dropConnections": true}})),
            ),
            (
                "fault-began",
                "Began",
                json!({"black-hole": {"lose": false}}),
                started,
                Some(json!({"black-hole": {"dropConnections": false}})),
            ),
            (
                "fault-began",
                "Began",
                json!({"delay-acks": {"by": "2s"}}),
                started,
                Some(json!({"delay-acks": {"delay": "2s"}})),
            ),
            (
                "fault-began",
                "Began",
                json!({"wrong-certificate": {"flaw": "other-name"}}),
                started,
                Some(json!({"wrong-certificate": {"flaw": "name-mismatch"}})),
            ),
            (
                "fault-began",
                "Began",
                json!({"wrong-certificate": {"flaw": "foreign-authority"}}),
                started,
                Some(json!({"wrong-certificate": {"flaw": "unknown-ca"}})),
            ),
            (
                "fault-began",
                "Began",
                json!({"connack": {"code": 5, "dps": false}}),
                started,
                None,
            ),
        ];
        let insert = "INSERT INTO event VALUES (NULL, 0, 't-1', ?1, ?2, NULL)";
        for (kind, phase, fault, ..) in &events {
            let detail = json!({"Fault": {"phase": phase, "what": fault}}).to_string();
            database.execute(insert, (kind, detail)).unwrap();
        }
        let other = r#"{"Disconnected":{"reason":"fault-began"}}"#;
        database.execute(insert, ("disconnected", other)).unwrap();
        drop(database);

        let opened = open(&StoreLocation::File(path)).ok().unwrap();
        let database = opened.reading.lock().unwrap();
        let sql = "SELECT kind, detail FROM event ORDER BY sequence";
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)));
        let mut rows: Vec<(String, String)> = rows.unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.pop().unwrap(), ("disconnected".into(), other.into()));
        assert_eq!(rows.len(), events.len());
        for ((kind, detail), (_, _, old, new_kind, new)) in rows.iter().zip(events) {
            let event: EventKind = serde_json::from_str(detail).unwrap();
            assert_eq!((kind.as_str(), event.name()), (new_kind, new_kind));
            let EventKind::Fault { fault, .. } = event else {
                panic!("not a fault: {detail}");
            };
            assert_eq!(fault, new.unwrap_or(old));
        }
    }

    /// Every table and index, as it was made.
    fn tables(database: &Connection) -> Vec<Option<String>> {
        let sql = "SELECT sql FROM sqlite_schema ORDER BY name";
        let mut statement = database.prepare(sql).unwrap();
        let tables = statement.query_map((), |row| row.get(0)).unwrap();
        tables.map(Result::unwrap).collect()
    }
}
