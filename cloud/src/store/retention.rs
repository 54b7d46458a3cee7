//! How long events are kept.

use std::time::Duration;

use rusqlite::{Connection, Result};

/// Which events give way, the oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Those older than this.
    pub age: Duration,
    /// Those for which there is no room while the database takes more than this, in bytes.
    pub bytes: u64,
}

impl Retention {
    /// Removes so many of the oldest events at most that are not to be kept. Returns how many went. The numbers of
    /// those that come do not depend on it.
    pub(super) fn apply(&self, database: &Connection, at_most: usize) -> Result<usize> {
        let too_old = match self.bytes < used(database)? {
            true => i64::MAX,
            false => self.expired(),
        };
        let sql = "DELETE FROM event WHERE enqueued < ?1 AND sequence IN
            (SELECT sequence FROM event ORDER BY sequence LIMIT ?2)";
        database
            .prepare_cached(sql)?
            .execute((too_old, at_most as u64))
    }

    /// Events from before this go, in milliseconds since 1970.
    fn expired(&self) -> i64 {
        let age = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        crate::hub::now().as_millisecond().saturating_sub(age)
    }
}

/// The bytes that are in use, without what can be used again.
fn used(database: &Connection) -> Result<u64> {
    let sql = "SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    database
        .prepare_cached(sql)?
        .query_row((), |row| row.get(0))
}
