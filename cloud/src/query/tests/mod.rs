mod aggregates;
mod conditions;
mod model;
mod pages;
mod refusals;
mod selection;

use serde_json::{Value, json};

use super::{Position, Query, QueryPage};
use crate::json::JsonValue;

/// Three twins, in the order of their ids.
fn twins() -> Vec<Value> {
    vec![
        json!({
            "deviceId": "a-1", "status": "enabled", "connectionState": "Connected",
            "tags": {"region": "US", "floor": 3, "group": "x", "doors": [{"open": true}, {"open": false}]},
            "properties": {"reported": {"temperature": 21.5, "$version": 7}, "desired": {"temperature": 22}},
        }),
        json!({
            "deviceId": "a-2", "status": "disabled", "connectionState": "Disconnected",
            "tags": {"region": "EU", "floor": "3", "floor plan": "b"},
            "properties": {"reported": {"temperature": -4, "on": true}, "desired": {"temperature": -4}},
        }),
        json!({
            "deviceId": "b-1", "status": "enabled", "connectionState": "Disconnected",
            "tags": {"region": "US", "nothing": [null]},
            "properties": {"reported": {}, "desired": {}},
        }),
    ]
}

fn after(twins: &[Value], after: &str) -> impl Iterator<Item = JsonValue> + use<> {
    let later = twins.iter().filter(|twin| id(twin).as_str() > after);
    let later = later.cloned().map(JsonValue::from);
    later.collect::<Vec<_>>().into_iter()
}

fn id(twin: &Value) -> String {
    twin["deviceId"].as_str().unwrap().to_owned()
}

fn values(rows: &[JsonValue]) -> Vec<Value> {
    rows.iter().map(JsonValue::to_serde_json).collect()
}

fn page(query: &Query, twins: &[Value], position: &Position, size: usize) -> QueryPage {
    let page = query.page(|id| after(twins, id), position, size);
    page.unwrap()
}

/// All rows at once.
fn rows_of(query: &str, twins: &[Value]) -> Vec<Value> {
    let query = Query::parse(query).unwrap();
    let page = page(&query, twins, &Position::default(), usize::MAX);
    assert_eq!(page.next, None);
    values(&page.rows)
}

fn rows(query: &str) -> Vec<Value> {
    rows_of(query, &twins())
}

/// The ids of the twins of which `condition` is true.
fn selected(condition: &str) -> Vec<String> {
    let rows = rows(&format!("SELECT * FROM devices WHERE {condition}"));
    rows.iter().map(id).collect()
}
