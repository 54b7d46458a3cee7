//! Retention of events.

use std::{collections::BTreeMap, time::Duration};

use rusqlite::{Connection, Result, params};

use super::events;
use crate::clock;

/// The size of an event beside its content, in bytes: numbers, names and index entries. The database has it in what the
/// events of a device take.
pub(super) const EVENT_OVERHEAD: u64 = 150;
/// The part of a device's events that is deleted at a time when others take nearly as much.
const EQUAL_SHARE_DIVISOR: u64 = 16;

/// The retention of events. Expired ones are deleted. If the database is too large, the device whose events take most
/// loses its oldest ones, so that a device that floods the store deletes its own history and not that of others.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// The largest age.
    pub age: Duration,
    /// The largest size of the database, in bytes.
    pub bytes: u64,
}

/// What the events of one device take.
struct DeviceUsage {
    device: String,
    bytes: u64,
}

impl Retention {
    /// Deletes events after `appended` bytes were added: at most twice as many bytes, so that each transaction stays small.
    pub(super) fn enforce_after_append(&self, database: &Connection, appended: u64) -> Result<()> {
        let limit = usize::try_from(2 * appended / EVENT_OVERHEAD).unwrap_or(usize::MAX);
        self.enforce(database, limit).map(drop)
    }

    /// Deletes at most `limit` events that are expired or for which there is no room. Returns their number. Sequence numbers
    /// of later events do not change.
    pub(super) fn enforce(&self, database: &Connection, limit: usize) -> Result<usize> {
        let mut deleted = self.delete_expired(database, limit)?;
        let mut excess = used(database)?.saturating_sub(self.bytes);
        while excess > 0
            && deleted < limit
            && let Some((number, freed)) = delete_of_largest(database, excess, limit - deleted)?
        {
            deleted += number;
            excess = excess.saturating_sub(freed);
        }
        Ok(deleted)
    }

    /// Deletes at most `limit` expired events, the oldest first.
    fn delete_expired(&self, database: &Connection, limit: usize) -> Result<usize> {
        let Some(last) = self.last_expired(database, limit)? else {
            return Ok(0);
        };
        let usage = "UPDATE event_usage SET bytes = max(0, event_usage.bytes - expired.bytes)
            FROM (
                SELECT device, sum(?2 + octet_length(detail) + coalesce(octet_length(body), 0)) AS bytes
                FROM event WHERE sequence <= ?1 GROUP BY device
            ) AS expired
            WHERE event_usage.device = expired.device";
        database
            .prepare_cached(usage)?
            .execute((last, EVENT_OVERHEAD))?;
        let deleted = database
            .prepare_cached("DELETE FROM event WHERE sequence <= ?1")?
            .execute((last,))?;
        database
            .prepare_cached("UPDATE last_event SET expired = max(expired, ?1)")?
            .execute((last,))?;
        database
            .prepare_cached("DELETE FROM event_usage WHERE bytes = 0 AND deleted <= ?1")?
            .execute((last,))?;
        Ok(deleted)
    }

    /// Returns the number of the last expired event among the first `limit`.
    fn last_expired(&self, database: &Connection, limit: usize) -> Result<Option<u64>> {
        let sql = "SELECT sequence, enqueued FROM event ORDER BY sequence LIMIT ?1";
        let mut statement = database.prepare_cached(sql)?;
        let mut oldest = statement.query((limit as u64,))?;
        let (mut last, min_enqueued) = (None, self.min_enqueued());
        while let Some(row) = oldest.next()?
            && row.get::<_, i64>(1)? < min_enqueued
        {
            last = Some(row.get(0)?);
        }
        Ok(last)
    }

    /// Returns the earliest time of events to retain, in milliseconds since 1970.
    fn min_enqueued(&self) -> i64 {
        let age = i64::try_from(self.age.as_millis()).unwrap_or(i64::MAX);
        clock::now().as_millisecond().saturating_sub(age)
    }
}

/// Adds what new events of these devices take.
pub(super) fn add_usage(database: &Connection, usage: &BTreeMap<&str, u64>) -> Result<()> {
    let sql = "INSERT INTO event_usage (device, bytes, deleted) VALUES (?1, ?2, 0)
        ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes";
    let mut add = database.prepare_cached(sql)?;
    for (device, bytes) in usage {
        add.execute((device, bytes))?;
    }
    Ok(())
}

/// Returns the number after which all events of these devices are stored; of every device if there are none.
pub(super) fn complete_after(database: &Connection, devices: &[String]) -> Result<u64> {
    let of_devices = match devices {
        [] => "?1 IS NOT NULL",
        _ => "device IN (SELECT value FROM json_each(?1))",
    };
    let sql = format!(
        "SELECT max(expired, coalesce((SELECT max(deleted) FROM event_usage WHERE {of_devices}), 0))
        FROM last_event"
    );
    database
        .prepare_cached(&sql)?
        .query_row((events::with_those_of_all(devices),), |row| row.get(0))
}

/// Deletes the oldest events of the device whose events take most, until `excess` bytes are free or another device takes
/// more; at most `limit`. Returns the number of events and their bytes; `None` if no device has any.
fn delete_of_largest(
    database: &Connection,
    excess: u64,
    limit: usize,
) -> Result<Option<(usize, u64)>> {
    let sql = "SELECT device, bytes FROM event_usage WHERE bytes > 0 ORDER BY bytes DESC LIMIT 2";
    let mut statement = database.prepare_cached(sql)?;
    let largest = statement.query_map((), |row| {
        Ok(DeviceUsage {
            device: row.get(0)?,
            bytes: row.get(1)?,
        })
    })?;
    let mut largest = largest.collect::<Result<Vec<_>>>()?.into_iter();
    let Some(first) = largest.next() else {
        return Ok(None);
    };
    let second = largest.next().map_or(0, |second| second.bytes);
    let ahead = (first.bytes - second).max(first.bytes / EQUAL_SHARE_DIVISOR);
    let Some((last, freed)) = oldest_of(database, &first.device, excess.min(ahead), limit)? else {
        // What it takes was counted wrongly.
        database
            .prepare_cached("UPDATE event_usage SET bytes = 0 WHERE device = ?1")?
            .execute((&first.device,))?;
        return Ok(Some((0, 0)));
    };
    let deleted = database
        .prepare_cached("DELETE FROM event WHERE device = ?1 AND sequence <= ?2")?
        .execute((&first.device, last))?;
    database
        .prepare_cached(
            "UPDATE event_usage SET bytes = max(0, bytes - ?2), deleted = ?3 WHERE device = ?1",
        )?
        .execute(params![first.device, freed, last])?;
    Ok(Some((deleted, freed)))
}

/// Returns the number of the last of the oldest events of a device that together take at least `bytes`, and what they take;
/// at most `limit` events.
fn oldest_of(
    database: &Connection,
    device: &str,
    bytes: u64,
    limit: usize,
) -> Result<Option<(u64, u64)>> {
    let sql = "SELECT sequence, octet_length(detail) + coalesce(octet_length(body), 0)
        FROM event WHERE device = ?1 ORDER BY sequence LIMIT ?2";
    let mut statement = database.prepare_cached(sql)?;
    let mut oldest = statement.query((device, limit as u64))?;
    let (mut last, mut freed) = (None, 0);
    while freed < bytes
        && let Some(row) = oldest.next()?
    {
        freed += row.get::<_, u64>(1)? + EVENT_OVERHEAD;
        last = Some((row.get(0)?, freed));
    }
    Ok(last)
}

/// Returns the used bytes of the database, without free pages.
pub(super) fn used(database: &Connection) -> Result<u64> {
    let sql = "SELECT (page_count - freelist_count) * page_size
        FROM pragma_page_count, pragma_freelist_count, pragma_page_size";
    database
        .prepare_cached(sql)?
        .query_row((), |row| row.get(0))
}
