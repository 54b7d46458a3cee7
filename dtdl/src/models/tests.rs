//! Models from documents and from directories.

use std::{fs, path::Path};

use serde_json::{Value, json};

use super::{Listing, ModelError, Models};
use crate::{dtmi::Dtmi, interface::Content, parse::parse_value};

fn id(name: &str) -> Dtmi {
    format!("dtmi:com:example:{name};1").parse().unwrap()
}

/// An interface with telemetry of these names, which extends others.
fn interface(name: &str, telemetry: &[&str], extends: &[&str]) -> Value {
    let contents: Vec<_> = telemetry
        .iter()
        .map(|name| json!({"@type": "Telemetry", "name": name, "schema": "double"}))
        .collect();
    let extends: Vec<_> = extends.iter().map(|name| id(name)).collect();
    json!({
        "@context": "dtmi:dtdl:context;2",
        "@id": id(name),
        "@type": "Interface",
        "contents": contents,
        "extends": extends
    })
}

/// The interface with a component of another.
fn with_component(mut interface: Value, name: &str, schema: &str) -> Value {
    let component = json!({"@type": "Component", "name": name, "schema": id(schema)});
    interface["contents"]
        .as_array_mut()
        .unwrap()
        .push(component);
    interface
}

fn given(documents: impl IntoIterator<Item = Value>) -> Models {
    let mut models = Models::new();
    for document in documents {
        models.add(parse_value(&document).unwrap());
    }
    models
}

fn problem(models: &Models, name: &str) -> String {
    models.resolve(&id(name)).unwrap_err().to_string()
}

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}

/// The listing after all files have been read.
fn refreshed(models: &Models) -> Listing {
    models.refresh().for_each(drop);
    let listing = models.list();
    assert!(!listing.pending);
    listing
}

#[test]
fn what_is_extended_comes_after_what_is_its_own_and_once() {
    let models = given([
        interface("Base", &["b"], &[]),
        interface("Left", &["l"], &["Base"]),
        interface("Right", &["r"], &["Base"]),
        interface("Both", &["own"], &["Left", "Right"]),
    ]);
    let model = models.resolve(&id("Both")).unwrap();
    let names: Vec<_> = model.root().contents.iter().map(Content::name).collect();
    assert_eq!(names, ["own", "l", "b", "r"]);
}

#[test]
fn two_that_are_inherited_may_not_have_one_name() {
    let models = given([
        interface("Base", &["heat"], &[]),
        interface("Thing", &["heat"], &["Base"]),
    ]);
    assert_eq!(
        problem(&models, "Thing"),
        "dtmi:com:example:Thing;1: \"heat\" is defined by both dtmi:com:example:Thing;1 and dtmi:com:example:Base;1"
    );
}

#[test]
fn an_interface_does_not_extend_itself() {
    let models = given([
        interface("A", &[], &["B"]),
        interface("B", &[], &["A"]),
        interface("C", &[], &["C"]),
    ]);
    assert!(problem(&models, "A").ends_with("the interface extends itself"));
    assert!(problem(&models, "C").ends_with("the interface extends itself"));
}

#[test]
fn ten_interfaces_may_extend_each_other_in_a_line() {
    let name = |level: usize| format!("L{level}");
    let line = |length: usize| {
        given((0..=length).map(|level| match level {
            0 => interface("L0", &[], &[]),
            _ => interface(&name(level), &[], &[&name(level - 1)]),
        }))
    };
    line(10).resolve(&id("L10")).unwrap();
    assert!(
        problem(&line(11), "L11")
            .contains("a chain of more than 10 interfaces that extend each other")
    );
    assert!(
        problem(&line(1000), "L1000")
            .contains("a chain of more than 10 interfaces that extend each other")
    );
}

#[test]
fn many_ways_to_the_same_interfaces_take_no_time() {
    let name = |level: usize, side: &str| format!("L{level}{side}");
    let ladder = (0..=10).flat_map(|level| {
        ["a", "b"].map(|side| match level {
            0 => interface(&name(0, side), &[], &[]),
            _ => interface(
                &name(level, side),
                &[],
                &[&name(level - 1, "a"), &name(level - 1, "b")],
            ),
        })
    });
    given(ladder).resolve(&id("L10a")).unwrap();
}

#[test]
fn an_interface_has_at_most_three_hundred_contents_with_what_it_inherits() {
    let names: Vec<_> = (0..300).map(|n| format!("n{n}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let of = |own: &[&str]| {
        given([
            interface("Base", &names, &[]),
            interface("Thing", own, &["Base"]),
        ])
    };
    of(&[]).resolve(&id("Thing")).unwrap();
    assert!(
        problem(&of(&["more"]), "Thing")
            .ends_with("more than 300 contents, inherited ones included")
    );
}

#[test]
fn components_have_interfaces_of_their_own_without_components() {
    let valve = interface("Valve", &["flow"], &["PathSegment"]);
    let models = given([
        with_component(interface("Boiler", &["heat"], &[]), "valve", "Valve"),
        with_component(interface("House", &[], &[]), "boiler", "Boiler"),
        with_component(interface("Own", &[], &[]), "own", "Own"),
        interface("PathSegment", &["age"], &[]),
        valve,
    ]);
    let model = models.resolve(&id("Boiler")).unwrap();
    let valve = model.interface(Some("valve")).unwrap();
    assert_eq!(
        valve
            .telemetry()
            .map(|telemetry| telemetry.name.as_str())
            .collect::<Vec<_>>(),
        ["flow", "age"]
    );
    assert_eq!(model.interface(None).unwrap().id, id("Boiler"));
    assert!(model.interface(Some("pump")).is_none());
    assert!(
        problem(&models, "House")
            .contains("component dtmi:com:example:Boiler;1 has the component valve itself")
    );
    assert!(problem(&models, "Own").contains("has the component own itself"));
}

#[test]
fn an_interface_that_is_missing_is_named_with_where_it_would_be() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(
        problem(&Models::new(), "Thing"),
        "interface dtmi:com:example:Thing;1 not found"
    );
    let mut models = Models::in_directory(root.path());
    models.add(parse_value(&interface("Thing", &[], &["Base"])).unwrap());
    let problem = problem(&models, "Thing");
    assert!(
        problem.starts_with("interface dtmi:com:example:Base;1 not found: no file"),
        "{problem}"
    );
    assert!(
        problem.ends_with("dtmi/com/example/base-1.json"),
        "{problem}"
    );
}

#[test]
fn a_directory_holds_interfaces_by_their_names() {
    let root = tempfile::tempdir().unwrap();
    let thing = interface("Thing", &["heat"], &["Base"]);
    write(
        root.path(),
        "dtmi/com/example/thing-1.json",
        &thing.to_string(),
    );
    let base = json!([
        interface("Other", &[], &[]),
        interface("Base", &["age"], &[])
    ]);
    write(
        root.path(),
        "dtmi/com/example/base-1.expanded.json",
        &base.to_string(),
    );
    write(root.path(), "dtmi/com/example/notes.txt", "not a model");
    let models = Models::in_directory(root.path());
    assert_eq!(
        models.resolve(&id("Thing")).unwrap().root().contents.len(),
        2
    );
    let listing = refreshed(&models);
    assert_eq!(listing.ids, [id("Base"), id("Thing")]);
    assert!(listing.broken.is_empty());
}

#[test]
fn a_broken_file_is_named_and_spoils_no_other() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "dtmi/com/example/good-1.json",
        &interface("Good", &[], &[]).to_string(),
    );
    write(root.path(), "dtmi/com/example/cut-1.json", "{\"@context\":");
    write(root.path(), "dtmi/com/example/bad-1.json", "{}");
    write(
        root.path(),
        "dtmi/com/example/case-1.json",
        &interface("CASE", &[], &[]).to_string(),
    );
    write(
        root.path(),
        "dtmi/com/example/moved-1.json",
        &interface("Good", &[], &[]).to_string(),
    );
    fs::write(
        root.path().join("dtmi/com/example/bytes-1.json"),
        [0xff, 0xfe],
    )
    .unwrap();
    let models = Models::in_directory(root.path());
    assert!(problem(&models, "Cut").contains("cut-1.json: invalid JSON"));
    assert!(problem(&models, "Bad").contains("bad-1.json: missing member \"@context\""));
    assert!(problem(&models, "Bytes").contains("bytes-1.json: invalid JSON"));
    assert!(problem(&models, "Case").ends_with(
        "does not contain the interface dtmi:com:example:Case;1, but dtmi:com:example:CASE;1"
    ));
    let listing = refreshed(&models);
    assert_eq!(listing.ids, [id("CASE"), id("Good")]);
    assert_eq!(listing.broken.len(), 4, "{:?}", listing.broken);
    assert!(listing.broken.iter().any(
        |error| matches!(&**error, ModelError::Misnamed { file, .. } if file.ends_with("moved-1.json"))
    ));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "dtmi/com/example/thing-1.json",
        &" ".repeat(8 * 1024 * 1024 + 1),
    );
    assert!(
        problem(&Models::in_directory(root.path()), "Thing").ends_with("more than 8388608 bytes")
    );
}

#[test]
fn a_directory_that_is_not_there_is_told_of() {
    let models = Models::in_directory("/nonexistent");
    let refused = models.check().unwrap_err();
    for error in [&refused, &*refreshed(&models).broken[0]] {
        let text = error.to_string();
        assert!(
            text.starts_with("cannot read /nonexistent/dtmi: "),
            "{text}"
        );
    }
    Models::new().check().unwrap();
}

#[test]
fn what_was_given_comes_before_the_directory_until_it_is_removed() {
    let root = tempfile::tempdir().unwrap();
    write(
        root.path(),
        "dtmi/com/example/thing-1.json",
        &interface("Thing", &["old"], &[]).to_string(),
    );
    let mut models = Models::in_directory(root.path());
    let telemetry = |models: &Models| {
        models.resolve(&id("Thing")).unwrap().root().contents[0]
            .name()
            .to_owned()
    };
    models.add(parse_value(&interface("Thing", &["new"], &[])).unwrap());
    assert_eq!(telemetry(&models), "new");
    assert_eq!(refreshed(&models).ids, [id("Thing")]);
    assert!(models.remove(&id("Thing")));
    assert_eq!(telemetry(&models), "old");
    assert!(!models.remove(&id("Thing")));
}

#[test]
fn what_is_inherited_counts_towards_the_elements_of_an_interface() {
    let fields: Vec<_> = (0..30)
        .map(|n| json!({"name": format!("n{n}"), "schema": "double"}))
        .collect();
    let row = json!({"@type": "Object", "fields": fields});
    let wide = |name: &str| {
        let rows: Vec<_> = (0..30)
            .map(|n| json!({"name": format!("r{n}"), "schema": row}))
            .collect();
        let table = json!({"@type": "Object", "fields": rows});
        let shared = format!("dtmi:com:example:{name}:table;1");
        let contents: Vec<_> = (0..60)
            .map(|n| json!({"@type": "Telemetry", "name": format!("{name}{n}"), "schema": shared}))
            .collect();
        let mut interface = interface(name, &[], &[]);
        interface["schemas"] = table;
        interface["schemas"]["@id"] = json!(shared);
        interface["contents"] = contents.into();
        interface
    };
    let models = given([
        wide("Left"),
        wide("Right"),
        interface("Both", &[], &["Left", "Right"]),
    ]);
    models.resolve(&id("Left")).unwrap();
    assert!(problem(&models, "Both").contains("more than 100000 elements, counting each use"));
}

#[test]
fn the_documents_of_a_model_are_those_it_needs_each_once_and_as_they_are_written() {
    let base = interface("Base", &["a"], &[]);
    let part = interface("PathSegment", &["b"], &["Base"]);
    let whole = interface("Whole", &["c"], &["Base"]);
    let whole = with_component(
        with_component(whole, "left", "PathSegment"),
        "right",
        "PathSegment",
    );
    let other = interface("Other", &["d"], &[]);
    let models = given([base.clone(), part.clone(), whole.clone(), other]);
    let documents = models.documents(&id("Whole")).unwrap();
    assert_eq!(documents.len(), 3);
    for document in [base, part, whole] {
        assert!(documents.contains(&document), "{document}");
    }
    let missing = models.documents(&id("Missing"));
    assert!(matches!(missing, Err(ModelError::Unknown { .. })));
}

#[test]
fn the_documents_of_a_model_with_interfaces_within_it_can_be_parsed_again() {
    let part = interface("Part", &["b"], &[]);
    let mut base = interface("Base", &["a"], &[]);
    base["contents"][0]["schema"] = json!({
        "@id": "dtmi:com:example:State;1", "@type": "Enum", "valueSchema": "integer",
        "enumValues": [{"name": "on", "enumValue": 1}]
    });
    let mut whole = interface("Whole", &["c"], &[]);
    whole["extends"] = json!([base]);
    whole["contents"] = json!([{"@type": "Component", "name": "part", "schema": part}]);
    let models = given([whole]);
    let documents = Value::Array(models.documents(&id("Whole")).unwrap());
    let again = given(documents.as_array().unwrap().clone());
    assert_eq!(parse_value(&documents).unwrap().len(), 3);
    let resolved = |models: &Models| {
        let model = models.resolve(&id("Whole")).unwrap();
        serde_json::to_value(model.interface(Some("part"))).unwrap()
    };
    assert_eq!(resolved(&models), resolved(&again));
}

#[test]
fn a_directory_may_hold_a_device_template_and_a_cloud_property_is_told_from_the_devices() {
    let dir = tempfile::tempdir().unwrap();
    let owner = json!({"@type": ["Property", "Cloud"], "name": "owner", "schema": "string"});
    let mut part = interface("Part", &[], &[]);
    part.as_object_mut().unwrap().remove("@context");
    part["contents"] = json!([owner]);
    let mut model = interface("Pump", &[], &[]);
    model.as_object_mut().unwrap().remove("@context");
    model["contents"] = json!([owner, {"@type": "Component", "name": "part", "schema": part}]);
    let template = json!({"@type": ["ModelDefinition", "DeviceModel"], "capabilityModel": model});
    write(
        dir.path(),
        "dtmi/com/example/pump-1.json",
        &template.to_string(),
    );

    let models = Models::in_directory(dir.path());
    assert_eq!(models.refresh().count(), 1);
    assert_eq!(models.list().ids, [id("Pump")]);
    let pump = models.resolve(&id("Pump")).unwrap();
    for component in [None, Some("part")] {
        let interface = pump.interface(component).unwrap();
        let owner = interface.contents.iter().find(|it| it.name() == "owner");
        let Some(Content::CloudProperty(owner)) = owner else {
            panic!("{owner:?}");
        };
        assert_eq!(owner.datum.schema.validate(&json!("Ann")), []);
        assert_eq!(owner.datum.schema.validate(&json!(1)).len(), 1);
        assert_eq!(interface.property("owner"), None);
    }
}
