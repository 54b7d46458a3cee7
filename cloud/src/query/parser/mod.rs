//! The parser: tokens to a query.

mod columns;
mod condition;
mod tokens;

use columns::SelectItem;
use tokens::TokenStream;

use super::{
    Query, Select,
    error::QueryError,
    lexer,
    path::{Path, PathSegment},
};

/// The longest query in characters, as in Azure.
const MAX_LENGTH: usize = 8192;

/// Parses a whole query.
pub(super) fn parse(text: &str) -> Result<Query, QueryError> {
    if text.chars().count() > MAX_LENGTH {
        let message = format!("longer than {MAX_LENGTH} characters");
        return Err(QueryError::at(MAX_LENGTH + 1, message));
    }
    let mut tokens = TokenStream::new(lexer::lexemes(text)?);
    let query = tokens.query()?;
    tokens.end(&query)?;
    Ok(query)
}

impl TokenStream {
    fn query(&mut self) -> Result<Query, QueryError> {
        self.keyword("SELECT")?;
        let top = if self.take_keyword("TOP") {
            Some(self.top()?)
        } else {
            None
        };
        let items = self.items()?;
        self.keyword("FROM")?;
        self.collection()?;
        let filter = if self.take_keyword("WHERE") {
            Some(self.condition()?)
        } else {
            None
        };
        let group_by = self.group_by()?;
        Ok(Query {
            top,
            select: select(items, group_by.as_ref())?,
            filter,
            group_by,
        })
    }

    fn top(&mut self) -> Result<u32, QueryError> {
        let (position, number) = self.number("the number of rows")?;
        if number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number) {
            return Ok(number as u32);
        }
        Err(QueryError::at(position, "TOP requires an integer from 1"))
    }

    fn group_by(&mut self) -> Result<Option<Path>, QueryError> {
        if !self.take_keyword("GROUP") {
            return Ok(None);
        }
        self.keyword("BY")?;
        let path = self.path()?;
        match self.take_symbol(",") {
            Some(position) => Err(QueryError::at(
                position,
                "GROUP BY supports one attribute only",
            )),
            None => Ok(Some(path)),
        }
    }

    /// Parses the collection, which must be `devices`.
    fn collection(&mut self) -> Result<(), QueryError> {
        let (position, name) = self.word("devices")?;
        let within = match self.take_symbol(".") {
            Some(_) => format!(".{}", self.word("modules or jobs")?.1),
            None => String::new(),
        };
        let collection = format!("{name}{within}");
        if collection.eq_ignore_ascii_case("devices") {
            return Ok(());
        }
        let message = format!("FROM {collection} is not supported: use FROM devices");
        Err(QueryError {
            missing: missing_feature(&collection),
            ..QueryError::at(position, message)
        })
    }

    fn end(&mut self, query: &Query) -> Result<(), QueryError> {
        if let Some(position) = self.position_of_keyword("ORDER") {
            let message = "ORDER BY is not supported: rows are sorted by device ID";
            return Err(QueryError::at(position, message));
        }
        if self.is_at_end() {
            return Ok(());
        }
        Err(self.unexpected(match (&query.filter, &query.group_by) {
            (None, None) => "WHERE, GROUP BY or the end of the query",
            (Some(_), None) => "an operator, GROUP BY or the end of the query",
            (_, Some(_)) => "the end of the query",
        }))
    }

    /// Parses an attribute: a name, then any number of `.name`, `['name']` or `[0]`.
    fn path(&mut self) -> Result<Path, QueryError> {
        let first = self.name("an attribute")?;
        self.path_from(first)
    }

    fn path_from(&mut self, first: String) -> Result<Path, QueryError> {
        let mut segments = vec![PathSegment::Key(first)];
        loop {
            if self.take_symbol(".").is_some() {
                segments.push(PathSegment::Key(self.name("an attribute name")?));
            } else if self.take_symbol("[").is_some() {
                segments.push(self.subscript()?);
                self.symbol("]")?;
            } else {
                return Ok(Path::new(segments));
            }
        }
    }

    fn subscript(&mut self) -> Result<PathSegment, QueryError> {
        if let Some(key) = self.take_string() {
            return Ok(PathSegment::Key(key));
        }
        let (position, number) = self.number("a quoted name or a number")?;
        if number.fract() == 0.0 && number <= f64::from(u32::MAX) {
            return Ok(PathSegment::Index(number as usize));
        }
        Err(QueryError::at(
            position,
            "an array index must be an integer from 0",
        ))
    }
}

fn select(items: Option<Vec<SelectItem>>, group_by: Option<&Path>) -> Result<Select, QueryError> {
    match items {
        None if group_by.is_some() => Err(QueryError::at(
            1,
            "SELECT * cannot be combined with GROUP BY: select its attribute, and aggregates",
        )),
        None => Ok(Select::Twins),
        Some(items) => columns::select(items, group_by),
    }
}

/// Returns the feature of Azure behind another collection.
fn missing_feature(collection: &str) -> Option<&'static str> {
    match collection.to_ascii_lowercase().as_str() {
        "devices.modules" => Some("modules"),
        "devices.jobs" => Some("scheduled jobs"),
        _ => None,
    }
}
