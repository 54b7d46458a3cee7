//! How long events are kept.

use std::time::Duration;

use rusqlite::{Connection, Result};

/// What an event takes at least, and beside what it holds, in bytes: numbers, names and places in indexes.
pub(super) const OVERHEAD: u64 = 150;

/// Which events give way, the oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Those older than this.
    pub age: Duration,
    /// Those for which there is no room while the database takes more than this, in bytes.
    pub bytes: u64,
}

impl Retention {
    /// Removes what is not to be kept now that so many bytes of events have come: twice as much may go, so that there is
    /// an end to it.
    pub(super) fn make_room(&self, database: &Connection, came: u64) -> Result<()> {
        let at_most = usize::try_from(2 * came / OVERHEAD).unwrap_or(usize::MAX);
        self.apply(database, at_most).map(drop)
    }

    /// Removes so many of the oldest events at most that are not to be kept. Returns how many went. The numbers of
    /// those that come do not depend on it.
    pub(super) fn apply(&self, database: &Connection, at_most: usize) -> Result<usize> {
        let Some(last) = self.last_to_go(database, at_most)? else {
            return Ok(0);
        };
        database
            .prepare_cached("DELETE FROM event WHERE sequence <= ?1")?
            .execute((last,))
    }

    /// The last of the oldest events that are not to be kept.
    fn last_to_go(&self, database: &Connection, at_most: usize) -> Result<Option<u64>> {
        let excess = used(database)?.saturating_sub(self.bytes);
        let expired = self.expired();
        let sql =
            "SELECT sequence, enqueued, octet_length(detail) + coalesce(octet_length(body), 0)
            FROM event ORDER BY sequence LIMIT ?1";
        let mut statement = database.prepare_cached(sql)?;
        let mut oldest = statement.query((at_most as u64,))?;
        let (mut last, mut freed) = (None, 0);
        while let Some(row) = oldest.next()? {
            if freed >= excess && row.get::<_, i64>(1)? >= expired {
                break;
            }
            last = Some(row.get(0)?);
            freed += row.get::<_, u64>(2)? + OVERHEAD;
        }
        Ok(last)
    }

    /// Events from before this go, in milliseconds since 1970.
    fn expired(&self) -> i64 {
        let age = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        crate::hub::now().as_millisecond().saturating_sub(age)
    }
}

/// The bytes that are in use, without what can be used again.
pub(super) fn used(database: &Connection) -> Result<u64> {
    let sql = "SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    database
        .prepare_cached(sql)?
        .query_row((), |row| row.get(0))
}
