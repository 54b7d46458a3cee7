//! IoT Hub's query language over device twins: parse a query, run it page by page. No state, no I/O.
//!
//! ```text
//! SELECT [TOP n] * | attribute [AS name], … | COUNT() AVG(a) SUM(a) MIN(a) MAX(a) [AS name], …
//! FROM devices [WHERE condition] [GROUP BY attribute]
//! ```
//!
//! A query reads the twin as the service API returns it. An absent attribute is *undefined*, and so is a comparison with it or
//! between values of different types. A twin is selected only if the condition is true. `docs/query.md` lists the supported
//! features.

mod aggregate;
mod continuation;
mod error;
mod evaluate;
mod expression;
mod lexer;
mod parser;
mod path;
#[cfg(test)]
mod tests;
mod value;

use self::{
    aggregate::{Groups, Measure},
    expression::Expression,
    path::Path,
};
pub use self::{continuation::Position, error::QueryError};
use crate::json::{JsonObject, JsonValue};

/// A parsed query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    top: Option<u32>,
    select: Select,
    filter: Option<Expression>,
    group_by: Option<Path>,
}

/// The rows made of the twins that pass the filter.
#[derive(Clone, Debug, PartialEq)]
enum Select {
    /// Whole twins.
    Twins,
    /// Some attributes of each twin.
    Attributes(Vec<Column<Path>>),
    /// Aggregates of each group of twins.
    Measures(Vec<Column<Measure>>),
}

/// A column of the rows.
#[derive(Clone, Debug, PartialEq)]
struct Column<T> {
    name: String,
    of: T,
}

/// The type of the rows, for the header `x-ms-item-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemType {
    /// Whole twins.
    Twin,
    /// Other JSON objects.
    Raw,
}

/// The size at which a page ends, in bytes of JSON, because the twins of a thousand devices would fill the memory.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;
/// The largest row of attributes, in bytes of JSON: one attribute can be selected hundreds of times.
const MAX_ROW_BYTES: usize = MAX_PAGE_BYTES;

/// A page of rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueryPage {
    /// The rows: as many as requested, unless they are large or the last.
    pub rows: Vec<JsonValue>,
    /// Position of the next page, if there is one.
    pub next: Option<Position>,
}

/// A row with its key: the device ID, or the key of the group.
type KeyedRow = (String, JsonValue);

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// If it is invalid or not supported, with the position and the expected token.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parser::parse(text)
    }

    /// Returns the type of the rows.
    pub fn item_type(&self) -> ItemType {
        match self.select {
            Select::Twins => ItemType::Twin,
            _ => ItemType::Raw,
        }
    }

    /// Returns at most `size` rows from `position` on. `twins_after` returns all twins after an id, in the order of device IDs.
    ///
    /// A position is the key of the last returned row. So a row that stays is returned exactly once, even if devices are
    /// registered and deleted between pages.
    ///
    /// # Errors
    /// If a row would be too large.
    pub fn page<I: Iterator<Item = JsonValue>>(
        &self,
        twins_after: impl FnOnce(&str) -> I,
        position: &Position,
        size: usize,
    ) -> Result<QueryPage, QueryError> {
        match &self.select {
            Select::Twins => {
                let twins = self.selected(twins_after(&position.after));
                self.paginate(twins.map(Ok), position, size)
            }
            Select::Attributes(columns) => {
                let twins = self.selected(twins_after(&position.after));
                let rows = twins.map(|(id, twin)| Ok((id, row(columns, &twin)?)));
                self.paginate(rows, position, size)
            }
            Select::Measures(columns) => {
                let mut groups = Groups::by(self.group_by.as_ref());
                let twins = self.selected(twins_after(""));
                twins.for_each(|(_, twin)| groups.add(columns, &twin));
                let rows = groups.rows_after(columns, &position.after);
                self.paginate(rows.map(Ok), position, size)
            }
        }
    }

    /// Returns the twins that pass the filter, with their ids.
    fn selected(&self, twins: impl Iterator<Item = JsonValue>) -> impl Iterator<Item = KeyedRow> {
        let twins =
            twins.filter(|twin| self.filter.as_ref().is_none_or(|filter| filter.holds(twin)));
        twins.map(|twin| (id(&twin), twin))
    }

    fn paginate(
        &self,
        rows: impl Iterator<Item = Result<KeyedRow, QueryError>>,
        position: &Position,
        size: usize,
    ) -> Result<QueryPage, QueryError> {
        let left = self
            .top
            .map(|top| top.saturating_sub(position.returned) as usize);
        let mut rows = rows.take(left.unwrap_or(usize::MAX)).peekable();
        let mut page = QueryPage::default();
        let mut after = position.after.clone();
        let mut bytes = 0;
        while page.rows.len() < size
            && bytes < MAX_PAGE_BYTES
            && let Some(row) = rows.next()
        {
            let (key, row) = row?;
            bytes += value::bytes(&row);
            after = key;
            page.rows.push(row);
        }
        page.next = rows
            .peek()
            .map(|_| position.advanced(after, page.rows.len()));
        Ok(page)
    }
}

/// Makes a row, without undefined attributes.
fn row(columns: &[Column<Path>], twin: &JsonValue) -> Result<JsonValue, QueryError> {
    let mut members = JsonObject::new();
    let mut bytes = 0;
    for column in columns {
        let Some(value) = column.of.of(twin) else {
            continue;
        };
        bytes += value::bytes(value);
        if bytes > MAX_ROW_BYTES {
            let message =
                format!("a row would exceed {MAX_ROW_BYTES} bytes: select fewer attributes");
            return Err(QueryError::at(1, message));
        }
        members.insert(column.name.clone(), value.clone());
    }
    Ok(members.into())
}

fn id(twin: &JsonValue) -> String {
    let id = twin.get("deviceId").and_then(JsonValue::as_str);
    id.unwrap_or_default().to_owned()
}
