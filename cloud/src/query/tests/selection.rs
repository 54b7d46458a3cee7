use serde_json::json;

use super::{rows, twins};
use crate::query::{ItemType, Query};

#[test]
fn a_star_selects_whole_twins() {
    assert_eq!(rows("SELECT * FROM devices"), twins());
    assert_eq!(rows("select\n*\tfrom DEVICES where true"), twins());
    assert_eq!(
        Query::parse("SELECT * FROM devices").unwrap().item_type(),
        ItemType::Twin
    );
}

#[test]
fn attributes_are_columns_under_their_own_or_another_name() {
    let query =
        "SELECT DeviceId, tags.floor AS level, properties.reported.temperature FROM devices";
    assert_eq!(Query::parse(query).unwrap().item_type(), ItemType::Raw);
    assert_eq!(
        rows(query),
        [
            json!({"deviceId": "a-1", "level": 3, "temperature": 21.5}),
            json!({"deviceId": "a-2", "level": "3", "temperature": -4}),
            json!({"deviceId": "b-1"}),
        ]
    );
}

#[test]
fn the_top_rows_are_the_first() {
    assert_eq!(
        rows("SELECT TOP 1 deviceId FROM devices WHERE status = 'enabled'"),
        [json!({"deviceId": "a-1"})]
    );
    assert_eq!(rows("SELECT TOP 9 * FROM devices").len(), 3);
}
