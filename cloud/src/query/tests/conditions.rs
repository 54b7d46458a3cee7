use super::selected;

const ALL: [&str; 3] = ["a-1", "a-2", "b-1"];

#[test]
fn values_of_one_type_are_compared() {
    assert_eq!(selected("deviceId = 'a-1'"), ["a-1"]);
    assert_eq!(selected("deviceId != 'a-1'"), ["a-2", "b-1"]);
    assert_eq!(selected("deviceId <> \"a-1\""), ["a-2", "b-1"]);
    assert_eq!(selected("deviceId > 'a-1'"), ["a-2", "b-1"]);
    assert_eq!(selected("properties.reported.temperature < 21.5"), ["a-2"]);
    assert_eq!(
        selected("properties.reported.temperature <= 21.5"),
        ["a-1", "a-2"]
    );
    assert_eq!(selected("properties.reported.temperature >= 0"), ["a-1"]);
    assert_eq!(
        selected("properties.desired.temperature = properties.reported.temperature"),
        ["a-2"]
    );
    assert_eq!(selected("properties.reported.on = true"), ["a-2"]);
    assert_eq!(selected("tags.nothing[0] = null"), ["b-1"]);
}

#[test]
fn a_comparison_of_different_types_or_with_nothing_is_not_true_nor_is_its_negation() {
    for condition in [
        "tags.floor = 3",
        "NOT tags.floor != 3",
        "tags.floor >= 3",
        "NOT (tags.floor = 4)",
    ] {
        assert_eq!(selected(condition), ["a-1"], "{condition}");
    }
    for condition in [
        "tags.nowhere != 1",
        "NOT tags.nowhere = 1",
        "tags.doors = tags.doors",
        "undefined = undefined",
    ] {
        assert!(selected(condition).is_empty(), "{condition}");
    }
}

#[test]
fn and_binds_tighter_than_or_and_not_tighter_than_both() {
    assert_eq!(selected("true OR false AND false"), ALL);
    assert!(selected("(true OR false) AND false").is_empty());
    assert_eq!(selected("NOT false OR true AND true"), ALL);
    assert_eq!(
        selected("NOT status = 'enabled' AND tags.region = 'EU'"),
        ["a-2"]
    );
    assert_eq!(selected("NOT NOT true"), ALL);
}

#[test]
fn what_is_undefined_decides_nothing() {
    assert_eq!(selected("tags.nowhere = 1 OR true"), ALL);
    assert!(selected("tags.nowhere = 1 AND true").is_empty());
    assert_eq!(selected("NOT (tags.nowhere = 1 AND false)"), ALL);
    assert!(selected("tags.region AND true").is_empty());
    assert!(selected("1").is_empty());
}

#[test]
fn numbers_are_calculated_with_as_in_school() {
    assert_eq!(selected("1 + 2 * 3 = 7 AND (1 + 2) * 3 = 9"), ALL);
    assert_eq!(
        selected("10 - 2 - 3 = 5 AND 12 / 2 / 3 = 2 AND 7 % 4 = 3"),
        ALL
    );
    assert_eq!(selected("-2 * -3 = 6 AND 1 - -1 = 2 AND -1 < 0"), ALL);
    assert_eq!(selected("0x1F = 31 AND 1.5e1 = 15 AND 2E-1 = 0.2"), ALL);
    assert_eq!(
        selected("properties.reported.temperature + 0.5 = properties.desired.temperature"),
        ["a-1"]
    );
    assert!(selected("1 / 0 = 1 / 0").is_empty());
    assert!(selected("'a' + 'b' = 'ab'").is_empty());
}

#[test]
fn lists_are_searched() {
    assert_eq!(selected("deviceId IN ['a-1', 'b-1', 'c']"), ["a-1", "b-1"]);
    assert_eq!(selected("deviceId NIN ['a-1']"), ["a-2", "b-1"]);
    assert_eq!(selected("NOT deviceId in []"), ALL);
    assert!(selected("tags.nowhere NIN ['a']").is_empty());
    assert!(selected("deviceId IN status").is_empty());
    assert_eq!(selected("null IN tags.nothing"), ["b-1"]);
    let temperatures = "properties.reported.temperature IN [21.5, -4, true, null]";
    assert_eq!(selected(temperatures), ["a-1", "a-2"]);
}

#[test]
fn texts_are_looked_into() {
    assert_eq!(selected("STARTSWITH(deviceId, 'a-')"), ["a-1", "a-2"]);
    assert_eq!(selected("starts_with(id, 'b')"), ["b-1"]);
    assert_eq!(selected("EndsWith(deviceId, '-1')"), ["a-1", "b-1"]);
    assert_eq!(selected("contains(deviceId, '-2')"), ["a-2"]);
    assert!(selected("startswith(tags.floor, 3) OR NOT startswith(tags.floor, 3)").is_empty());
}

#[test]
fn the_type_of_an_attribute_can_be_asked_for() {
    for (condition, expected) in [
        ("is_defined(tags.floor)", vec!["a-1", "a-2"]),
        ("NOT is_defined(tags.floor)", vec!["b-1"]),
        ("is_defined(tags.nothing[0])", vec!["b-1"]),
        ("is_number(tags.floor)", vec!["a-1"]),
        ("is_string(tags.floor)", vec!["a-2"]),
        ("is_bool(properties.reported.on)", vec!["a-2"]),
        ("is_array(tags.doors)", vec!["a-1"]),
        ("is_object(tags.doors[0])", vec!["a-1"]),
        ("is_null(tags.nothing[0])", vec!["b-1"]),
        ("is_primitive(tags.nothing[0])", vec!["b-1"]),
        ("is_primitive(tags)", vec![]),
    ] {
        assert_eq!(selected(condition), expected, "{condition}");
    }
}

#[test]
fn attributes_are_found_wherever_they_are() {
    assert_eq!(selected("tags['floor plan'] = 'b'"), ["a-2"]);
    assert_eq!(selected("tags.doors[1].open = false"), ["a-1"]);
    assert_eq!(
        selected("tags.[[group]] = 'x' AND tags['group'] = 'x'"),
        ["a-1"]
    );
    assert_eq!(selected("properties.reported.$version = 7"), ["a-1"]);
    assert_eq!(selected("devices.deviceId = 'a-1'"), ["a-1"]);
    assert_eq!(
        selected("DEVICEID = 'a-1' AND ConnectionState = 'Connected'"),
        ["a-1"]
    );
    assert!(selected("tags.Region = 'US'").is_empty());
}

#[test]
fn texts_may_hold_anything() {
    for (written, text) in [
        (r"'it\'s'", "it's"),
        (r#""it's""#, "it's"),
        (r#"'a\"b'"#, "a\"b"),
        (r"'\\'", "\\"),
        (r"'\u00e9'", "é"),
        ("'日本'", "日本"),
    ] {
        let query = format!("SELECT * FROM devices WHERE deviceId = {written}");
        let twin = [serde_json::json!({"deviceId": text})];
        assert_eq!(super::rows_of(&query, &twin).len(), 1, "{written}");
    }
}
