use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::hub::Twin;

const SET: &str = "2026-01-01T00:00:00.000Z";
const REPORTED: &str = "2026-01-01T00:00:05.000Z";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn patch(desired: JsonValue) -> TwinPatch {
    TwinPatch {
        tags: None,
        desired: desired.as_object().cloned(),
    }
}

/// A twin of which this is desired and that is reported.
fn twin(desired: Value, reported: &Value) -> Twin {
    let mut twin = Twin::new(at(SET));
    twin.patch(patch(desired.into()), at(SET)).unwrap();
    let reported = JsonValue::from(reported.clone());
    twin.report(reported.as_object().unwrap().clone(), at(REPORTED))
        .unwrap();
    twin
}

fn shown(desired: Value, reported: &Value) -> JsonValue {
    projection::digital_twin("t-1", "dtmi:a;1", &twin(desired, reported))
}

fn change(twin: &Twin, operations: Value) -> Result<JsonValue, String> {
    let patch =
        DigitalTwinPatch::from_json(&operations.into()).map_err(|error| error.to_string())?;
    let change = patch.desired(twin).map_err(|error| error.to_string())?;
    Ok(change.into())
}

#[test]
fn a_property_is_shown_by_its_value_and_the_rest_of_it_in_the_metadata() {
    let reported = json!({
        "targetTemperature": {"value": 20.5, "ac": 200, "av": 1, "ad": "done"},
        "maxTempSinceLastReboot": 25.3,
    });
    let shown = shown(
        json!({"targetTemperature": 21.5, "unheard": {"a": 1}}),
        &reported,
    );
    let expected = json!({
        "$dtId": "t-1",
        "targetTemperature": 20.5,
        "maxTempSinceLastReboot": 25.3,
        "$metadata": {
            "$model": "dtmi:a;1",
            "targetTemperature": {
                "desiredValue": 21.5, "desiredVersion": 2,
                "ackVersion": 1, "ackCode": 200, "ackDescription": "done",
                "lastUpdateTime": REPORTED,
            },
            "unheard": {"desiredValue": {"a": 1}, "desiredVersion": 2},
            "maxTempSinceLastReboot": {"lastUpdateTime": REPORTED},
        },
    });
    assert_eq!(shown, expected);
}

#[test]
fn a_component_has_metadata_of_its_own() {
    let desired = json!({"thermostat1": {"__t": "c", "targetTemperature": 21.5}});
    let reported = json!({
        "thermostat1": {"__t": "c", "maxTempSinceLastReboot": 25.3},
        "deviceInformation": {"__t": "c", "manufacturer": "x"},
    });
    let expected = json!({
        "$dtId": "t-1",
        "$metadata": {"$model": "dtmi:a;1"},
        "thermostat1": {
            "maxTempSinceLastReboot": 25.3,
            "$metadata": {
                "targetTemperature": {"desiredValue": 21.5, "desiredVersion": 2},
                "maxTempSinceLastReboot": {"lastUpdateTime": REPORTED},
            },
        },
        "deviceInformation": {
            "manufacturer": "x",
            "$metadata": {"manufacturer": {"lastUpdateTime": REPORTED}},
        },
    });
    assert_eq!(shown(desired, &reported), expected);
}

#[test]
fn an_acknowledgment_of_a_removed_value_shows_no_value() {
    let removed = json!({"a": {"ac": 200, "av": 3, "ad": "done"}});
    let shown = shown(json!({}), &removed);
    assert_eq!(shown.get("a"), None);
    let about = json!({
        "ackVersion": 3, "ackCode": 200, "ackDescription": "done", "lastUpdateTime": REPORTED,
    });
    assert_eq!(shown["$metadata"]["a"], about);
}

#[test]
fn an_object_that_only_resembles_an_acknowledgment_is_a_value() {
    for value in [
        json!({"value": 1}),
        json!({"ac": 200}),
        json!({"value": 1, "ac": "200"}),
        json!({"value": 1, "ac": 200, "other": 1}),
    ] {
        let shown = shown(json!({}), &json!({"a": value}));
        assert_eq!(shown["a"], value);
        assert_eq!(shown["$metadata"]["a"], json!({"lastUpdateTime": REPORTED}));
    }
}

#[test]
fn only_what_an_operation_names_is_changed() {
    let twin = twin(
        json!({"a": 1, "c": {"__t": "c", "x": 1, "y": {"f": 1, "g": 2}}, "d": {"__t": "c", "x": 1}}),
        &json!({}),
    );
    for (operations, expected) in [
        (
            json!([{"op": "add", "path": "/b", "value": {"f": true}}]),
            json!({"b": {"f": true}}),
        ),
        (
            json!([{"op": "replace", "path": "/c/x", "value": 2}]),
            json!({"c": {"__t": "c", "x": 2}}),
        ),
        // The whole value is replaced, where a twin would merge.
        (
            json!([{"op": "replace", "path": "/c/y", "value": {"g": 3}}]),
            json!({"c": {"__t": "c", "y": {"f": null, "g": 3}}}),
        ),
        (
            json!([{"op": "add", "path": "/c", "value": {"x": 3, "$metadata": {}}}]),
            json!({"c": {"__t": "c", "x": 3, "y": null}}),
        ),
        (
            json!([{"op": "remove", "path": "/c/x"}]),
            json!({"c": {"__t": "c", "x": null}}),
        ),
        // The last property of a component takes it along.
        (
            json!([{"op": "remove", "path": "/d/x"}]),
            json!({"d": null}),
        ),
        (json!([{"op": "remove", "path": "/c"}]), json!({"c": null})),
        (json!([{"op": "remove", "path": "/z"}]), json!({"z": null})),
    ] {
        assert_eq!(
            change(&twin, operations.clone()),
            Ok(expected.into()),
            "{operations}"
        );
    }
}

#[test]
fn operations_take_effect_in_order() {
    let twin = twin(json!({"c": {"__t": "c", "x": 1, "y": 1}}), &json!({}));
    let operations = json!([
        {"op": "remove", "path": "/c"},
        {"op": "add", "path": "/c/z", "value": 1},
        {"op": "replace", "path": "/c/z", "value": 2},
    ]);
    let expected = json!({"c": {"__t": "c", "x": null, "y": null, "z": 2}});
    assert_eq!(change(&twin, operations), Ok(expected.into()));
}

#[test]
fn a_change_makes_the_twin_what_the_patch_says() {
    let mut twin = twin(json!({"c": {"__t": "c", "x": {"f": 1}}}), &json!({}));
    let operations = json!([{"op": "add", "path": "/c/x", "value": {"g": 1}}]);
    let desired = change(&twin, operations).unwrap();
    twin.patch(patch(desired), at(SET)).unwrap();
    let expected = json!({"c": {"__t": "c", "x": {"g": 1}}});
    assert_eq!(JsonValue::from(twin.desired().clone()), expected);
}

#[test]
fn an_operation_that_is_not_well_formed_is_named() {
    let twin = twin(
        json!({"c": {"__t": "c", "x": 1}, "p": {"f": 1}}),
        &json!({"r": {"__t": "c", "x": 1}, "q": 1}),
    );
    let deep = json!({"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}});
    for (op, path, value, why) in [
        ("move", "/a", json!(1), "op must be add, replace or remove"),
        ("add", "a", json!(1), "path must be /property"),
        ("add", "/a/b/c", json!(1), "path must be /property"),
        ("add", "/$metadata", json!(1), "invalid name"),
        ("add", "/", json!(1), "invalid name"),
        ("add", "/a~1b", json!(1), "invalid name"),
        ("add", "/1a", json!(1), "invalid name"),
        ("add", "/a_", json!(1), "invalid name"),
        ("add", "/a", json!(null), "null is not a value"),
        ("add", "/a", json!([1]), "arrays are not allowed"),
        ("add", "/a", json!({"b c": 1}), "invalid name"),
        ("add", "/a", deep, "deeper than 5"),
        ("add", "/a", json!({"$metadata": {"x": 1}}), "must be {}"),
        ("add", "/c", json!({"x": 1}), "is a component"),
        ("add", "/r", json!(1), "is a component"),
        ("add", "/p/f", json!(1), "not digital twin conformant"),
        (
            "add",
            "/q",
            json!({"$metadata": {}}),
            "not digital twin conformant",
        ),
    ] {
        let good = json!({"op": "add", "path": "/good", "value": 1});
        let bad = json!({"op": op, "path": path, "value": value});
        let refused = change(&twin, json!([good, bad])).unwrap_err();
        let label = format!("operation 2 ({op} {path}): ");
        assert!(
            refused.starts_with(&label) && refused.contains(why),
            "{refused}"
        );
    }
}

#[test]
fn what_is_no_json_patch_is_refused() {
    let twin = twin(json!({}), &json!({}));
    for body in [
        json!({}),
        json!([]),
        json!([1]),
        json!([{"op": "add", "path": "/a"}]),
        json!([{"path": "/a", "value": 1}]),
        json!([{"op": "add", "value": 1}]),
    ] {
        assert!(change(&twin, body.clone()).is_err(), "{body}");
    }
}

#[test]
fn a_patch_must_suit_the_model_if_there_is_one() {
    let models = crate::models::builtin_models().unwrap();
    let model = "dtmi:com:example:TemperatureController;1".parse().unwrap();
    let model = models.resolve(&model).unwrap();
    let check = |operation: Value| {
        let patch = DigitalTwinPatch::from_json(&json!([operation]).into()).unwrap();
        patch.validate(&model).map_err(|error| error.to_string())
    };
    for (op, path, value, why) in [
        ("add", "/thermostat1/targetTemperature", json!(21.5), None),
        (
            "remove",
            "/thermostat1/targetTemperature",
            json!(null),
            None,
        ),
        ("remove", "/thermostat1", json!(null), None),
        (
            "add",
            "/thermostat1",
            json!({"targetTemperature": 21, "$metadata": {}}),
            None,
        ),
        (
            "add",
            "/thermostat1/targetTemperature",
            json!("hot"),
            Some("invalid value of \"targetTemperature\": expected a number"),
        ),
        (
            "add",
            "/thermostat1",
            json!({"targetTemperature": "hot", "$metadata": {}}),
            Some("expected a number"),
        ),
        (
            "add",
            "/thermostat1/maxTempSinceLastReboot",
            json!(1),
            Some("\"maxTempSinceLastReboot\" is not writable in dtmi:com:example:Thermostat;1"),
        ),
        (
            "remove",
            "/serialNumber",
            json!(null),
            Some("is not writable in dtmi:com:example:TemperatureController;1"),
        ),
        ("add", "/speed", json!(1), Some("has no property \"speed\"")),
        (
            "add",
            "/thermostat9/targetTemperature",
            json!(1),
            Some("has no component \"thermostat9\""),
        ),
        (
            "remove",
            "/thermostat9",
            json!(null),
            Some("has no property"),
        ),
    ] {
        let checked = check(json!({"op": op, "path": path, "value": value}));
        match (checked, why) {
            (Ok(()), None) => {}
            (Err(said), Some(why)) => assert!(
                said.starts_with(&format!("operation 1 ({op} {path}): ")) && said.contains(why),
                "{said}"
            ),
            (checked, _) => panic!("{op} {path}: {checked:?}"),
        }
    }
}

#[test]
fn a_cloud_property_is_refused_with_the_place_where_it_is_set() {
    let document = r#"{
        "@context": ["dtmi:iotcentral:context;2", "dtmi:dtdl:context;2"],
        "@id": "dtmi:test:Lock;1",
        "@type": "Interface",
        "contents": [{"@type": ["Property", "Cloud"], "name": "owner", "schema": "string"}]
    }"#;
    let mut models = dtdl::Models::new();
    models.add(dtdl::parse(document).unwrap());
    let model = models
        .resolve(&"dtmi:test:Lock;1".parse().unwrap())
        .unwrap();
    let operations = json!([{"op": "add", "path": "/owner", "value": "Ada"}]);
    let patch = DigitalTwinPatch::from_json(&operations.into()).unwrap();
    assert_eq!(
        patch.validate(&model).unwrap_err().to_string(),
        "operation 1 (add /owner): \"owner\" is a cloud property in dtmi:test:Lock;1, which the device does \
         not get; it is set in the tag \"cloudProperties\""
    );
}

/// Any operation that is well formed, on few names, so that they meet.
fn any_operation() -> impl Strategy<Value = Value> {
    let value = prop::sample::select(vec![
        json!(1),
        json!("x"),
        json!({"f": 1}),
        json!({"f": {"g": 2}, "h": true}),
        json!({"x": 1, "$metadata": {}}),
        json!({"x": {"f": 1}, "y": 2, "$metadata": {}}),
    ]);
    let op = prop::sample::select(vec!["add", "replace", "remove"]);
    let path = prop::sample::select(vec!["/a", "/b", "/c", "/c/x", "/c/y", "/d/x"]);
    (op, path, value).prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value}))
}

/// What is desired after these operations, in one patch.
fn after(twin: &Twin, operations: &[Value]) -> Result<Twin, String> {
    let desired = change(twin, operations.into())?;
    let mut next = twin.clone();
    next.patch(patch(desired), at(SET))
        .map_err(|error| error.to_string())?;
    Ok(next)
}

proptest! {
    #[test]
    fn one_patch_of_many_operations_does_what_a_patch_of_each_would(
        operations in prop::collection::vec(any_operation(), 1..8),
    ) {
        let before = twin(
            json!({"a": {"f": 1, "z": 2}, "c": {"__t": "c", "x": {"z": 1}, "y": 1}}),
            &json!({"d": {"__t": "c", "x": 1}}),
        );
        let together = after(&before, &operations);
        let mut one_by_one = operations.iter().map(std::slice::from_ref);
        let one_by_one = one_by_one.try_fold(before, |twin, one| after(&twin, one));
        prop_assert_eq!(together.is_ok(), one_by_one.is_ok());
        if let (Ok(together), Ok(one_by_one)) = (together, one_by_one) {
            prop_assert_eq!(together.desired(), one_by_one.desired());
        }
    }

    #[test]
    fn no_patch_is_too_strange_to_refuse(op in ".{0,10}", path in ".{0,20}", value in ".{0,10}") {
        let twin = twin(json!({}), &json!({}));
        let operation = json!({"op": op, "path": format!("/{path}"), "value": {value: null}});
        prop_assert!(change(&twin, json!([operation])).is_err());
    }
}
