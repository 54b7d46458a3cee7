//! Views and their tiles.

use serde::{Deserialize, Serialize};

use crate::hub::Error;

/// The maximum number of views of a template.
const MAX_VIEWS: usize = 20;
/// The maximum number of tiles of a view.
const MAX_TILES: usize = 60;
/// The maximum number of capabilities of a tile.
const MAX_CAPABILITIES: usize = 10;
/// The maximum length of a name or title, in characters.
const MAX_NAME_LENGTH: usize = 100;
/// The number of columns of a view.
const COLUMNS: u8 = 4;
/// The maximum height of a tile, in rows.
const MAX_ROWS: u8 = 4;

/// A view: tiles in a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct View {
    /// The name, unique in a template.
    pub name: String,
    /// The tiles, in layout order, row by row.
    pub tiles: Vec<Tile>,
}

/// A tile of a view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tile {
    /// The kind of tile.
    pub kind: TileKind,
    /// The title. The default is the names of its capabilities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The capabilities shown.
    pub shows: Vec<Capability>,
    /// The width, in columns.
    #[serde(default = "one")]
    pub columns: u8,
    /// The height, in rows.
    #[serde(default = "one")]
    pub rows: u8,
}

fn one() -> u8 {
    1
}

/// The kind of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TileKind {
    /// The last value of telemetry or a property.
    Value,
    /// A chart of values over time.
    Chart,
    /// A form of properties.
    Properties,
    /// A form to call a command.
    Command,
}

/// A capability: telemetry, a property or a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capability {
    /// The component of the capability; `None` for the device itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// The name in the model.
    pub name: String,
}

/// Validates views.
///
/// # Errors
/// `ArgumentInvalid`.
pub(super) fn check(views: &[View]) -> Result<(), Error> {
    check_count("views", views.len(), MAX_VIEWS)?;
    for (index, view) in views.iter().enumerate() {
        check_view(view)?;
        let before = views.iter().take(index);
        if before.into_iter().any(|other| other.name == view.name) {
            return Err(invalid(format!("duplicate view name {:?}", view.name)));
        }
    }
    Ok(())
}

fn check_view(view: &View) -> Result<(), Error> {
    if view.name.trim().is_empty() {
        return Err(invalid("a view needs a name".into()));
    }
    check_count(
        "characters in a name",
        view.name.chars().count(),
        MAX_NAME_LENGTH,
    )?;
    check_count("tiles", view.tiles.len(), MAX_TILES)?;
    view.tiles.iter().try_for_each(check_tile)
}

fn check_tile(tile: &Tile) -> Result<(), Error> {
    let title = tile.title.as_deref().unwrap_or_default();
    check_count(
        "characters in a title",
        title.chars().count(),
        MAX_NAME_LENGTH,
    )?;
    check_count("capabilities on a tile", tile.shows.len(), MAX_CAPABILITIES)?;
    if tile.shows.is_empty() {
        return Err(invalid("a tile needs a capability".into()));
    }
    for (unit, size, max) in [
        ("columns", tile.columns, COLUMNS),
        ("rows", tile.rows, MAX_ROWS),
    ] {
        if !(1..=max).contains(&size) {
            return Err(invalid(format!(
                "a tile must have 1 to {max} {unit}, not {size}"
            )));
        }
    }
    let names = tile
        .shows
        .iter()
        .flat_map(|one| [Some(&one.name), one.component.as_ref()]);
    let mut lengths = names.flatten().map(|name| name.chars().count());
    lengths.try_for_each(|length| check_count("characters in a name", length, MAX_NAME_LENGTH))
}

fn check_count(items: &str, count: usize, max: usize) -> Result<(), Error> {
    match count <= max {
        true => Ok(()),
        false => Err(invalid(format!(
            "too many {items}: {count}, the maximum is {max}"
        ))),
    }
}

fn invalid(message: String) -> Error {
    Error::ArgumentInvalid(message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rejection(views: &Value) -> String {
        let views: Vec<View> = serde_json::from_value(views.clone()).unwrap();
        check(&views).map_or_else(|error| error.to_string(), |()| "none".into())
    }

    fn tile(change: impl FnOnce(&mut Value)) -> Value {
        let mut tile = json!({"kind": "value", "shows": [{"name": "temperature"}]});
        change(&mut tile);
        json!([{"name": "v", "tiles": [tile]}])
    }

    #[test]
    fn views_within_their_limits_are_accepted() {
        let views = json!([
            {"name": "Overview", "tiles": [
                {"kind": "value", "shows": [{"name": "temperature"}], "columns": 1, "rows": 1},
                {"kind": "chart", "title": "Both", "columns": 4, "rows": 2,
                 "shows": [{"component": "thermostat1", "name": "temperature"}, {"name": "t"}]},
            ]},
            {"name": "Empty", "tiles": []},
        ]);
        assert_eq!(rejection(&views), "none");
        let read: Vec<View> = serde_json::from_value(views.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), views);
        assert_eq!(rejection(&json!([])), "none");
    }

    #[test]
    fn views_beyond_their_limits_are_rejected_with_the_reason() {
        let same = json!([{"name": "a", "tiles": []}, {"name": "a", "tiles": []}]);
        let many: Vec<_> = (0..21)
            .map(|n| json!({"name": n.to_string(), "tiles": []}))
            .collect();
        for (views, words) in [
            (same, "duplicate view name \"a\""),
            (json!(many), "too many views: 21, the maximum is 20"),
            (json!([{"name": " ", "tiles": []}]), "a view needs a name"),
            (
                json!([{"name": "x".repeat(101), "tiles": []}]),
                "too many characters in a name: 101, the maximum is 100",
            ),
            (
                tile(|tile| tile["shows"] = json!([])),
                "a tile needs a capability",
            ),
            (
                tile(|tile| tile["columns"] = json!(5)),
                "a tile must have 1 to 4 columns, not 5",
            ),
            (
                tile(|tile| tile["rows"] = json!(0)),
                "a tile must have 1 to 4 rows, not 0",
            ),
        ] {
            assert_eq!(rejection(&views), words);
        }
    }
}
