//! Rules of documents, interfaces and their texts.

use serde_json::{Value, json};

use super::{bad, diagnostics, good, interface, v3, with};
use crate::parse::{ParseError, parse, parse_value};

#[test]
fn an_interface_needs_a_context_an_identifier_and_its_type() {
    let thing = interface(json!([]));
    good(&thing);
    bad(
        &with(thing.clone(), "/@context", Value::Null),
        "missing member \"@context\"",
    );
    bad(
        &with(thing.clone(), "/@context", json!("dtmi:dtdl:context;4")),
        "/@context: expected dtmi:dtdl:context;2 or",
    );
    bad(
        &with(
            thing.clone(),
            "/@context",
            json!("dtmi:iotcentral:context;2"),
        ),
        "/@context: expected dtmi:dtdl:context;2 or",
    );
    bad(
        &with(thing.clone(), "/@id", Value::Null),
        "missing member \"@id\"",
    );
    bad(
        &with(thing.clone(), "/@id", json!("Thing")),
        "/@id: invalid model identifier \"Thing\"",
    );
    bad(
        &with(thing.clone(), "/@id", json!("dtmi:dtdl:Thing;1")),
        "/@id: dtmi:dtdl:Thing;1 is reserved by DTDL",
    );
    bad(
        &with(thing.clone(), "/@type", Value::Null),
        "expected the type Interface",
    );
    bad(
        &with(thing, "/@type", json!("Telemetry")),
        "/@type: expected the type Interface",
    );
}

#[test]
fn the_identifier_of_an_interface_has_at_most_128_characters() {
    let of = |length: usize| {
        let id = format!("dtmi:{};1", "a".repeat(length - "dtmi:;1".len()));
        with(interface(json!([])), "/@id", json!(id))
    };
    good(&of(128));
    bad(
        &of(129),
        "/@id: the identifier of an interface has at most 128 characters",
    );
}

#[test]
fn contexts_of_extensions_are_allowed_after_that_of_the_language() {
    let contexts = |contexts| with(interface(json!([])), "/@context", contexts);
    good(&contexts(json!([
        "dtmi:dtdl:context;2",
        "dtmi:com:example:extension;7"
    ])));
    good(&contexts(json!([
        "dtmi:iotcentral:context;2",
        "dtmi:dtdl:context;2"
    ])));
    bad(
        &contexts(json!([
            "dtmi:com:example:extension;7",
            "dtmi:dtdl:context;2"
        ])),
        "/@context/1: the DTDL context must precede",
    );
    bad(
        &contexts(json!(["dtmi:dtdl:context;2", "https://example.com"])),
        "/@context/1:",
    );
}

#[test]
fn a_document_is_an_interface_or_an_array_of_interfaces() {
    let second = with(
        interface(json!([])),
        "/@id",
        json!("dtmi:com:example:Other;1"),
    );
    let both = parse_value(&json!([interface(json!([])), second])).unwrap();
    assert_eq!(both.len(), 2);
    assert_eq!(parse_value(&json!([])).unwrap(), []);
    bad(&json!("Thing"), "expected an object, found \"Thing\"");
    bad(
        &json!([interface(json!([])), 1]),
        "/1: expected an object, found 1",
    );
    bad(
        &json!([interface(json!([])), interface(json!([]))]),
        "/1: dtmi:com:example:Thing;1 is defined twice",
    );
}

#[test]
fn a_text_that_is_not_json_is_told_apart_and_a_mark_before_it_is_passed_over() {
    assert!(matches!(parse("{"), Err(ParseError::Json(_))));
    parse(&format!("\u{feff}{}", interface(json!([])))).unwrap();
}

#[test]
fn nesting_beyond_all_use_is_refused_before_anything_follows_it() {
    let deep = (0..100_000).fold(json!(1), |inner, _| Value::Array(vec![inner]));
    let document = with(interface(json!([])), "/comment", deep);
    bad(&document, "nested deeper than 128 levels");
    // A value nested so deeply cannot be dropped in one go.
    let mut rest = vec![document];
    while let Some(mut value) = rest.pop() {
        rest.extend(value.as_array_mut().into_iter().flat_map(std::mem::take));
        rest.extend(value.get_mut("comment").map(Value::take));
    }
}

#[test]
fn very_many_faults_are_told_in_part() {
    let many: Vec<_> = (0..10_000).map(Value::from).collect();
    assert_eq!(diagnostics(&interface(many.into())).len(), 100);
    let twice = json!({"@id": "dtmi:com:example:twice;1"});
    let twice = with(interface(json!([])), "/comment", vec![twice; 10_000].into());
    assert!(diagnostics(&twice).len() <= 100);
}

#[test]
fn a_long_name_around_many_values_does_not_fill_the_memory() {
    let mut document = interface(json!([]));
    document["x".repeat(1 << 20)] =
        vec![json!({"@id": "dtmi:com:example:twice;1"}); 100_000].into();
    bad(&document, "unknown member \"xxx");
    let thing = document.as_object_mut().unwrap();
    thing.insert(
        "@type".into(),
        json!(["Interface", "dtmi:com:example:Foreign;1"]),
    );
    good(&document);
}

#[test]
fn every_element_that_is_wrong_is_told() {
    let document = interface(json!([
        {"@type": "Telemetry", "name": "good", "schema": "double"},
        {"@type": "Telemetry", "name": "1st", "schema": "double"},
        {"@type": "Property", "name": "second", "schema": "decimal"},
        {"@type": "Property", "name": "good", "schema": "double"}
    ]));
    let diagnostics = diagnostics(&document);
    assert_eq!(diagnostics.len(), 3, "{diagnostics:?}");
    assert!(
        diagnostics[0].starts_with("/contents/1/name: expected a name of at most 64"),
        "{diagnostics:?}"
    );
    assert!(
        diagnostics[1].starts_with(
            "/contents/2/schema: expected a schema of this interface or one of boolean"
        ),
        "{diagnostics:?}"
    );
    assert!(
        diagnostics[2].starts_with("/contents/3: duplicate name \"good\""),
        "{diagnostics:?}"
    );
}

#[test]
fn texts_for_people_may_have_languages_and_have_limits() {
    let labelled = |text| with(interface(json!([])), "/displayName", text);
    let name = |text| good(&labelled(text)).info.display_name;
    assert_eq!(name(json!("Thing")).get(), Some("Thing"));
    assert_eq!(
        name(json!({"en": "Thing", "it": "Cosa"})).in_language("it"),
        Some("Cosa")
    );
    let tagged = json!([{"@value": "Cosa", "@language": "it"}, "Thing"]);
    assert_eq!(name(tagged).get(), Some("Thing"));
    good(&labelled(json!("ä".repeat(64))));
    bad(
        &labelled(json!("ä".repeat(65))),
        "/displayName: 65 characters, at most 64",
    );
    bad(
        &labelled(json!({"en": "a".repeat(65)})),
        "/displayName/en: 65 characters",
    );
    bad(
        &labelled(json!({"english": "Thing"})),
        "/displayName/english: invalid language \"english\"",
    );
    bad(
        &labelled(json!({"en": 5})),
        "/displayName/en: expected a string",
    );
    bad(
        &labelled(json!(["Thing", {"@value": "Cosa"}])),
        "/displayName/1/@value: duplicate language",
    );
    good(&v3(labelled(json!("a".repeat(512)))));
    for member in ["/description", "/comment"] {
        good(&with(interface(json!([])), member, json!("a".repeat(512))));
        bad(
            &with(interface(json!([])), member, json!("a".repeat(513))),
            member,
        );
    }
}

#[test]
fn a_member_that_is_not_known_is_allowed_only_beside_a_type_that_is_not_known() {
    let telemetry = |types| {
        interface(json!([{"@type": types, "name": "measured", "schema": "double", "brand": "any"}]))
    };
    good(&telemetry(json!(["Telemetry", "Commercial"])));
    bad(
        &telemetry(json!("Telemetry")),
        "/contents/0: unknown member \"brand\" of Telemetry: allowed are name, schema",
    );
    bad(
        &telemetry(json!(["Telemetry", "Property"])),
        "/contents/0: Telemetry must not also have the type \"Property\"",
    );
    bad(
        &telemetry(json!("Commercial")),
        "/contents/0: expected the type Telemetry, Property, Command, Component or",
    );
}

#[test]
fn an_identifier_without_a_version_is_of_the_third_version() {
    let of = |id: &str| with(interface(json!([])), "/@id", json!(id));
    bad(
        &of("dtmi:com:example:Thing"),
        "/@id: expected an identifier with a version",
    );
    bad(
        &of("dtmi:com:example:Thing;1.2"),
        "/@id: expected an identifier with a version",
    );
    good(&v3(of("dtmi:com:example:Thing")));
    good(&v3(of("dtmi:com:example:Thing;1.2")));
}

#[test]
fn elements_may_stand_for_sets_of_one_and_be_given_by_their_full_names() {
    let document = json!({
        "@context": ["dtmi:dtdl:context;2"],
        "@id": "dtmi:com:example:Thing;1",
        "@type": ["dtmi:dtdl:class:Interface;2"],
        "dtmi:dtdl:property:contents;2": {
            "@type": ["Telemetry"],
            "name": ["measured"],
            "dtmi:dtdl:property:schema;2": ["double"],
            "comment": []
        }
    });
    assert_eq!(good(&document).telemetry().next().unwrap().name, "measured");
    let mut twice = document;
    twice["contents"] = json!([]);
    bad(
        &twice,
        "contents and dtmi:dtdl:property:contents;2 are the same member",
    );
}
