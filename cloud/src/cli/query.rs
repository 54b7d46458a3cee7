//! `cloud query`

use std::{collections::BTreeSet, iter};

use clap::Args;
use serde_json::Value;

use super::{client::Client, command_error::CommandError, output};

#[derive(Args)]
pub(crate) struct QueryCommand {
    /// Query, such as 'SELECT * FROM devices'
    query: String,
    /// Print JSON, with the metadata of whole twins
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

/// The columns of a table of whole twins.
const TWIN_COLUMNS: [&str; 5] = ["deviceId", "status", "connectionState", "modelId", "tags"];

impl QueryCommand {
    pub(crate) fn run(&self, client: &Client) -> Result<(), CommandError> {
        let result = client.query(&self.query)?;
        if self.json {
            return output::pretty(&result.rows);
        }
        if result.rows.is_empty() {
            output::note("no rows");
            return Ok(());
        }
        let columns = match result.are_twins {
            true => TWIN_COLUMNS.map(str::to_owned).into(),
            false => columns(&result.rows),
        };
        output::columns(&table(&columns, &result.rows))
    }
}

/// Returns the members of all rows, sorted by name.
fn columns(rows: &[Value]) -> Vec<String> {
    let rows = rows.iter().filter_map(Value::as_object);
    let names: BTreeSet<_> = rows.flat_map(|row| row.keys().cloned()).collect();
    names.into_iter().collect()
}

/// Returns a header and the rows.
fn table(columns: &[String], rows: &[Value]) -> Vec<Vec<String>> {
    let rows = rows
        .iter()
        .map(|row| columns.iter().map(|name| cell(row.get(name))).collect());
    iter::once(columns.to_vec()).chain(rows).collect()
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_a_column_for_each_member_and_a_line_for_each_row() {
        let rows = [
            json!({"n": 12, "site": "Ulm\n"}),
            json!({"n": 3}),
            json!({"site": ["a", null]}),
        ];
        assert_eq!(
            table(&columns(&rows), &rows),
            [
                ["n", "site"],
                ["12", "Ulm\n"],
                ["3", ""],
                ["", "[\"a\",null]"]
            ]
        );
    }
}
