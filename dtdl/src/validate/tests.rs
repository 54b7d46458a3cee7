//! Values that fit and values that do not, of each schema and each kind of message.

use serde_json::{Value, json};

use super::Violation;
use crate::{
    models::{Model, Models},
    parse::parse_value,
    schema::Schema,
};

/// The model of a boiler with a valve.
fn boiler() -> Model {
    let document = json!([{
        "@context": "dtmi:dtdl:context;2",
        "@id": "dtmi:com:example:Boiler;1",
        "@type": "Interface",
        "contents": [
            {"@type": "Telemetry", "name": "heat", "schema": "double"},
            {"@type": "Property", "name": "serial", "schema": "string"},
            {"@type": "Property", "name": "target", "schema": "double", "writable": true},
            {"@type": "Property", "name": "plan", "writable": true, "schema": {
                "@type": "Object", "fields": [{"name": "from", "schema": "time"}, {"name": "heat", "schema": "double"}]
            }},
            {"@type": "Command", "name": "purge", "request": {"name": "seconds", "schema": "integer"}},
            {"@type": "Component", "name": "valve", "schema": "dtmi:com:example:Valve;1"}
        ]
    }, {
        "@context": "dtmi:dtdl:context;2",
        "@id": "dtmi:com:example:Valve;1",
        "@type": "Interface",
        "contents": [
            {"@type": "Telemetry", "name": "flow", "schema": "float"},
            {"@type": "Property", "name": "open", "schema": "boolean", "writable": true}
        ]
    }]);
    let mut models = Models::new();
    models.add(parse_value(&document).unwrap());
    models
        .resolve(&"dtmi:com:example:Boiler;1".parse().unwrap())
        .unwrap()
}

fn schema(schema: Value) -> Schema {
    let document = json!({
        "@context": "dtmi:dtdl:context;2",
        "@id": "dtmi:com:example:Thing;1",
        "@type": "Interface",
        "contents": [{"@type": "Telemetry", "name": "measured", "schema": schema}]
    });
    let interfaces = parse_value(&document).unwrap();
    Schema::clone(&interfaces[0].telemetry().next().unwrap().schema)
}

fn pointers(violations: &[Violation]) -> Vec<&str> {
    violations
        .iter()
        .map(|violation| violation.pointer.as_str())
        .collect()
}

/// Checks values against a schema that has a name.
fn table(name: &str, fitting: &[Value], others: &[Value]) {
    let schema = schema(json!(name));
    for value in fitting {
        assert_eq!(schema.validate(value), [], "{name}");
    }
    for value in others {
        assert_eq!(pointers(&schema.validate(value)), [""], "{name}: {value}");
    }
}

#[test]
fn each_primitive_schema_takes_its_values_and_no_others() {
    table(
        "boolean",
        &[json!(true), json!(false)],
        &[json!("true"), json!(1), Value::Null],
    );
    table(
        "string",
        &[json!(""), json!("ä")],
        &[json!(1), json!(["a"]), Value::Null],
    );
    table(
        "double",
        &[json!(1), json!(-1.5e300), json!(u64::MAX)],
        &[json!("1"), json!({}), Value::Null],
    );
    table(
        "float",
        &[json!(3.4e38), json!(-1)],
        &[json!(3.5e38), json!(-1e300), json!("1")],
    );
    table(
        "integer",
        &[json!(i32::MAX), json!(i32::MIN), json!(5.0), json!(1e3)],
        &[
            json!(2_147_483_648_i64),
            json!(-2_147_483_649_i64),
            json!(0.5),
            json!("5"),
            json!(1e300),
        ],
    );
    table(
        "long",
        &[json!(i64::MAX), json!(i64::MIN), json!(1e15)],
        &[json!(u64::MAX), json!(0.5), json!(1e19)],
    );
    table(
        "date",
        &[json!("2026-01-31")],
        &[json!("2026-02-30"), json!(20_260_131)],
    );
    table(
        "dateTime",
        &[json!("2026-01-31T12:00:00Z")],
        &[json!("2026-01-31T12:00:00"), json!(0)],
    );
    table(
        "time",
        &[json!("12:00:00"), json!("12:00:00Z")],
        &[json!("12"), json!(12)],
    );
    table(
        "duration",
        &[json!("PT5M")],
        &[json!("5 minutes"), json!(300)],
    );
}

#[test]
fn each_geometry_takes_its_coordinates() {
    let ring = json!([[0, 0], [1, 0], [1, 1], [0, 0]]);
    let cases = [
        ("point", "Point", json!([12.5, 41.9]), json!([12.5])),
        (
            "multiPoint",
            "MultiPoint",
            json!([[0, 0], [1, 1, 300]]),
            json!([[0, 0, 0, 0]]),
        ),
        (
            "lineString",
            "LineString",
            json!([[0, 0], [1, 1]]),
            json!([[0, 0]]),
        ),
        (
            "multiLineString",
            "MultiLineString",
            json!([[[0, 0], [1, 1]]]),
            json!([[0, 0], [1, 1]]),
        ),
        (
            "polygon",
            "Polygon",
            json!([ring]),
            json!([[[0, 0], [1, 0], [1, 1], [0, 1]]]),
        ),
        (
            "multiPolygon",
            "MultiPolygon",
            json!([[ring]]),
            json!([ring]),
        ),
    ];
    for (name, kind, fitting, other) in cases {
        let schema = schema(json!(name));
        assert_eq!(
            schema.validate(&json!({"type": kind, "coordinates": fitting})),
            [],
            "{name}"
        );
        let violations = schema.validate(&json!({"type": kind, "coordinates": other}));
        assert_eq!(pointers(&violations), ["/coordinates"], "{name}");
        assert_eq!(
            pointers(&schema.validate(&json!({"type": "Circle", "coordinates": fitting}))),
            ["/type"]
        );
        assert_eq!(
            pointers(&schema.validate(&json!({"type": kind}))),
            ["/coordinates"]
        );
        assert_eq!(pointers(&schema.validate(&fitting)), [""]);
    }
}

#[test]
fn a_misfit_says_where_it_is_what_is_expected_and_what_is_there() {
    let schema = schema(json!({
        "@type": "Map",
        "mapKey": {"name": "room", "schema": "string"},
        "mapValue": {"name": "readings", "schema": {"@type": "Array", "elementSchema": {
            "@type": "Object", "fields": [{"name": "heat", "schema": "double"}, {"name": "at", "schema": "time"}]
        }}}
    }));
    assert_eq!(
        schema.validate(&json!({"a/b": [{"heat": 1}, {}], "c": []})),
        []
    );
    assert_eq!(
        pointers(&schema.validate(&json!({"a": [{"heat": null}], "c": null}))),
        ["/a/0/heat", "/c"]
    );
    let violations =
        schema.validate(&json!({"a/b": [{"heat": 1}, {"heat": "warm", "cold": 1}], "c": 5}));
    let shown: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "/a~1b/1/cold: expected only the members heat, at, found 1",
            "/a~1b/1/heat: expected a number, found \"warm\"",
            "/c: expected an array, found 5",
        ]
    );
}

#[test]
fn an_enum_takes_the_values_it_lists() {
    let numbers = schema(
        json!({"@type": "Enum", "valueSchema": "integer", "enumValues": [
            {"name": "on", "enumValue": 1}, {"name": "off", "enumValue": 0}
        ]}),
    );
    assert_eq!(numbers.validate(&json!(1)), []);
    assert_eq!(numbers.validate(&json!("on"))[0].expected, "one of 1, 0");
    let texts = schema(
        json!({"@type": "Enum", "valueSchema": "string", "enumValues": [{"name": "on", "enumValue": "ON"}]}),
    );
    assert_eq!(texts.validate(&json!("ON")), []);
    assert_eq!(texts.validate(&json!("on"))[0].expected, "one of \"ON\"");
}

#[test]
fn of_very_many_misfits_a_hundred_are_told() {
    let schema = schema(json!({"@type": "Array", "elementSchema": "double"}));
    let wrong: Value = std::iter::repeat_n(json!("warm"), 1000).collect();
    assert_eq!(schema.validate(&wrong).len(), 100);
}

#[test]
fn a_value_nested_without_end_is_looked_at_no_deeper_than_its_schema() {
    let mut deep = (0..100_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    let schema = schema(json!({"@type": "Array", "elementSchema": "double"}));
    assert_eq!(pointers(&schema.validate(&deep)), ["/0"]);
    // A value nested so deeply cannot be dropped in one go.
    while let Some(inner) = deep.get_mut(0).map(Value::take) {
        deep = inner;
    }
}

#[test]
fn telemetry_that_is_not_modelled_is_told_apart_from_what_does_not_fit() {
    let boiler = boiler();
    assert!(
        boiler
            .validate_telemetry(None, &json!({"heat": 60}))
            .is_empty()
    );
    let findings = boiler.validate_telemetry(None, &json!({"heat": null, "flow": 1}));
    assert_eq!(pointers(&findings.violations), ["/heat"]);
    assert_eq!(findings.unmodeled, ["/flow"]);
    assert!(
        boiler
            .validate_telemetry(Some("valve"), &json!({"flow": 1}))
            .is_empty()
    );
    assert_eq!(
        boiler
            .validate_telemetry(Some("pump"), &json!({"flow": 1}))
            .unmodeled,
        [""]
    );
    assert_eq!(
        pointers(&boiler.validate_telemetry(None, &json!([1])).violations),
        [""]
    );
}

#[test]
fn a_reported_property_is_plain_or_an_acknowledgment() {
    let boiler = boiler();
    let fits = |reported| {
        let findings = boiler.validate_reported(&reported);
        assert!(findings.is_empty(), "{findings:?}");
    };
    fits(json!({"target": 60, "serial": null, "$version": 3, "$metadata": {}}));
    fits(json!({"target": {"value": 60, "ac": 200, "av": 3, "ad": "done"}}));
    fits(json!({"target": {"ac": 400, "av": 3}}));
    fits(json!({"plan": {"value": {"from": "06:00:00"}, "ac": 200, "av": 1}}));
    fits(json!({"valve": {"__t": "c", "open": {"value": true, "ac": 200, "av": 1}}}));
    let violations = |reported: Value| {
        let violations = boiler.validate_reported(&reported).violations;
        violations
            .into_iter()
            .map(|violation| violation.pointer)
            .collect::<Vec<_>>()
    };
    assert_eq!(violations(json!({"target": "hot"})), ["/target"]);
    assert_eq!(
        violations(json!({"target": {"value": "hot", "ac": "ok", "av": 1, "ad": 5}})),
        ["/target/ac", "/target/ad", "/target/value"]
    );
    assert_eq!(
        violations(json!({"target": {"value": 60, "ac": 200}})),
        ["/target"]
    );
    assert_eq!(
        violations(json!({"target": {"value": 60, "ac": 200, "av": 1, "by": "me"}})),
        ["/target"]
    );
    assert_eq!(violations(json!({"valve": {"open": true}})), ["/valve/__t"]);
    assert_eq!(
        violations(json!({"valve": {"__t": "c", "open": "wide"}})),
        ["/valve/open"]
    );
    assert_eq!(violations(json!({"valve": 5})), ["/valve/__t"]);
    assert_eq!(violations(json!(5)), [""]);
    let unmodeled = boiler
        .validate_reported(&json!({"colour": "red", "valve": {"__t": "c", "size": 5}}))
        .unmodeled;
    assert_eq!(unmodeled, ["/colour", "/valve/size"]);
}

#[test]
fn only_a_writable_property_may_be_desired() {
    let boiler = boiler();
    let desired = json!({"target": 60, "plan": {"heat": null}, "valve": {"__t": "c", "open": false}, "$version": 2});
    assert!(boiler.validate_desired(&desired).is_empty());
    assert!(
        boiler
            .validate_desired(&json!({"target": null, "valve": null}))
            .is_empty()
    );
    let findings = boiler.validate_desired(&json!({
        "serial": "1", "target": {"value": 60, "ac": 200, "av": 1}, "valve": {"__t": "c", "open": 1}, "colour": "red"
    }));
    assert_eq!(
        pointers(&findings.violations),
        ["/serial", "/target", "/valve/open"]
    );
    assert_eq!(findings.unmodeled, ["/colour"]);
    let target = boiler.root().property("target").unwrap();
    assert_eq!(target.validate_desired(&json!(60)), []);
    assert_eq!(pointers(&target.validate_desired(&json!("hot"))), [""]);
    assert_eq!(
        target.validate_reported(&json!({"value": 60, "ac": 200, "av": 1})),
        []
    );
    assert_eq!(target.validate_reported(&json!("hot")).len(), 1);
}

#[test]
fn a_command_takes_its_request_and_one_without_takes_nothing() {
    let boiler = boiler();
    let purge = boiler.root().command("purge").unwrap();
    assert_eq!(purge.validate_request(&json!(5)), []);
    assert_eq!(purge.validate_request(&Value::Null).len(), 1);
    assert_eq!(purge.validate_response(&Value::Null), []);
    assert_eq!(
        purge.validate_response(&json!({}))[0].to_string(),
        "expected no payload, found an object"
    );
}
