use serde_json::json;

use super::rows;

#[test]
fn twins_are_counted() {
    assert_eq!(rows("SELECT COUNT() AS n FROM devices"), [json!({"n": 3})]);
    let none =
        "SELECT COUNT() AS n, SUM(tags.floor) AS s, AVG(tags.floor) AS a FROM devices WHERE false";
    assert_eq!(rows(none), [json!({"n": 0, "s": 0})]);
    assert_eq!(
        rows("select count(), max(tags.floor) from devices"),
        [json!({"$1": 3, "$2": 3})]
    );
}

#[test]
fn numbers_are_summed_up_and_what_is_none_is_passed_over() {
    let query = "SELECT AVG(properties.reported.temperature) AS avg, SUM(properties.reported.temperature) AS sum,
        MIN(properties.reported.temperature) AS min, MAX(properties.reported.temperature) AS max,
        SUM(tags.floor) AS floor FROM devices";
    assert_eq!(
        rows(query),
        [json!({"avg": 8.75, "sum": 17.5, "min": -4, "max": 21.5, "floor": 3})]
    );
}

#[test]
fn each_value_of_an_attribute_is_a_group_and_its_absence_is_one() {
    assert_eq!(
        rows("SELECT tags.region AS region, COUNT() AS n FROM devices GROUP BY tags.region"),
        [
            json!({"region": "EU", "n": 1}),
            json!({"region": "US", "n": 2})
        ]
    );
    assert_eq!(
        rows("SELECT tags.floor, COUNT() AS n FROM devices GROUP BY tags.floor"),
        [
            json!({"floor": 3, "n": 1}),
            json!({"floor": "3", "n": 1}),
            json!({"n": 1})
        ]
    );
    assert_eq!(
        rows("SELECT tags.doors, COUNT() AS n FROM devices GROUP BY tags.doors"),
        [json!({"n": 3})]
    );
}

#[test]
fn groups_need_no_aggregate_and_no_twins() {
    assert_eq!(
        rows("SELECT status FROM devices GROUP BY Status"),
        [json!({"status": "disabled"}), json!({"status": "enabled"})]
    );
    let none = rows("SELECT status, COUNT() AS n FROM devices WHERE false GROUP BY status");
    assert!(none.is_empty());
}
