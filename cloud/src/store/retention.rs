//! Retention of events.

use std::time::Duration;

use rusqlite::{Connection, Result};

/// The size of an event beside its content, in bytes: numbers, names and index entries.
pub(super) const EVENT_OVERHEAD: u64 = 150;

/// The retention of events. The oldest are deleted first.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The largest age.
    pub age: Duration,
    /// The largest size of the database, in bytes.
    pub bytes: u64,
}

impl Retention {
    /// Deletes expired events after `appended` bytes were added: at most twice as many bytes, so that each transaction stays
    /// small.
    pub(super) fn enforce_after_append(&self, database: &Connection, appended: u64) -> Result<()> {
        let limit = usize::try_from(2 * appended / EVENT_OVERHEAD).unwrap_or(usize::MAX);
        self.enforce(database, limit).map(drop)
    }

    /// Deletes at most `limit` expired events, the oldest first. Returns their number. Sequence numbers of later events do
    /// not change.
    pub(super) fn enforce(&self, database: &Connection, limit: usize) -> Result<usize> {
        let Some(last) = self.last_expired(database, limit)? else {
            return Ok(0);
        };
        database
            .prepare_cached("DELETE FROM event WHERE sequence <= ?1")?
            .execute((last,))
    }

    /// Returns the number of the last expired event.
    fn last_expired(&self, database: &Connection, limit: usize) -> Result<Option<u64>> {
        let excess = used(database)?.saturating_sub(self.bytes);
        let min_enqueued = self.min_enqueued();
        let sql =
            "SELECT sequence, enqueued, octet_length(detail) + coalesce(octet_length(body), 0)
            FROM event ORDER BY sequence LIMIT ?1";
        let mut statement = database.prepare_cached(sql)?;
        let mut oldest = statement.query((limit as u64,))?;
        let (mut last, mut freed) = (None, 0);
        while let Some(row) = oldest.next()? {
            if freed >= excess && row.get::<_, i64>(1)? >= min_enqueued {
                break;
            }
            last = Some(row.get(0)?);
            freed += row.get::<_, u64>(2)? + EVENT_OVERHEAD;
        }
        Ok(last)
    }

    /// Returns the earliest time of events to retain, in milliseconds since 1970.
    fn min_enqueued(&self) -> i64 {
        let age = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        crate::hub::now().as_millisecond().saturating_sub(age)
    }
}

/// Returns the used bytes of the database, without free pages.
pub(super) fn used(database: &Connection) -> Result<u64> {
    let sql = "SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    database
        .prepare_cached(sql)?
        .query_row((), |row| row.get(0))
}
