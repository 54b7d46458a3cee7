//! IoT Hub's query language over device twins: text in, plan out, rows out. No state, no I/O.
//!
//! ```text
//! SELECT [TOP n] * | attribute [AS name], … | COUNT() AVG(a) SUM(a) MIN(a) MAX(a) [AS name], …
//! FROM devices [WHERE condition] [GROUP BY attribute]
//! ```
//!
//! A twin is the JSON document the service shows. What it does not have is *undefined*: so is a comparison with it, or
//! between values of different types, and a twin is selected only if the condition is true. `docs/query.md` has a
//! table of what is supported.

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

use serde_json::{Map, Value};

pub use self::continuation::Position;
pub use self::error::QueryError;

use self::aggregate::{Groups, Measure};
use self::expression::Expression;
use self::path::Path;

/// A query that has been understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    top: Option<u32>,
    select: Select,
    filter: Option<Expression>,
    group_by: Option<Path>,
}

/// What becomes of the twins that pass the filter.
#[derive(Clone, Debug, PartialEq)]
enum Select {
    /// They are the rows.
    Twins,
    /// Each is a row of some of its attributes.
    Attributes(Vec<Column<Path>>),
    /// Each group of them is a row.
    Measures(Vec<Column<Measure>>),
}

/// One member of each row.
#[derive(Clone, Debug, PartialEq)]
struct Column<T> {
    name: String,
    of: T,
}

/// What the rows are, as the header `x-ms-item-type` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemType {
    /// Whole twins.
    Twin,
    /// JSON objects of the query's own making.
    Raw,
}

/// A page that is about this large, in bytes of JSON, ends, however many rows were asked for: twins of a thousand devices
/// would fill the memory.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// How large a row of attributes may be, in bytes of JSON: one attribute can be selected hundreds of times.
const ROW_BYTES: usize = PAGE_BYTES;

/// Some rows of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    /// The rows: as many as were asked for, unless they are large or the last.
    pub rows: Vec<Value>,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
}

/// A row, and the name of its place among all rows.
type Placed = (String, Value);

impl Query {
    /// Understands a query.
    ///
    /// # Errors
    /// If it is none, or asks for something that is not supported; the error says where and what was expected.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        parser::parse(text)
    }

    /// What its rows are.
    pub fn item_type(&self) -> ItemType {
        match self.select {
            Select::Twins => ItemType::Twin,
            _ => ItemType::Raw,
        }
    }

    /// At most `size` rows from `position` on. `twins_after` gives all twins in the order of device ids, beginning with
    /// the first after the id it is given.
    ///
    /// A position is the id or the group of the last row that was given. So a page misses nothing and repeats nothing
    /// that stays, whatever comes and goes meanwhile.
    ///
    /// # Errors
    /// If a row would be too large.
    pub fn page<I: Iterator<Item = Value>>(
        &self,
        twins_after: impl FnOnce(&str) -> I,
        position: &Position,
        size: usize,
    ) -> Result<Page, QueryError> {
        match &self.select {
            Select::Twins => {
                let twins = self.selected(twins_after(&position.after));
                self.cut(twins.map(Ok), position, size)
            }
            Select::Attributes(columns) => {
                let twins = self.selected(twins_after(&position.after));
                let rows = twins.map(|(id, twin)| Ok((id, row(columns, &twin)?)));
                self.cut(rows, position, size)
            }
            Select::Measures(columns) => {
                let mut groups = Groups::by(self.group_by.as_ref());
                let twins = self.selected(twins_after(""));
                twins.for_each(|(_, twin)| groups.add(columns, &twin));
                let rows = groups.rows_after(columns, &position.after);
                self.cut(rows.map(Ok), position, size)
            }
        }
    }

    /// The twins that pass the filter, with their ids.
    fn selected(&self, twins: impl Iterator<Item = Value>) -> impl Iterator<Item = Placed> {
        let twins =
            twins.filter(|twin| self.filter.as_ref().is_none_or(|filter| filter.holds(twin)));
        twins.map(|twin| (id(&twin), twin))
    }

    fn cut(
        &self,
        rows: impl Iterator<Item = Result<Placed, QueryError>>,
        position: &Position,
        size: usize,
    ) -> Result<Page, QueryError> {
        let left = self
            .top
            .map(|top| top.saturating_sub(position.given) as usize);
        let mut rows = rows.take(left.unwrap_or(usize::MAX)).peekable();
        let mut page = Page::default();
        let mut after = position.after.clone();
        let mut bytes = 0;
        while page.rows.len() < size
            && bytes < PAGE_BYTES
            && let Some(row) = rows.next()
        {
            let (place, row) = row?;
            bytes += value::bytes(&row);
            after = place;
            page.rows.push(row);
        }
        page.next = rows.peek().map(|_| position.moved(after, page.rows.len()));
        Ok(page)
    }
}

/// What is undefined is not in the row.
fn row(columns: &[Column<Path>], twin: &Value) -> Result<Value, QueryError> {
    let mut members = Map::new();
    let mut bytes = 0;
    for column in columns {
        let Some(value) = column.of.of(twin) else {
            continue;
        };
        bytes += value::bytes(value);
        if bytes > ROW_BYTES {
            let message = format!("a row would have more than {ROW_BYTES} bytes: select less");
            return Err(QueryError::at(1, message));
        }
        members.insert(column.name.clone(), value.clone());
    }
    Ok(members.into())
}

fn id(twin: &Value) -> String {
    let id = twin.get("deviceId").and_then(Value::as_str);
    id.unwrap_or_default().to_owned()
}
