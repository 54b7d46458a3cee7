use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn members(value: Value) -> JsonObject {
    JsonValue::from(value).as_object().unwrap().clone()
}

fn report(twin: &mut Twin, value: &Value, seconds: i64) -> Result<u64, Error> {
    twin.report(members(value.clone()), at(seconds))
}

fn desired(value: Value) -> TwinPatch {
    TwinPatch {
        desired: Some(members(value)),
        tags: None,
    }
}

fn tags(value: Value) -> TwinPatch {
    TwinPatch {
        tags: Some(members(value)),
        desired: None,
    }
}

/// A twin without the times, which `patched` stamps.
fn patched(patches: &[Value]) -> Twin {
    let mut twin = Twin::new(at(0));
    for patch in patches {
        twin.patch(desired(patch.clone()), at(1)).unwrap();
    }
    twin
}

#[test]
fn a_new_twin_is_empty_with_every_version_one() {
    let twin = Twin::new(at(0));
    assert_eq!(
        twin.device_json(),
        json!({"desired": {"$version": 1}, "reported": {"$version": 1}})
    );
    assert_eq!(
        twin.properties_json()["desired"]["$metadata"],
        json!({"$lastUpdated": "1970-01-01T00:00:00.000Z", "$lastUpdatedVersion": 1})
    );
    assert_eq!(
        twin.properties_json()["reported"]["$metadata"],
        json!({"$lastUpdated": "1970-01-01T00:00:00.000Z"})
    );
}

#[test]
fn objects_merge_null_removes_and_everything_else_replaces() {
    let twin = patched(&[
        json!({"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2]}),
        json!({"a": null, "b": {"y": 3, "z": {"deep": true}}, "c": [3], "d": {"gone": null}}),
    ]);
    assert_eq!(
        JsonValue::from(twin.desired().clone()),
        json!({"b": {"x": 1, "y": 3, "z": {"deep": true}}, "c": [3], "d": {}})
    );
}

#[test]
fn a_patch_raises_desired_version_by_one_and_pushes_only_itself() {
    let mut twin = patched(&[json!({"a": 1, "b": 2})]);
    let push = twin
        .patch(desired(json!({"b": 3, "a": null})), at(2))
        .unwrap();
    assert_eq!(
        push.unwrap().to_json(),
        json!({"a": null, "b": 3, "$version": 3})
    );
    assert_eq!(
        twin.device_json()["desired"],
        json!({"b": 3, "$version": 3})
    );
}

#[test]
fn metadata_tells_when_and_by_which_version_a_property_changed() {
    let mut twin = patched(&[json!({"a": 1, "b": {"x": 1}})]);
    twin.patch(desired(json!({"b": {"x": 2}})), at(60)).unwrap();
    let metadata = &twin.properties_json()["desired"]["$metadata"];
    let first = json!({"$lastUpdated": "1970-01-01T00:00:01.000Z", "$lastUpdatedVersion": 2});
    let second = json!({"$lastUpdated": "1970-01-01T00:01:00.000Z", "$lastUpdatedVersion": 3});
    assert_eq!(metadata["a"], first);
    assert_eq!(metadata["b"]["x"], second);
    assert_eq!(metadata["$lastUpdatedVersion"], json!(3));
    twin.patch(desired(json!({"a": null})), at(61)).unwrap();
    assert!(
        twin.properties_json()["desired"]["$metadata"]
            .get("a")
            .is_none()
    );
}

#[test]
fn tags_change_the_twin_but_push_nothing() {
    let mut twin = Twin::new(at(0));
    let push = twin.patch(tags(json!({"floor": 3})), at(1)).unwrap();
    assert_eq!(push, None);
    assert_eq!(
        (twin.version(), twin.tags()["floor"].clone()),
        (2, 3.into())
    );
    assert_eq!(twin.device_json()["desired"]["$version"], json!(1));
}

#[test]
fn replacing_desired_removes_what_is_not_named_and_leaves_the_tags() {
    let mut twin = patched(&[json!({"a": 1, "b": {"x": 1, "y": 2}})]);
    twin.patch(tags(json!({"floor": 3})), at(1)).unwrap();
    let push = twin
        .replace(desired(json!({"b": {"x": 5}})), at(2))
        .unwrap();
    assert_eq!(
        push.unwrap().to_json(),
        json!({"a": null, "b": {"x": 5, "y": null}, "$version": 3})
    );
    assert_eq!(
        JsonValue::from(twin.desired().clone()),
        json!({"b": {"x": 5}})
    );
    assert_eq!(twin.tags()["floor"], json!(3));
}

#[test]
fn a_whole_twin_can_be_sent_back() {
    let mut twin = patched(&[json!({"a": 1})]);
    let body = object([
        ("tags", JsonObject::new().into()),
        ("properties", twin.properties_json()),
    ]);
    twin.patch(TwinPatch::from_json(&body.into()).unwrap(), at(1))
        .unwrap();
    assert_eq!(JsonValue::from(twin.desired().clone()), json!({"a": 1}));
}

#[test]
fn a_report_makes_a_reported_version() {
    let mut twin = Twin::new(at(0));
    assert_eq!(report(&mut twin, &json!({"a": {"ac": 200}}), 1), Ok(2));
    assert_eq!(report(&mut twin, &json!({"a": null}), 1), Ok(3));
    assert_eq!(twin.device_json()["reported"], json!({"$version": 3}));
}

fn written(text: &str) -> JsonObject {
    serde_json::from_str(text).unwrap()
}

fn desired_text(text: &str) -> TwinPatch {
    TwinPatch {
        desired: Some(written(text)),
        tags: None,
    }
}

#[test]
fn members_and_digits_stay_as_they_were_written_and_the_version_is_last() {
    let mut twin = Twin::new(at(0));
    let first = r#"{"z":{"__t":"c","b":1.10,"a":1e3},"y":[2.50,{"d":1,"c":-0}],"x":"\u00e9"}"#;
    let push = twin.patch(desired_text(first), at(1)).unwrap().unwrap();
    assert_eq!(
        push.to_json().to_string(),
        r#"{"z":{"__t":"c","b":1.10,"a":1e3},"y":[2.50,{"d":1,"c":-0}],"x":"é","$version":2}"#
    );
    let second = r#"{"w":0.0,"z":{"0":1.0,"b":2.20},"y":null}"#;
    twin.patch(desired_text(second), at(2)).unwrap();
    twin.report(written(r#"{"b":1.0,"a":1E+2}"#), at(2))
        .unwrap();
    assert_eq!(
        twin.device_json().to_string(),
        r#"{"desired":{"z":{"__t":"c","b":2.20,"a":1e3,"0":1.0},"x":"é","w":0.0,"$version":3},"reported":{"b":1.0,"a":1E+2,"$version":2}}"#
    );
}

#[test]
fn a_section_that_replaces_another_is_as_it_was_written_and_what_is_gone_comes_after() {
    let mut twin = Twin::new(at(0));
    twin.patch(desired_text(r#"{"a":1,"b":2,"c":{"x":1,"y":2}}"#), at(1))
        .unwrap();
    let with = desired_text(r#"{"c":{"y":3,"w":4},"b":2.0}"#);
    let push = twin.replace(with, at(2)).unwrap().unwrap();
    assert_eq!(
        push.to_json().to_string(),
        r#"{"c":{"y":3,"w":4,"x":null},"b":2.0,"a":null,"$version":3}"#
    );
    let desired = JsonValue::from(twin.desired().clone());
    assert_eq!(desired.to_string(), r#"{"c":{"y":3,"w":4},"b":2.0}"#);
}

#[test]
fn a_section_that_replaces_another_and_an_array_may_not_have_null() {
    for (patch, key) in [
        (json!({"gone": null}), "gone"),
        (json!({"a": {"b": null}}), "b"),
        (json!({"a": [null]}), "a"),
        (json!({"a": [[{"b": null}]]}), "b"),
    ] {
        let mut twin = patched(&[json!({"gone": 1})]);
        let before = twin.clone();
        for with in [tags(patch.clone()), desired(patch.clone())] {
            let error = twin.replace(with, at(2)).unwrap_err().to_string();
            let expected =
                format!("Value of Property or Tag cannot be null. Error in Property/Tag {key}");
            assert_eq!(error, expected);
        }
        let in_array = patch["a"].is_array();
        assert_eq!(report(&mut twin, &patch, 2).is_err(), in_array, "{patch}");
        if in_array {
            assert_eq!(twin, before);
        }
    }
}

#[test]
fn an_integer_is_told_by_its_text_and_kept_within_52_bits_however_long_it_is() {
    for (number, fits) in [
        ("4503599627370495", true),
        ("4503599627370496", false),
        ("-4503599627370496", true),
        ("-4503599627370497", false),
        ("9223372036854775808", false),
        ("18446744073709551616", false),
        ("-18446744073709551617", false),
        ("100000000000000000000000000000000000000000", false),
        ("1e20", true),
        ("18446744073709551616.0", true),
    ] {
        let patch = format!("{{\"n\":{number}}}");
        let reported = Twin::new(at(0)).report(written(&patch), at(1));
        assert_eq!(reported.is_ok(), fits, "{number}");
        let mut twin = Twin::new(at(0));
        assert_eq!(
            twin.patch(desired_text(&patch), at(1)).is_ok(),
            fits,
            "{number}"
        );
        if fits {
            assert_eq!(twin.desired()["n"].to_string(), number);
        }
    }
}

#[test]
fn a_twin_stored_by_an_earlier_version_is_read() {
    let stored = r#"{"tags":{"a":[1,null]},"desired":{"values":{"b":1.5},"metadata":{"$lastUpdated":"1970-01-01T00:00:01.000Z","$lastUpdatedVersion":2,"b":{"$lastUpdated":"1970-01-01T00:00:01.000Z","$lastUpdatedVersion":2}},"version":2},"reported":{"values":{"n":18446744073709551616.0},"metadata":{"$lastUpdated":"1970-01-01T00:00:00.000Z"},"version":1},"version":2}"#;
    let twin: Twin = serde_json::from_str(stored).unwrap();
    assert_eq!(twin.desired()["b"], json!(1.5));
    assert_eq!(serde_json::to_string(&twin).unwrap(), stored);
}

fn nested(depth: usize) -> Value {
    (1..depth).fold(json!({"a": 1}), |inner, _| json!({"a": inner}))
}

#[test]
fn each_limit_is_kept_to_the_byte() {
    let integer = 1_i64 << 52;
    for (fits, breaks) in [
        (nested(10), nested(11)),
        (
            json!({"a": "x".repeat(4096)}),
            json!({"a": "x".repeat(4097)}),
        ),
        (json!({"a": integer - 1}), json!({"a": integer})),
        (json!({"a": -integer}), json!({"a": -integer - 1})),
        (json!({"k".repeat(1024): 1}), json!({"k".repeat(1025): 1})),
    ] {
        let mut twin = Twin::new(at(0));
        let before = twin.clone();
        assert!(report(&mut twin, &breaks, 1).is_err(), "{breaks}");
        assert_eq!(twin, before);
        assert!(report(&mut twin, &fits, 1).is_ok(), "{fits}");
    }
    for key in ["a.b", "a b", "$a", "", "a\u{7}"] {
        assert!(
            report(&mut Twin::new(at(0)), &json!({key: 1}), 1).is_err(),
            "{key:?}"
        );
    }
}

#[test]
fn a_section_holds_32_kib_and_is_unchanged_by_what_would_be_more() {
    let mut twin = Twin::new(at(0));
    for n in 0..8 {
        let property = json!({format!("p{n}"): "x".repeat(4094)});
        report(&mut twin, &property, 1).unwrap();
    }
    let full = twin.clone();
    assert!(report(&mut twin, &json!({"one-more": true}), 1).is_err());
    assert_eq!(twin, full);
    assert!(report(&mut twin, &json!({"p0": null, "more": 1}), 1).is_ok());
}

#[test]
fn an_array_of_nothing_has_a_size() {
    for nothing in [json!([]), json!({}), json!("")] {
        let fits = json!({"a": vec![nothing.clone(); 32_767]});
        let breaks = json!({"a": vec![nothing; 32_768]});
        let mut twin = Twin::new(at(0));
        assert!(report(&mut twin, &breaks, 1).is_err());
        assert!(report(&mut twin, &fits, 1).is_ok());
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-z]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop::collection::btree_map("[a-c]", inner, 0..4)
            .prop_map(|map| Value::Object(map.into_iter().collect()))
    })
}

fn patch() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-c]", json_value(), 0..4)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            members
                .map(|(key, value)| (key, without_null(value)))
                .collect()
        }
        other => other,
    }
}

fn has_null(value: &JsonValue) -> bool {
    match value {
        JsonValue::Null => true,
        JsonValue::Object(object) => object.values().any(has_null),
        _ => false,
    }
}

/// The names in an object and, below it, in its objects; the hub's own left out.
fn names(value: &JsonValue) -> JsonValue {
    let object = value.as_object().cloned().unwrap_or_default();
    let own = object.into_iter().filter(|(key, _)| !key.starts_with('$'));
    let own = own.map(|(key, value)| (key, names(&value)));
    own.collect::<JsonObject>().into()
}

proptest! {
    #[test]
    fn applying_a_patch_twice_is_applying_it_once(before in patch(), change in patch()) {
        let once = patched(&[before.clone(), change.clone()]);
        let twice = patched(&[before, change.clone(), change]);
        prop_assert_eq!(once.desired(), twice.desired());
    }

    #[test]
    fn no_null_stays_and_metadata_names_exactly_what_is_there(
        patches in prop::collection::vec(patch(), 0..5),
    ) {
        let twin = patched(&patches);
        let desired = JsonValue::from(twin.desired().clone());
        prop_assert!(!has_null(&desired));
        let metadata = &twin.properties_json()["desired"]["$metadata"];
        prop_assert_eq!(names(metadata), names(&desired));
    }

    #[test]
    fn a_device_that_merges_each_push_has_what_the_hub_has(
        steps in prop::collection::vec((patch(), any::<bool>()), 0..6),
    ) {
        let (mut twin, mut device) = (Twin::new(at(0)), JsonObject::new());
        for (change, replaces) in steps {
            let push = match replaces {
                true => twin.replace(desired(without_null(change)), at(1)),
                false => twin.patch(desired(change), at(1)),
            };
            let push = push.unwrap().unwrap();
            merge::plain(&mut device, &push.patch);
            prop_assert_eq!(push.version, twin.desired.version);
        }
        prop_assert_eq!(&device, twin.desired());
    }
}

#[test]
fn a_number_with_very_many_digits_has_a_size() {
    let mut twin = Twin::new(at(0));
    let number = format!("0.{}", "1".repeat(1000));
    let patch = |count: usize| {
        let members = (0..count).map(|n| format!("\"n{n}\":{number}"));
        written(&format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
    };
    assert!(twin.report(patch(30), at(1)).is_ok());
    let error = twin.report(patch(40), at(1)).unwrap_err().to_string();
    assert!(error.starts_with("reported too large"), "{error}");
}
