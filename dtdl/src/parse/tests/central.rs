//! What IoT Central adds to the language, taken under its contexts only.

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

use super::{bad, diagnostics, good, interface, with};
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
        let unknown = format!("/contents/0: unknown member \"{member}\"");
        let said = diagnostics(&document).pop().unwrap();
        let needs = "it needs the context dtmi:iotcentral:context;2 before that of DTDL";
        assert!(
            said.starts_with(&unknown) && said.ends_with(needs),
            "{said}"
        );
        // Other members stay mistakes.
        let misspelt = with(document, "/contents/0/misspelt", json!(1));
        let said = diagnostics(&of_central(misspelt)).pop().unwrap();
        let unknown = "/contents/0: unknown member \"misspelt\"";
        assert!(said.starts_with(unknown) && said.contains(member), "{said}");
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
fn a_template_without_a_context_is_in_centrals() {
    let mut model = interface(json!([{"@type": "Command", "name": "queued", "durable": true}]));
    model.as_object_mut().unwrap().remove("@context");
    let mut document = template(model);
    document.as_object_mut().unwrap().remove("@context");
    let read = good(&document);
    assert_eq!(read.source["@context"], central(2));
    assert_eq!(parse_value(&read.source).unwrap(), [read]);
}

#[test]
fn a_model_of_the_preview_is_refused_in_one_sentence() {
    let said =
        "a model in the format of the IoT Central preview, which DTDL 2 has replaced: export";
    let with_model = |model: Value| json!({"displayName": "Thing", "capabilityModel": model});
    for model in [
        json!({"@id": "dtmi:a;1", "@type": ["CapabilityModel"], "implements": []}),
        json!({"@id": "urn:example:thing:1", "@type": "Interface", "contents": []}),
    ] {
        bad(&with_model(model), &format!("/capabilityModel: {said}"));
    }
    let old = json!("http://azureiot.com/v1/contexts/IoTModel.json");
    bad(&with(interface(json!([])), "/@context", old), said);
}

#[test]
fn identifiers_of_the_preview_are_left_to_contents() {
    let speed = json!({
        "@id": "urn:example:thing:speed:1", "@type": "Telemetry", "name": "speed", "schema": "double"
    });
    let document = interface(json!([speed]));
    good(&of_central(document.clone()));
    bad(&document, "/contents/0/@id: invalid model identifier");
}

#[test]
fn the_interface_of_an_edge_module_may_be_in_the_relationship() {
    let module = json!({
        "@id": "dtmi:com:example:Module;1", "@type": ["Interface", "EdgeModule"],
        "contents": [{"@type": "Telemetry", "name": "load", "schema": "double"}],
    });
    let relationship = json!({
        "@type": ["Relationship", "EdgeModule"], "name": "module", "maxMultiplicity": 1, "target": [module]
    });
    let document = interface(json!([relationship]));
    let read = parse_value(&of_central(document.clone())).unwrap();
    let ids: Vec<_> = read.iter().map(|interface| interface.id.as_str()).collect();
    assert_eq!(
        ids,
        ["dtmi:com:example:Module;1", "dtmi:com:example:Thing;1"]
    );
    bad(&document, "/contents/0/target/0: expected a string");
}

#[test]
fn values_of_what_central_adds_are_checked() {
    let levels = json!({
        "@type": "Enum", "valueSchema": "integer", "enumValues": [{"name": "low", "enumValue": 1}]
    });
    for (schema, member, value, said) in [
        (
            json!("double"),
            "decimalPlaces",
            json!(-1),
            Some("/decimalPlaces: expected a number that is not negative"),
        ),
        (json!("double"), "decimalPlaces", json!(0), None),
        (
            json!("double"),
            "minValue",
            json!("low"),
            Some("/minValue: expected a number"),
        ),
        (
            json!("double"),
            "minValue",
            json!(7.5),
            Some(": minValue 7.5 is above maxValue 5"),
        ),
        (json!("double"), "minValue", json!(5), None),
        (json!("double"), "minValue", json!(null), None),
        (
            json!("double"),
            "displayUnit",
            json!(7),
            Some("/displayUnit: expected a string"),
        ),
        (
            json!("double"),
            "displayUnit",
            json!({"en": "degrees", "de": "Grad"}),
            None,
        ),
        (
            json!("integer"),
            "initialValue",
            json!(1.5),
            Some("/initialValue: expected a 32-bit integer, found 1.5"),
        ),
        (
            levels.clone(),
            "initialValue",
            json!(2),
            Some("/initialValue: expected one of 1, found 2"),
        ),
        (levels, "initialValue", json!(1), None),
    ] {
        let property = json!({
            "@type": "Property", "name": "limit", "schema": schema, "maxValue": 5, member: value
        });
        let document = of_central(interface(json!([property])));
        match said {
            None => drop(good(&document)),
            Some(said) => bad(&document, &format!("/contents/0{said}")),
        }
    }
    let command = json!({"@type": "Command", "name": "queued", "durable": "yes"});
    bad(
        &of_central(interface(json!([command]))),
        "/contents/0/durable: expected true or false",
    );
}

/// An interface with a member of IoT Central, as deep in others as `contexts` says, each with its own context or none.
fn nested_interfaces(contexts: &[Option<&str>]) -> Value {
    let mut contents = json!([{"@type": "Command", "name": "queued", "durable": true}]);
    let mut document = Value::Null;
    for (level, context) in contexts.iter().enumerate() {
        document = interface(contents);
        document["@id"] = json!(format!("dtmi:com:example:Part{level};1"));
        match context {
            Some(context) => document["@context"] = json!(context),
            None => drop(document.as_object_mut().unwrap().remove("@context")),
        }
        contents = json!([{"@type": "Component", "name": "part", "schema": document}]);
    }
    document
}

proptest! {
    #[test]
    fn an_interface_within_others_is_kept_as_what_it_was_there(
        mut contexts in vec(prop::option::of(Just("dtmi:dtdl:context;2")), 1..5),
    ) {
        contexts.push(None);
        let read = parse_value(&of_central(nested_interfaces(&contexts))).unwrap();
        for interface in read {
            let again = parse_value(&interface.source).unwrap();
            prop_assert_eq!(again.last(), Some(&interface));
        }
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
