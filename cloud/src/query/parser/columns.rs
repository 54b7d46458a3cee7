//! The columns of SELECT.

use super::tokens::TokenStream;
use crate::query::{
    Column, Select,
    aggregate::{Aggregate, Measure},
    error::QueryError,
    path::Path,
};

/// An item between SELECT and FROM.
pub(super) struct SelectItem {
    position: usize,
    name: Option<String>,
    of: Selected,
}

enum Selected {
    Attribute(Path),
    Measure(Measure),
}

impl TokenStream {
    /// Parses the items; `None` for `*`.
    pub(super) fn items(&mut self) -> Result<Option<Vec<SelectItem>>, QueryError> {
        if self.take_symbol("*").is_some() {
            return Ok(None);
        }
        let mut items = vec![self.item()?];
        while self.take_symbol(",").is_some() {
            items.push(self.item()?);
        }
        Ok(Some(items))
    }

    fn item(&mut self) -> Result<SelectItem, QueryError> {
        let position = self.position();
        let name = self.name("*, an attribute or COUNT()")?;
        let of = match self.take_symbol("(") {
            Some(_) => Selected::Measure(self.measure(position, &name)?),
            None => Selected::Attribute(self.path_from(name)?),
        };
        let name = if self.take_keyword("AS") {
            Some(self.name("a name")?)
        } else {
            None
        };
        Ok(SelectItem { position, name, of })
    }

    fn measure(&mut self, position: usize, function: &str) -> Result<Measure, QueryError> {
        let aggregate = match function.to_ascii_uppercase().as_str() {
            "COUNT" => {
                self.symbol(")")?;
                return Ok(Measure::Count);
            }
            "AVG" => Aggregate::Average,
            "SUM" => Aggregate::Sum,
            "MIN" => Aggregate::Min,
            "MAX" => Aggregate::Max,
            _ => {
                let message = format!("expected COUNT, AVG, SUM, MIN or MAX, found {function}");
                return Err(QueryError::at(position, message));
            }
        };
        let path = self.path()?;
        self.symbol(")")?;
        Ok(Measure::Of(aggregate, path))
    }
}

/// Converts the items to columns: of groups with an aggregate or GROUP BY, else of twins.
pub(super) fn select(
    items: Vec<SelectItem>,
    group_by: Option<&Path>,
) -> Result<Select, QueryError> {
    let names = names(&items)?;
    let grouped = items
        .iter()
        .any(|item| matches!(item.of, Selected::Measure(_)));
    let items = items.into_iter();
    if grouped || group_by.is_some() {
        let measures = items.map(|item| item.measure(group_by));
        let measures = measures.collect::<Result<_, _>>()?;
        return Ok(Select::Measures(columns(names, measures)));
    }
    let paths = items.filter_map(|item| match item.of {
        Selected::Attribute(path) => Some(path),
        Selected::Measure(_) => None,
    });
    Ok(Select::Attributes(columns(names, paths.collect())))
}

fn columns<T>(names: Vec<String>, of: Vec<T>) -> Vec<Column<T>> {
    let columns = names.into_iter().zip(of);
    columns.map(|(name, of)| Column { name, of }).collect()
}

/// Returns the names of the columns: the given one, that of the attribute, or `$` with the number of the column.
fn names(items: &[SelectItem]) -> Result<Vec<String>, QueryError> {
    let mut names: Vec<String> = Vec::new();
    for item in items {
        let name = match (&item.name, &item.of) {
            (Some(name), _) => name.clone(),
            (None, Selected::Attribute(path)) => path.name(),
            (None, Selected::Measure(_)) => format!("${}", names.len() + 1),
        };
        if names.contains(&name) {
            let message = format!("{name} is selected twice: rename one with AS");
            return Err(QueryError::at(item.position, message));
        }
        names.push(name);
    }
    Ok(names)
}

impl SelectItem {
    fn measure(self, group_by: Option<&Path>) -> Result<Measure, QueryError> {
        match self.of {
            Selected::Measure(measure) => Ok(measure),
            Selected::Attribute(path) if Some(&path) == group_by => Ok(Measure::Group),
            Selected::Attribute(_) => Err(QueryError::at(
                self.position,
                "expected an aggregate or the attribute of GROUP BY",
            )),
        }
    }
}
