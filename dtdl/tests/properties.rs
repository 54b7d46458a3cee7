//! What holds for every document and every value.

use dtdl::{Findings, Model, Models, parse, parse_value};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Words documents and messages are made of, so that random ones come near to being right.
const WORDS: &[&str] = &[
    "@context",
    "@id",
    "@type",
    "@value",
    "@language",
    "contents",
    "extends",
    "schemas",
    "schema",
    "name",
    "unit",
    "writable",
    "request",
    "response",
    "fields",
    "enumValues",
    "enumValue",
    "valueSchema",
    "elementSchema",
    "mapKey",
    "mapValue",
    "displayName",
    "target",
    "maxMultiplicity",
    "properties",
    "Interface",
    "Telemetry",
    "Property",
    "Command",
    "Component",
    "Relationship",
    "Temperature",
    "degreeCelsius",
    "Array",
    "Enum",
    "Map",
    "Object",
    "double",
    "integer",
    "string",
    "point",
    "vector",
    "dtmi:dtdl:context;2",
    "dtmi:dtdl:context;3",
    "dtmi:com:example:Thermostat;1",
    "dtmi:com:example:X;1",
    "temperature",
    "targetTemperature",
    "thermostat1",
    "__t",
    "c",
    "value",
    "ac",
    "av",
    "ad",
    "coordinates",
    "type",
    "Point",
    "",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        9 => prop::sample::select(WORDS).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}

/// Any JSON, made of such words.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((word(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A schema as it is written, a value that fits it, and one that does not.
#[derive(Clone, Debug)]
struct Sample {
    schema: Value,
    fitting: Value,
    other: Value,
}

fn sample(schema: &str, fitting: impl Into<Value>, other: impl Into<Value>) -> Sample {
    Sample {
        schema: schema.into(),
        fitting: fitting.into(),
        other: other.into(),
    }
}

fn primitive() -> impl Strategy<Value = Sample> {
    let finite = || prop::num::f64::NORMAL | prop::num::f64::ZERO;
    prop_oneof![
        any::<bool>().prop_map(|value| sample("boolean", value, value.to_string())),
        finite().prop_map(|value| sample("double", value, value.to_string())),
        any::<f32>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| sample("float", value, json!([value]))),
        any::<i32>().prop_map(|value| sample("integer", value, i64::from(value) + (1 << 33))),
        any::<i64>().prop_map(|value| sample("long", value, value.to_string())),
        any::<String>().prop_map(|value| sample("string", value.as_str(), json!([value]))),
        (1..=12_u8, 1..=28_u8).prop_map(|(month, day)| {
            let date = format!("2026-{month:02}-{day:02}");
            sample("date", date.as_str(), format!("{date}T"))
        }),
        (0..24_u8, 0..60_u8).prop_map(|(hour, minute)| {
            let moment = format!("2026-01-31T{hour:02}:{minute:02}:00Z");
            sample("dateTime", moment.as_str(), moment.trim_end_matches('Z'))
        }),
        (0..60_u8).prop_map(|second| {
            let time = format!("12:00:{second:02}");
            sample("time", time.as_str(), format!("{time}:00"))
        }),
        any::<u32>().prop_map(|hours| sample("duration", format!("PT{hours}H"), hours)),
        (finite(), finite()).prop_map(|(x, y)| sample(
            "point",
            json!({"type": "Point", "coordinates": [x, y]}),
            json!({"type": "Point", "coordinates": [x]})
        )),
    ]
}

fn array(element: Sample, before: usize) -> Sample {
    let mut fitting = vec![element.fitting; before];
    let all = fitting.clone();
    fitting.push(element.other);
    Sample {
        schema: json!({"@type": "Array", "elementSchema": element.schema}),
        fitting: all.into(),
        other: fitting.into(),
    }
}

fn map(value: Sample, key: String) -> Sample {
    let of = |value| Value::Object(Map::from_iter([(key.clone(), value)]));
    Sample {
        schema: json!({
            "@type": "Map",
            "mapKey": {"name": "key", "schema": "string"},
            "mapValue": {"name": "value", "schema": value.schema}
        }),
        fitting: of(value.fitting),
        other: of(value.other),
    }
}

fn object(fields: Vec<Sample>, wrong: prop::sample::Index) -> Sample {
    let names: Vec<_> = (0..fields.len()).map(|n| format!("field{n}")).collect();
    let schemas = fields.iter().zip(&names);
    let schemas: Vec<_> = schemas
        .map(|(field, name)| json!({"name": name, "schema": field.schema}))
        .collect();
    let fitting = fields.iter().zip(&names);
    let fitting: Map<_, _> = fitting
        .map(|(field, name)| (name.clone(), field.fitting.clone()))
        .collect();
    let mut other = fitting.clone();
    let wrong = wrong.index(fields.len());
    other.insert(names[wrong].clone(), fields[wrong].other.clone());
    Sample {
        schema: json!({"@type": "Object", "fields": schemas}),
        fitting: fitting.into(),
        other: other.into(),
    }
}

fn samples() -> impl Strategy<Value = Sample> {
    primitive().prop_recursive(5, 32, 5, |inner| {
        prop_oneof![
            (inner.clone(), 0..4_usize).prop_map(|(element, before)| array(element, before)),
            (inner.clone(), any::<String>()).prop_map(|(value, key)| map(value, key)),
            (
                prop::collection::vec(inner, 1..5),
                any::<prop::sample::Index>()
            )
                .prop_map(|(fields, wrong)| object(fields, wrong)),
        ]
    })
}

fn device(schema: &Value) -> Model {
    let mut models = Models::new();
    let document = json!({
        "@context": "dtmi:dtdl:context;3",
        "@id": "dtmi:com:example:Device;1",
        "@type": "Interface",
        "contents": [
            {"@type": "Telemetry", "name": "measured", "schema": schema},
            {"@type": "Property", "name": "set", "schema": schema, "writable": true}
        ]
    });
    models.add(parse_value(&document).unwrap());
    models
        .resolve(&"dtmi:com:example:Device;1".parse().unwrap())
        .unwrap()
}

fn controller() -> Model {
    let models = Models::in_directory(concat!(env!("CARGO_MANIFEST_DIR"), "/../models"));
    let id = "dtmi:com:example:TemperatureController;1".parse().unwrap();
    models.resolve(&id).unwrap()
}

/// The thermostat's document with something else at one of its places.
fn mutated() -> impl Strategy<Value = Value> {
    let text = include_str!("../../models/dtmi/com/example/thermostat-1.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let places = pointers(&document, "");
    (prop::sample::select(places), json()).prop_map(move |(place, value)| {
        let mut document = document.clone();
        *document.pointer_mut(&place).unwrap() = value;
        document
    })
}

/// Every place in a value.
fn pointers(value: &Value, at: &str) -> Vec<String> {
    let inner: Vec<_> = match value {
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .flat_map(|(index, element)| pointers(element, &format!("{at}/{index}")))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| pointers(member, &format!("{at}/{name}")))
            .collect(),
        _ => Vec::new(),
    };
    [at.to_owned()].into_iter().chain(inner).collect()
}

proptest! {
    #[test]
    fn any_text_and_any_json_is_read_or_refused(text in any::<String>(), document in json()) {
        let _ = parse(&text);
        let _ = parse_value(&document);
    }

    #[test]
    fn a_model_with_anything_in_it_is_read_or_refused_with_places_that_are_there(document in mutated()) {
        match parse_value(&document) {
            Ok(interfaces) => {
                let mut models = Models::new();
                let ids: Vec<_> = interfaces.iter().map(|interface| interface.id.clone()).collect();
                models.add(interfaces);
                for id in &ids {
                    let _ = models.resolve(id);
                }
            }
            Err(dtdl::ParseError::Invalid(faults)) => {
                prop_assert!(!faults.is_empty());
                for fault in faults {
                    prop_assert!(document.pointer(&fault.pointer).is_some(), "{}", fault);
                }
            }
            Err(error) => prop_assert!(false, "{}", error),
        }
    }

    #[test]
    fn any_message_is_checked(message in json()) {
        let controller = controller();
        controller.validate_reported(&message);
        controller.validate_desired(&message);
        for component in [None, Some("thermostat1"), Some("pump")] {
            controller.validate_telemetry(component, &message);
        }
        for command in controller.component("thermostat1").unwrap().commands() {
            command.validate_request(&message);
            command.validate_response(&message);
        }
    }

    #[test]
    fn a_value_made_for_a_schema_fits_it_and_one_made_wrong_does_not(sample in samples()) {
        let device = device(&sample.schema);
        let schema = &device.root().telemetry().next().unwrap().schema;
        prop_assert_eq!(schema.validate(&sample.fitting), []);
        let violations = schema.validate(&sample.other);
        prop_assert_eq!(violations.len(), 1);
        let found = sample.other.pointer(&violations[0].pointer);
        prop_assert!(found.is_some() || violations[0].pointer.ends_with("/coordinates"));
    }

    #[test]
    fn what_fits_as_telemetry_may_be_desired_reported_and_acknowledged(sample in samples()) {
        let device = device(&sample.schema);
        let value = &sample.fitting;
        let measured = device.validate_telemetry(None, &json!({"measured": value}));
        prop_assert_eq!(measured, Findings::default());
        let acknowledged = json!({"value": value, "ac": 200, "av": 1});
        for set in [value, &acknowledged] {
            prop_assert_eq!(device.validate_reported(&json!({"set": set})), Findings::default());
        }
        let desired = device.validate_desired(&json!({"set": value}));
        prop_assert_eq!(desired, Findings::default());
        let wrong = json!({"set": {"value": sample.other, "ac": 200, "av": 1}});
        prop_assert_eq!(device.validate_reported(&wrong).violations.len(), 1);
    }
}
