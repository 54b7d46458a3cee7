//! What IoT Central adds to the language, taken under its contexts only.

use serde_json::{Value, json};

use super::{bad, good, interface, with};
use crate::{interface::Content, parse::parse_value};

/// The contexts of a document that IoT Central has exported.
fn central(version: u32) -> Value {
    json!([
        format!("dtmi:iotcentral:context;{version}"),
        "dtmi:dtdl:context;2"
    ])
}

fn of_central(document: Value) -> Value {
    with(document, "/@context", central(2))
}

#[test]
fn members_that_central_adds_are_taken_under_its_contexts_and_refused_elsewhere() {
    for (content, member) in [
        (
            json!({"@type": "Command", "name": "queued", "durable": true}),
            "durable",
        ),
        (
            json!({
                "@type": ["Property", "Temperature"], "name": "target", "schema": "double",
                "unit": "degreeCelsius", "writable": true, "decimalPlaces": 1,
            }),
            "decimalPlaces",
        ),
        (
            json!({"@type": "Property", "name": "limit", "schema": "integer", "minValue": 50}),
            "minValue",
        ),
        (
            json!({"@type": "Property", "name": "name", "schema": "string", "initialValue": "x"}),
            "initialValue",
        ),
        (
            json!({"@type": "Telemetry", "name": "moisture", "schema": "integer", "unit": "percent"}),
            "unit",
        ),
    ] {
        let document = interface(json!([content]));
        for version in [2, 3] {
            good(&with(document.clone(), "/@context", central(version)));
        }
        let message = format!("/contents/0: unknown member \"{member}\"");
        bad(&document, &message);
        // Other members stay mistakes.
        let misspelt = with(document, "/contents/0/misspelt", json!(1));
        bad(
            &of_central(misspelt),
            "/contents/0: unknown member \"misspelt\"",
        );
    }
}

#[test]
fn a_payload_may_have_an_initial_value() {
    let request = json!({
        "@type": "CommandPayload", "name": "delay", "schema": "integer", "initialValue": 3,
        "minValue": 0, "displayUnit": "s",
    });
    let command = json!({"@type": "Command", "name": "reboot", "request": request});
    good(&of_central(interface(json!([command]))));
}

#[test]
fn humidity_may_be_in_percent_under_central() {
    let air = json!({
        "@type": ["Telemetry", "Humidity"], "name": "air", "schema": "integer", "unit": "percent"
    });
    let document = interface(json!([air]));
    let read = good(&of_central(document.clone()));
    let unit = read.telemetry().next().unwrap().unit.as_ref().unwrap();
    assert_eq!(unit.symbol(), Some("%"));
    bad(&document, "/contents/0/unit: expected one of the units");
}

#[test]
fn an_unknown_version_of_centrals_context_may_not_come_first() {
    let document = interface(json!([]));
    bad(
        &with(document, "/@context", central(4)),
        "/@context/1: the DTDL context must precede those of extensions",
    );
}

/// A device template as `az iot central` exports it.
fn template(model: Value) -> Value {
    json!({
        "@id": "dtmi:modelDefinition:example:thing;1",
        "@type": ["ModelDefinition", "DeviceModel"],
        "@context": central(2),
        "displayName": "Thing",
        "capabilityModel": model,
    })
}

#[test]
fn a_device_template_is_taken_for_the_interface_in_it() {
    let mut model = interface(json!([{"@type": "Command", "name": "queued", "durable": true}]));
    model.as_object_mut().unwrap().remove("@context");
    let read = good(&template(model.clone()));
    assert_eq!(read.id.to_string(), "dtmi:com:example:Thing;1");
    // What is kept is a document of its own.
    assert_eq!(read.source["@context"], central(2));
    assert_eq!(parse_value(&read.source).unwrap(), [read]);
    let broken = with(model, "/contents/0/name", json!("1"));
    bad(&template(broken), "/capabilityModel/contents/0/name:");
    bad(
        &template(json!("dtmi:com:example:Thing;1")),
        "/capabilityModel: expected an object",
    );
}

#[test]
fn an_interface_within_another_is_kept_with_the_context_it_has() {
    let mut inner = interface(json!([{"@type": "Command", "name": "queued", "durable": true}]));
    inner["@id"] = json!("dtmi:com:example:Part;1");
    inner.as_object_mut().unwrap().remove("@context");
    let outer = interface(json!([{"@type": "Component", "name": "part", "schema": inner}]));
    for read in parse_value(&of_central(outer)).unwrap() {
        assert_eq!(
            parse_value(&read.source).unwrap().len(),
            1 + read.components().count()
        );
    }
}

#[test]
fn a_cloud_property_is_not_the_devices() {
    let owner = json!({
        "@type": ["Property", "Cloud", "StringValue"], "name": "owner", "schema": "string"
    });
    let document = interface(json!([owner]));
    let read = good(&of_central(document.clone()));
    assert!(
        matches!(&read.contents[..], [Content::CloudProperty(one)] if one.datum.name == "owner")
    );
    assert_eq!(read.property("owner"), None);
    // Elsewhere the type means nothing.
    assert!(good(&document).property("owner").is_some());
}
