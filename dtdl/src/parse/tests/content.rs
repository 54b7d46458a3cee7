//! Rules of telemetry, properties, commands, components and relationships.

use serde_json::{Value, json};

use super::{bad, good, interface, v3, with};
use crate::{interface::Content, parse::parse_value};

#[test]
fn a_name_has_at_most_64_characters_and_512_in_the_third_version() {
    let named = |length| {
        interface(json!([{"@type": "Telemetry", "name": "a".repeat(length), "schema": "double"}]))
    };
    good(&named(64));
    bad(&named(65), "/contents/0/name:");
    good(&v3(named(512)));
    bad(&v3(named(513)), "/contents/0/name:");
}

#[test]
fn a_semantic_type_wants_a_number_and_one_of_its_units() {
    let telemetry = |schema, unit| {
        let element = json!({
            "@type": ["Telemetry", "Temperature"], "name": "measured", "schema": schema, "unit": unit
        });
        interface(json!([element]))
    };
    let read = good(&telemetry(json!("integer"), json!("kelvin")));
    let telemetry_read = read.telemetry().next().unwrap();
    assert_eq!(telemetry_read.semantic_types, ["Temperature"]);
    assert_eq!(telemetry_read.unit.as_ref().unwrap().symbol(), Some("K"));
    bad(
        &telemetry(json!("double"), json!("metre")),
        "/contents/0/unit: expected one of the units degreeCelsius, degreeFahrenheit, kelvin",
    );
    bad(
        &telemetry(json!("string"), json!("kelvin")),
        "/contents/0/schema: expected double, float, integer or long",
    );
    let without = with(
        telemetry(json!("double"), json!("kelvin")),
        "/contents/0/unit",
        Value::Null,
    );
    bad(&without, "/contents/0: a semantic type requires a unit");
    let plain = with(
        telemetry(json!("double"), json!("kelvin")),
        "/contents/0/@type",
        json!("Telemetry"),
    );
    bad(&plain, "/contents/0: unknown member \"unit\" of Telemetry");
    let two = json!(["Telemetry", "Temperature", "Length"]);
    bad(
        &with(
            telemetry(json!("double"), json!("kelvin")),
            "/contents/0/@type",
            two,
        ),
        "/contents/0: more than one semantic type",
    );
}

#[test]
fn a_property_is_writable_if_it_says_so() {
    let of = |writable| {
        interface(
            json!([{"@type": "Property", "name": "set", "schema": "double", "writable": writable}]),
        )
    };
    assert!(good(&of(json!(true))).property("set").unwrap().writable);
    assert!(!good(&of(json!(false))).property("set").unwrap().writable);
    assert!(
        good(&of(json!({"@value": true, "@type": "xsd:boolean"})))
            .property("set")
            .unwrap()
            .writable
    );
    bad(
        &of(json!("yes")),
        "/contents/0/writable: expected true or false",
    );
    bad(
        &of(json!({"@value": true, "@type": "xsd:string"})),
        "/contents/0/writable/@type: expected xsd:boolean",
    );
}

#[test]
fn a_command_may_have_a_request_and_a_response() {
    let of = |member: &str, value: Value| {
        let mut command = json!({"@type": "Command", "name": "go"});
        command[member] = value;
        interface(json!([command]))
    };
    let speed = json!({"@type": "CommandPayload", "name": "speed", "schema": "double"});
    assert_eq!(
        good(&of("request", speed.clone()))
            .command("go")
            .unwrap()
            .request
            .as_ref()
            .unwrap()
            .name,
        "speed"
    );
    assert!(
        good(&of("response", speed.clone()))
            .command("go")
            .unwrap()
            .request
            .is_none()
    );
    good(&of("commandType", json!("asynchronous")));
    bad(
        &of("commandType", json!("later")),
        "/contents/0/commandType: expected synchronous or asynchronous",
    );
    bad(
        &of("request", json!({"name": "speed"})),
        "/contents/0/request: missing member \"schema\"",
    );
    bad(
        &v3(of("request", speed)),
        "/contents/0/request/@type: expected the type CommandRequest",
    );
}

#[test]
fn a_relationship_is_kept_and_checked() {
    let of = |member: &str, value: Value| {
        let mut link = json!({"@type": "Relationship", "name": "next"});
        link[member] = value;
        interface(json!([link]))
    };
    let read = good(&of("target", json!("dtmi:com:example:Thing;1")));
    assert!(matches!(&read.contents[0], Content::Relationship(link) if link.target.is_some()));
    good(&of("maxMultiplicity", json!(500)));
    bad(
        &of("maxMultiplicity", json!(501)),
        "/contents/0/maxMultiplicity: expected a number from 1 to 500",
    );
    bad(
        &of("maxMultiplicity", json!(0)),
        "/contents/0/maxMultiplicity: expected a number from 1 to 500",
    );
    bad(
        &of("minMultiplicity", json!(1)),
        "/contents/0/minMultiplicity: expected 0",
    );
    bad(
        &of("target", json!("anything")),
        "/contents/0/target: invalid model identifier \"anything\"",
    );
    let property = json!({"@type": "Property", "name": "since", "schema": "date"});
    good(&of("properties", json!([property])));
    bad(
        &of("properties", json!([property, property])),
        "/contents/0/properties/1: duplicate name",
    );
}

#[test]
fn an_interface_within_another_is_read_too() {
    let inner = with(
        interface(json!([])),
        "/@id",
        json!("dtmi:com:example:Inner;1"),
    );
    let document = interface(json!([{"@type": "Component", "name": "part", "schema": inner}]));
    let interfaces = parse_value(&document).unwrap();
    let ids: Vec<_> = interfaces
        .iter()
        .map(|interface| interface.id.as_str())
        .collect();
    assert_eq!(
        ids,
        ["dtmi:com:example:Inner;1", "dtmi:com:example:Thing;1"]
    );
    let newer = v3(inner);
    bad(
        &interface(json!([{"@type": "Component", "name": "part", "schema": newer}])),
        "/contents/0/schema/@context: the DTDL version must not be newer",
    );
}

#[test]
fn two_interfaces_may_be_extended_at_once() {
    let of = |count: usize| {
        let ids: Vec<_> = (0..count)
            .map(|n| format!("dtmi:com:example:Base{n};1"))
            .collect();
        with(interface(json!([])), "/extends", json!(ids))
    };
    assert_eq!(good(&of(2)).extends.len(), 2);
    bad(&of(3), "more than 2 interfaces in extends");
    good(&v3(of(3)));
}
