//! Rules of schemas.

use serde_json::{Value, json};

use super::{bad, diagnostics, good, interface, measuring, nested, v3, with};
use crate::schema::{Literal, Schema};

#[test]
fn every_primitive_schema_and_geometry_has_a_name() {
    for name in [
        "boolean",
        "date",
        "dateTime",
        "double",
        "duration",
        "float",
        "integer",
        "long",
        "string",
        "time",
        "point",
        "multiPoint",
        "lineString",
        "multiLineString",
        "polygon",
        "multiPolygon",
        "dtmi:dtdl:instance:Schema:double;2",
        "dtmi:standard:schema:geospatial:point;2",
        "geopoint",
        "vector",
    ] {
        good(&measuring(json!(name)));
    }
    bad(
        &measuring(json!("Double")),
        "/contents/0/schema: expected a schema of this interface or one of boolean",
    );
    bad(
        &measuring(json!(null)),
        "/contents/0/schema: expected an object, found null",
    );
    bad(
        &measuring(json!({"@type": "Set"})),
        "/contents/0/schema: expected a complex schema of the type Array, Enum",
    );
}

#[test]
fn an_enum_lists_values_of_one_kind() {
    let of = |kind: &str, values: Value| {
        measuring(json!({"@type": "Enum", "valueSchema": kind, "enumValues": values}))
    };
    let read = good(&of(
        "integer",
        json!([{"name": "on", "enumValue": 1}, {"name": "off", "enumValue": 2}]),
    ));
    let Schema::Enum { values } = &*read.telemetry().next().unwrap().schema else {
        panic!("{read:?}");
    };
    assert_eq!(values[1].value, Literal::Integer(2));
    good(&of("string", json!([{"name": "on", "enumValue": "ON"}])));
    let values = "/contents/0/schema/enumValues";
    bad(
        &of("string", json!([{"name": "on", "enumValue": 1}])),
        &format!("{values}/0/enumValue: expected a string"),
    );
    bad(
        &of("integer", json!([{"name": "on", "enumValue": "1"}])),
        &format!("{values}/0/enumValue: expected a 32-bit integer"),
    );
    bad(
        &of("double", json!([{"name": "on", "enumValue": 1}])),
        "/contents/0/schema/valueSchema: expected the schema integer",
    );
    let twice = |second: &str, value: i32| json!([{"name": "on", "enumValue": 1}, {"name": second, "enumValue": value}]);
    bad(
        &of("integer", twice("on", 2)),
        &format!("{values}/1: duplicate name \"on\""),
    );
    bad(
        &of("integer", twice("off", 1)),
        &format!("{values}/1: duplicate value \"1\""),
    );
    let many = |count| {
        (0..count)
            .map(|n| json!({"name": format!("n{n}"), "enumValue": n}))
            .collect()
    };
    good(&of("integer", many(100)));
    bad(
        &of("integer", many(101)),
        &format!("{values}: 101 elements, at most 100"),
    );
    bad(
        &of("integer", json!([])),
        "/contents/0/schema: missing member \"enumValues\"",
    );
    good(&v3(of("integer", json!([]))));
}

#[test]
fn an_object_has_one_to_thirty_fields_of_different_names() {
    let of = |fields: Value| measuring(json!({"@type": "Object", "fields": fields}));
    let many = |count| {
        (0..count)
            .map(|n| json!({"name": format!("n{n}"), "schema": "double"}))
            .collect()
    };
    good(&of(many(30)));
    bad(
        &of(many(31)),
        "/contents/0/schema/fields: 31 elements, at most 30",
    );
    bad(
        &of(json!([])),
        "/contents/0/schema: missing member \"fields\"",
    );
    good(&v3(of(many(31))));
    let twice = json!([{"name": "a", "schema": "double"}, {"name": "a", "schema": "long"}]);
    bad(
        &of(twice),
        "/contents/0/schema/fields/1: duplicate name \"a\"",
    );
}

#[test]
fn the_keys_of_a_map_are_texts() {
    let of = |key: &str| {
        measuring(json!({
            "@type": "Map",
            "mapKey": {"name": "key", "schema": key},
            "mapValue": {"name": "value", "schema": "double"}
        }))
    };
    good(&of("string"));
    bad(
        &of("integer"),
        "/contents/0/schema/mapKey/schema: expected the schema string",
    );
    bad(
        &with(of("string"), "/contents/0/schema/mapValue", Value::Null),
        "/contents/0/schema: missing member \"mapValue\"",
    );
}

#[test]
fn five_complex_schemas_may_be_nested() {
    good(&measuring(nested(5, json!("double"))));
    let diagnostics = diagnostics(&measuring(nested(6, json!("double"))));
    assert!(
        diagnostics[0].ends_with("complex schemas nested deeper than 5"),
        "{diagnostics:?}"
    );
}

#[test]
fn a_schema_that_is_referred_to_counts_as_deep_as_it_is_wherever_it_was_used_before() {
    let deep_id = "dtmi:com:example:Thing:deep;1";
    let referring = |levels| {
        let mut document = interface(json!([
            {"@type": "Telemetry", "name": "shallow", "schema": deep_id},
            {"@type": "Telemetry", "name": "measured", "schema": nested(levels, json!(deep_id))}
        ]));
        document["schemas"] = nested(2, json!("double"));
        document["schemas"]["@id"] = json!(deep_id);
        document
    };
    good(&referring(3));
    let diagnostics = diagnostics(&referring(4));
    assert!(
        diagnostics[0].ends_with("complex schemas nested deeper than 5"),
        "{diagnostics:?}"
    );
}

#[test]
fn a_schema_of_the_interface_is_referred_to_by_identifier_and_not_from_elsewhere() {
    let id = "dtmi:com:example:Thing:list;1";
    let mut document = measuring(json!(id));
    bad(
        &document,
        "/contents/0/schema: schema dtmi:com:example:Thing:list;1 is not defined in this interface",
    );
    document["schemas"] = json!({"@id": id, "@type": "Array", "elementSchema": "double"});
    let read = good(&document);
    let list = &read.telemetry().next().unwrap().schema;
    assert!(matches!(&**list, Schema::Array { element } if **element == Schema::Double));
    let other = with(
        measuring(json!(id)),
        "/@id",
        json!("dtmi:com:example:Other;1"),
    );
    bad(
        &json!([document, other]),
        "/1/contents/0/schema: schema dtmi:com:example:Thing:list;1 is not defined",
    );
    let diagnostics = diagnostics(&with(document, "/schemas/@id", Value::Null));
    assert_eq!(diagnostics[0], "/schemas: missing member \"@id\"");
}

#[test]
fn a_schema_that_contains_itself_is_refused() {
    let of = |inner: &str| {
        let mut document = measuring(json!("dtmi:com:example:Thing:a;1"));
        document["schemas"] = json!([
            {"@id": "dtmi:com:example:Thing:a;1", "@type": "Array", "elementSchema": "dtmi:com:example:Thing:b;1"},
            {"@id": "dtmi:com:example:Thing:b;1", "@type": "Array", "elementSchema": inner}
        ]);
        document
    };
    good(&of("double"));
    let diagnostics = diagnostics(&of("dtmi:com:example:Thing:a;1"));
    let itself = |diagnostic: &String| diagnostic.ends_with("contains itself");
    assert!(diagnostics.iter().all(itself), "{diagnostics:?}");
}

#[test]
fn shared_schemas_may_not_stand_for_more_than_a_hundred_thousand_elements() {
    let id = |level: usize| format!("dtmi:com:example:Thing:s{level};1");
    let object = |level: usize| {
        let inner = if level == 0 {
            "double".to_owned()
        } else {
            id(level - 1)
        };
        let fields: Vec<_> = (0..30)
            .map(|n| json!({"name": format!("n{n}"), "schema": inner}))
            .collect();
        json!({"@id": id(level), "@type": "Object", "fields": fields})
    };
    let of = |levels: usize| {
        let mut document = measuring(json!(id(levels - 1)));
        document["schemas"] = (0..levels).map(object).collect();
        document
    };
    good(&of(3));
    bad(&of(5), "the contents have more than 100000 elements");
}

#[test]
fn a_property_contains_no_array_in_the_second_version() {
    let of = |schema| interface(json!([{"@type": "Property", "name": "set", "schema": schema}]));
    for schema in [
        nested(1, json!("double")),
        nested(3, json!("double")),
        json!("point"),
    ] {
        bad(
            &of(schema.clone()),
            "/contents/0/schema: a property must not contain an array",
        );
        good(&v3(of(schema.clone())));
        good(&measuring(schema));
    }
}
