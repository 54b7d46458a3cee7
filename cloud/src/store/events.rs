//! Stored events.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use rusqlite::{Connection, Result, Row, Statement, types::Type};

use super::{
    Store, StoreError,
    retention::{self, EVENT_OVERHEAD},
};
use crate::events::{Event, EventKind};

/// The largest number of events on a page.
const MAX_PAGE_EVENTS: usize = 256;
/// The size at which a page ends, in bytes.
const MAX_PAGE_BYTES: usize = 1024 * 1024;
/// The number of events scanned at a time. Other readers wait some milliseconds for it.
const SCAN_SPAN: u64 = 4096;
/// The first and the largest span for a filter by device, which uses an index. All numbers from the index are collected
/// before the first event is read, so a growing span collects a page of them, and not many more.
const FIRST_DEVICE_SPAN: u64 = MAX_PAGE_EVENTS as u64;
const DEVICE_SPAN: u64 = 256 * 1024;

const COLUMNS: &str = "sequence, enqueued, device, kind, detail, body";

/// A filter of events.
#[derive(Clone, Debug, Default)]
pub struct EventFilter {
    /// These devices, with events that concern no single device; all if empty.
    pub devices: Vec<String>,
    /// These kinds; all if empty.
    pub kinds: Vec<String>,
    /// The earliest time.
    pub from: Option<Timestamp>,
    /// The time before which they were enqueued.
    pub to: Option<Timestamp>,
}

/// A page of events, in order.
#[derive(Debug)]
pub struct EventPage {
    /// The events that match the filter.
    pub events: Vec<Event>,
    /// The number up to which all events were scanned.
    pub reached: u64,
    /// True if there are no more events.
    pub is_last: bool,
    /// The number after which all matching events are stored. Earlier ones may have been deleted.
    pub complete_after: u64,
}

/// The columns that a filter reads.
struct EventHeader<'a> {
    enqueued: i64,
    device: &'a str,
    kind: &'a str,
}

impl EventFilter {
    /// Returns true if an event matches.
    pub fn matches(&self, event: &Event) -> bool {
        self.matches_header(&EventHeader {
            enqueued: event.enqueued.as_millisecond(),
            device: &event.device_id,
            kind: event.kind.name(),
        })
    }

    fn matches_header(&self, head: &EventHeader<'_>) -> bool {
        let listed =
            |list: &[String], one: &str| list.is_empty() || list.iter().any(|it| it == one);
        (head.device.is_empty() || listed(&self.devices, head.device))
            && listed(&self.kinds, head.kind)
            && self
                .from
                .is_none_or(|from| head.enqueued >= from.as_millisecond())
            && self.to.is_none_or(|to| head.enqueued < to.as_millisecond())
    }

    fn span(&self) -> u64 {
        match self.devices.is_empty() {
            true => SCAN_SPAN,
            false => DEVICE_SPAN,
        }
    }

    fn first_span(&self) -> u64 {
        match self.devices.is_empty() {
            true => SCAN_SPAN,
            false => FIRST_DEVICE_SPAN,
        }
    }

    /// Makes the SQL. Events of devices are found by an index.
    fn sql(&self, columns: &str, order: &str) -> String {
        let between = "sequence > ?1 AND sequence <= ?2";
        let of_devices = match self.devices.is_empty() {
            true => String::new(),
            false => format!(
                "AND sequence IN (SELECT sequence FROM event WHERE {between}
                    AND device IN (SELECT value FROM json_each(?3)))"
            ),
        };
        format!(
            "SELECT {columns} FROM event WHERE {between} {of_devices} ORDER BY sequence {order}"
        )
    }

    fn statement<'a>(
        &self,
        database: &'a Connection,
        columns: &str,
        order: &str,
    ) -> Result<rusqlite::CachedStatement<'a>> {
        database.prepare_cached(&self.sql(columns, order))
    }

    fn query<'a>(
        &self,
        statement: &'a mut Statement<'_>,
        after: u64,
        to: u64,
    ) -> Result<rusqlite::Rows<'a>> {
        match self.devices.is_empty() {
            true => statement.query((after, to)),
            false => statement.query((after, to, with_those_of_all(&self.devices))),
        }
    }
}

impl Store {
    /// Reads a page of the committed events after this number. The page may be empty though more events follow. Blocks for
    /// some milliseconds.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn events(
        &self,
        filter: &EventFilter,
        after: u64,
    ) -> std::result::Result<EventPage, StoreError> {
        let page = page(&self.reader(), filter, after);
        page.map_err(|error| self.error(error))
    }

    /// Returns the number of the last event, committed or not.
    pub fn last_event(&self) -> u64 {
        self.inner.journal.last_sequence()
    }

    /// Returns the number after which the committed events of this time and later follow. Blocks for a moment per million
    /// events.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn before_time(&self, from: Timestamp) -> std::result::Result<u64, StoreError> {
        let first = first_since(&self.reader(), from);
        first
            .map(|first| first - 1)
            .map_err(|error| self.error(error))
    }

    /// Returns the number after which `count` events up to `end` follow, or fewer if there are no more. Blocks for a moment
    /// per million scanned events.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn before_last(
        &self,
        filter: &EventFilter,
        mut end: u64,
        count: u64,
    ) -> std::result::Result<u64, StoreError> {
        let mut left = count;
        while left > 0 {
            let found = before_last(&self.reader(), filter, end, &mut left);
            match found.map_err(|error| self.error(error))? {
                Some(next) => end = next,
                None => return Ok(0),
            }
        }
        Ok(end)
    }
}

/// Scans one span backwards from `end`, and counts `left` down. Returns the number reached; `None` if there are no more
/// events.
fn before_last(
    database: &Connection,
    filter: &EventFilter,
    end: u64,
    left: &mut u64,
) -> Result<Option<u64>> {
    if end < oldest(database)? {
        return Ok(None);
    }
    let after = end.saturating_sub(filter.span());
    let mut statement = filter.statement(database, "sequence, enqueued, device, kind", "DESC")?;
    let mut rows = filter.query(&mut statement, after, end)?;
    while let Some(row) = rows.next()? {
        if filter.matches_header(&header(row)?) {
            *left -= 1;
            if *left == 0 {
                let sequence: u64 = row.get(0)?;
                return Ok(Some(sequence - 1));
            }
        }
    }
    Ok(Some(after))
}

fn page(database: &Connection, filter: &EventFilter, after: u64) -> Result<EventPage> {
    let oldest = oldest(database)?;
    let after = after.max(oldest - 1);
    let last = last(database)?;
    let end = last.min(after + filter.span());
    let mut page = PageBuilder::default();
    let (mut reached, mut span) = (after, filter.first_span());
    while reached < end && !page.is_full() {
        let to = end.min(reached + span);
        page.add(database, filter, reached, to)?;
        reached = match page.events.last() {
            Some(event) if page.is_full() => event.sequence,
            _ => to,
        };
        span *= 2;
    }
    Ok(EventPage {
        events: page.events,
        reached,
        is_last: reached >= last,
        complete_after: retention::complete_after(database, &filter.devices)?,
    })
}

/// A page under construction.
#[derive(Default)]
struct PageBuilder {
    events: Vec<Event>,
    bytes: usize,
}

impl PageBuilder {
    fn is_full(&self) -> bool {
        self.events.len() >= MAX_PAGE_EVENTS || self.bytes > MAX_PAGE_BYTES
    }

    /// Adds the events between two numbers until the page is full.
    fn add(
        &mut self,
        database: &Connection,
        filter: &EventFilter,
        after: u64,
        to: u64,
    ) -> Result<()> {
        let mut statement = filter.statement(database, COLUMNS, "ASC")?;
        let mut rows = filter.query(&mut statement, after, to)?;
        while !self.is_full()
            && let Some(row) = rows.next()?
        {
            if !filter.matches_header(&header(row)?) {
                continue;
            }
            let (event, size) = event(row)?;
            self.events.push(event);
            self.bytes += size;
        }
        Ok(())
    }
}

fn header<'a>(row: &'a Row<'_>) -> Result<EventHeader<'a>> {
    Ok(EventHeader {
        enqueued: row.get(1)?,
        device: row.get_ref(2)?.as_str()?,
        kind: row.get_ref(3)?.as_str()?,
    })
}

fn event(row: &Row<'_>) -> Result<(Event, usize)> {
    let detail = row.get_ref(4)?.as_str()?;
    let body: Option<Vec<u8>> = row.get(5)?;
    let size = detail.len() + body.as_ref().map_or(0, Vec::len);
    let wrong = |kind, error| rusqlite::Error::FromSqlConversionFailure(4, kind, error);
    let mut kind =
        serde_json::from_str(detail).map_err(|error| wrong(Type::Text, Box::new(error)))?;
    if let (EventKind::Telemetry(message), Some(body)) = (&mut kind, body) {
        message.body = body.into();
    }
    let enqueued = Timestamp::from_millisecond(row.get(1)?)
        .map_err(|error| wrong(Type::Integer, Box::new(error)))?;
    let event = Event {
        sequence: row.get(0)?,
        enqueued,
        device_id: row.get(2)?,
        kind,
    };
    Ok((event, size))
}

/// Returns the devices, and the name of events that concern no single device, as a JSON array for SQL.
pub(super) fn with_those_of_all(devices: &[String]) -> String {
    let of_all = "";
    let devices = devices.iter().map(String::as_str).chain([of_all]);
    devices.collect::<serde_json::Value>().to_string()
}

/// Returns the number of the oldest stored event, or else of the next one.
fn oldest(database: &Connection) -> Result<u64> {
    let sql =
        "SELECT coalesce((SELECT min(sequence) FROM event), (SELECT sequence + 1 FROM last_event))";
    database
        .prepare_cached(sql)?
        .query_row((), |row| row.get(0))
}

fn last(database: &Connection) -> Result<u64> {
    database
        .prepare_cached("SELECT sequence FROM last_event")?
        .query_row((), |row| row.get(0))
}

/// Returns the number of the first event of this time or later, or else of the next one. It is not the earliest in time if
/// the clock was set back.
fn first_since(database: &Connection, from: Timestamp) -> Result<u64> {
    let sql = "SELECT coalesce(min(sequence), (SELECT sequence + 1 FROM last_event))
        FROM event WHERE enqueued >= ?1";
    database
        .prepare_cached(sql)?
        .query_row((from.as_millisecond(),), |row| row.get(0))
}

/// Appends events. Returns the bytes they take.
pub(super) fn append(database: &Connection, events: &[Arc<Event>]) -> Result<u64> {
    let Some(last) = events.last() else {
        return Ok(0);
    };
    let mut usage: BTreeMap<&str, u64> = BTreeMap::new();
    let sql = format!("INSERT INTO event ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    let mut insert = database.prepare_cached(&sql)?;
    for event in events {
        let body = match &event.kind {
            EventKind::Telemetry(message) => Some(&*message.body),
            _ => None,
        };
        let detail = serde_json::to_string(&event.kind).unwrap_or_default();
        *usage.entry(&event.device_id).or_default() +=
            EVENT_OVERHEAD + (detail.len() + body.map_or(0, <[u8]>::len)) as u64;
        insert.execute((
            event.sequence,
            event.enqueued.as_millisecond(),
            &event.device_id,
            event.kind.name(),
            detail,
            body,
        ))?;
    }
    database
        .prepare_cached("UPDATE last_event SET sequence = ?1")?
        .execute((last.sequence,))?;
    retention::add_usage(database, &usage)?;
    Ok(usage.values().sum())
}
