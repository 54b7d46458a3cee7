//! Events as they are written and read.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Result, Row, Statement};

use super::retention::OVERHEAD;
use super::{Store, StoreError};
use crate::hub::{Event, EventKind};

/// A page has no more events than this.
const PAGE_EVENTS: usize = 256;
/// A page ends when its events take more than this, in bytes.
const PAGE_BYTES: usize = 1024 * 1024;
/// So many numbers are looked through at a time: whoever else wants to read waits some milliseconds.
const SPAN: u64 = 4096;
/// The same where an index leads to the events of a device: at first, and at most. All numbers it leads to are collected
/// before the first event is read, so a span that grows finds a page of them, and not many more.
const FIRST_DEVICE_SPAN: u64 = PAGE_EVENTS as u64;
const DEVICE_SPAN: u64 = 256 * 1024;

const COLUMNS: &str = "sequence, enqueued, device, kind, detail, body";

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of these devices and of none in particular; of all if there are none.
    pub devices: Vec<String>,
    /// Of these kinds; of all if there are none.
    pub kinds: Vec<String>,
    /// At this time or later.
    pub from: Option<Timestamp>,
    /// Before this time.
    pub to: Option<Timestamp>,
}

/// A part of the events, in order.
#[derive(Debug)]
pub struct Page {
    /// Those that were asked for.
    pub events: Vec<Event>,
    /// Up to which number everything was looked through.
    pub reached: u64,
    /// Whether that is all there is.
    pub is_last: bool,
    /// The number of the first event that is kept, or of the next that comes.
    pub oldest: u64,
}

/// What a filter looks at.
struct Head<'a> {
    enqueued: i64,
    device: &'a str,
    kind: &'a str,
}

impl Filter {
    /// Whether it takes an event.
    pub fn takes(&self, event: &Event) -> bool {
        self.takes_head(&Head {
            enqueued: event.enqueued.as_millisecond(),
            device: &event.device_id,
            kind: event.kind.name(),
        })
    }

    fn takes_head(&self, head: &Head<'_>) -> bool {
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
            true => SPAN,
            false => DEVICE_SPAN,
        }
    }

    fn first_span(&self) -> u64 {
        match self.devices.is_empty() {
            true => SPAN,
            false => FIRST_DEVICE_SPAN,
        }
    }

    /// The numbers of the devices' events, and of those that are of all, come out of an index.
    fn narrowed(&self, columns: &str, order: &str) -> String {
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
        database.prepare_cached(&self.narrowed(columns, order))
    }

    fn query<'a>(
        &self,
        statement: &'a mut Statement<'_>,
        after: u64,
        to: u64,
    ) -> Result<rusqlite::Rows<'a>> {
        match self.devices.is_empty() {
            true => statement.query((after, to)),
            false => {
                let of_all = "";
                let devices = self.devices.iter().map(String::as_str).chain([of_all]);
                let devices: serde_json::Value = devices.collect();
                statement.query((after, to, devices.to_string()))
            }
        }
    }
}

impl Store {
    /// A page of the committed events after the one of this number: a part of what there is, and perhaps an empty one. It
    /// takes some milliseconds, so it is for a thread that may block.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn events(&self, filter: &Filter, after: u64) -> std::result::Result<Page, StoreError> {
        let page = page(&self.reader(), filter, after);
        page.map_err(|error| self.error(error))
    }

    /// The number of the last event, committed or not.
    pub fn last_event(&self) -> u64 {
        self.inner.journal.last_sequence()
    }

    /// The number after which the committed events of this time and later come. It takes a moment for each million of them, so
    /// it is for a thread that may block.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn before_time(&self, from: Timestamp) -> std::result::Result<u64, StoreError> {
        let first = first_since(&self.reader(), from);
        first
            .map(|first| first - 1)
            .map_err(|error| self.error(error))
    }

    /// The number after which there are so many events up to `end`, or fewer because there are no more. It takes a moment for
    /// each million it has to look through, so it is for a thread that may block.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn before_last(
        &self,
        filter: &Filter,
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

/// Looks through one span, backwards from `end`, and counts `left` down. Returns the number before which it ended, and
/// none where there are no more events.
fn before_last(
    database: &Connection,
    filter: &Filter,
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
        if filter.takes_head(&head(row)?) {
            *left -= 1;
            if *left == 0 {
                let sequence: u64 = row.get(0)?;
                return Ok(Some(sequence - 1));
            }
        }
    }
    Ok(Some(after))
}

fn page(database: &Connection, filter: &Filter, after: u64) -> Result<Page> {
    let oldest = oldest(database)?;
    let after = after.max(oldest - 1);
    let last = last(database)?;
    let end = last.min(after + filter.span());
    let mut found = Found::default();
    let (mut reached, mut span) = (after, filter.first_span());
    while reached < end && !found.is_full() {
        let to = end.min(reached + span);
        found.add(database, filter, reached, to)?;
        reached = match found.events.last() {
            Some(event) if found.is_full() => event.sequence,
            _ => to,
        };
        span *= 2;
    }
    Ok(Page {
        events: found.events,
        reached,
        is_last: reached >= last,
        oldest,
    })
}

/// The events of a page.
#[derive(Default)]
struct Found {
    events: Vec<Event>,
    bytes: usize,
}

impl Found {
    fn is_full(&self) -> bool {
        self.events.len() >= PAGE_EVENTS || self.bytes > PAGE_BYTES
    }

    /// Adds those between two numbers, until it is full.
    fn add(&mut self, database: &Connection, filter: &Filter, after: u64, to: u64) -> Result<()> {
        let mut statement = filter.statement(database, COLUMNS, "ASC")?;
        let mut rows = filter.query(&mut statement, after, to)?;
        while !self.is_full()
            && let Some(row) = rows.next()?
        {
            if !filter.takes_head(&head(row)?) {
                continue;
            }
            let (event, size) = event(row)?;
            self.events.push(event);
            self.bytes += size;
        }
        Ok(())
    }
}

fn head<'a>(row: &'a Row<'_>) -> Result<Head<'a>> {
    Ok(Head {
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

/// The number of the first event that is kept, or else of the next that comes.
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

/// The number of the first event of this time or later, or else of the next that comes. The clock may have been set back, so
/// that is not the one with the earliest such time.
fn first_since(database: &Connection, from: Timestamp) -> Result<u64> {
    let sql = "SELECT coalesce(min(sequence), (SELECT sequence + 1 FROM last_event))
        FROM event WHERE enqueued >= ?1";
    database
        .prepare_cached(sql)?
        .query_row((from.as_millisecond(),), |row| row.get(0))
}

/// Returns how many bytes that takes.
pub(super) fn append(database: &Connection, events: &[Arc<Event>]) -> Result<u64> {
    let Some(last) = events.last() else {
        return Ok(0);
    };
    let mut bytes = 0;
    let sql = format!("INSERT INTO event ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
    let mut insert = database.prepare_cached(&sql)?;
    for event in events {
        let body = match &event.kind {
            EventKind::Telemetry(message) => Some(&*message.body),
            _ => None,
        };
        let detail = serde_json::to_string(&event.kind).unwrap_or_default();
        bytes += OVERHEAD + (detail.len() + body.map_or(0, <[u8]>::len)) as u64;
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
    Ok(bytes)
}
