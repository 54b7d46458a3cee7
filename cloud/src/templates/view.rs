//! Views and what is on them.

use serde::{Deserialize, Serialize};

use crate::hub::Error;

/// So many views a template may have.
const VIEWS: usize = 20;
/// So many tiles a view may have.
const TILES: usize = 60;
/// So many capabilities one tile may show.
const SHOWN: usize = 10;
/// How long names and titles may be, in characters.
const NAME: usize = 100;
/// How many columns a view has.
const COLUMNS: u8 = 4;
/// How many rows a tile may take.
const ROWS: u8 = 4;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct View {
    /// What it is called; no two of a template have the same.
    pub name: String,
    /// In the order in which they are laid out, row by row.
    pub tiles: Vec<Tile>,
}

/// A part of a view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tile {
    /// What kind.
    pub kind: TileKind,
    /// What stands above it; without one, the names of what it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What of the device it shows.
    pub shows: Vec<Capability>,
    /// How many of the columns it takes.
    #[serde(default = "one")]
    pub columns: u8,
    /// How many rows it takes.
    #[serde(default = "one")]
    pub rows: u8,
}

fn one() -> u8 {
    1
}

/// What a tile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TileKind {
    /// The last value.
    Value,
    /// Values over time.
    Chart,
    /// Properties, to read and to set.
    Properties,
    /// A command, to call.
    Command,
}

/// Telemetry, a property or a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capability {
    /// The component it belongs to, if it is not the device's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Its name in the model.
    pub name: String,
}

/// Whether the views are within their bounds.
pub(super) fn check(views: &[View]) -> Result<(), Error> {
    bounded("views", views.len(), VIEWS)?;
    for (index, view) in views.iter().enumerate() {
        check_view(view)?;
        let before = views.iter().take(index);
        if before.into_iter().any(|other| other.name == view.name) {
            return Err(wrong(format!("two views have the name {:?}", view.name)));
        }
    }
    Ok(())
}

fn check_view(view: &View) -> Result<(), Error> {
    if view.name.trim().is_empty() {
        return Err(wrong("a view has no name".into()));
    }
    bounded("characters in a name", view.name.chars().count(), NAME)?;
    bounded("tiles", view.tiles.len(), TILES)?;
    view.tiles.iter().try_for_each(check_tile)
}

fn check_tile(tile: &Tile) -> Result<(), Error> {
    let title = tile.title.as_deref().unwrap_or_default();
    bounded("characters in a title", title.chars().count(), NAME)?;
    bounded("things on a tile", tile.shows.len(), SHOWN)?;
    if tile.shows.is_empty() {
        return Err(wrong("a tile shows nothing".into()));
    }
    for (what, size, most) in [
        ("columns", tile.columns, COLUMNS),
        ("rows", tile.rows, ROWS),
    ] {
        if !(1..=most).contains(&size) {
            return Err(wrong(format!(
                "a tile takes 1 to {most} {what}, not {size}"
            )));
        }
    }
    let names = tile
        .shows
        .iter()
        .flat_map(|one| [Some(&one.name), one.component.as_ref()]);
    let mut lengths = names.flatten().map(|name| name.chars().count());
    lengths.try_for_each(|length| bounded("characters in a name", length, NAME))
}

fn bounded(what: &str, count: usize, most: usize) -> Result<(), Error> {
    match count <= most {
        true => Ok(()),
        false => Err(wrong(format!("there may be {most} {what}, not {count}"))),
    }
}

fn wrong(what: String) -> Error {
    Error::ArgumentInvalid(what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn refusal(views: &Value) -> String {
        let views: Vec<View> = serde_json::from_value(views.clone()).unwrap();
        check(&views).map_or_else(|error| error.to_string(), |()| "none".into())
    }

    fn tile(change: impl FnOnce(&mut Value)) -> Value {
        let mut tile = json!({"kind": "value", "shows": [{"name": "temperature"}]});
        change(&mut tile);
        json!([{"name": "v", "tiles": [tile]}])
    }

    #[test]
    fn views_within_their_bounds_are_taken_as_they_are() {
        let views = json!([
            {"name": "Overview", "tiles": [
                {"kind": "value", "shows": [{"name": "temperature"}], "columns": 1, "rows": 1},
                {"kind": "chart", "title": "Both", "columns": 4, "rows": 2,
                 "shows": [{"component": "thermostat1", "name": "temperature"}, {"name": "t"}]},
            ]},
            {"name": "Empty", "tiles": []},
        ]);
        assert_eq!(refusal(&views), "none");
        let read: Vec<View> = serde_json::from_value(views.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), views);
        assert_eq!(refusal(&json!([])), "none");
    }

    #[test]
    fn views_beyond_their_bounds_are_refused_in_words() {
        let same = json!([{"name": "a", "tiles": []}, {"name": "a", "tiles": []}]);
        let many: Vec<_> = (0..21)
            .map(|n| json!({"name": n.to_string(), "tiles": []}))
            .collect();
        for (views, words) in [
            (same, "two views have the name \"a\""),
            (json!(many), "there may be 20 views, not 21"),
            (json!([{"name": " ", "tiles": []}]), "a view has no name"),
            (
                json!([{"name": "x".repeat(101), "tiles": []}]),
                "there may be 100 characters in a name, not 101",
            ),
            (
                tile(|tile| tile["shows"] = json!([])),
                "a tile shows nothing",
            ),
            (
                tile(|tile| tile["columns"] = json!(5)),
                "a tile takes 1 to 4 columns, not 5",
            ),
            (
                tile(|tile| tile["rows"] = json!(0)),
                "a tile takes 1 to 4 rows, not 0",
            ),
        ] {
            assert_eq!(refusal(&views), words);
        }
    }
}
