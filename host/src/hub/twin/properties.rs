//! Properties of all documents.

use proptest::{collection::btree_map, prelude::*};
use serde_json::json;

use super::*;

type Object = Map<String, Value>;

/// Names that meet often.
fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[a-c]", Just(String::new()), Just("__t".to_owned())]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3).prop_map(Value::from),
        Just(Value::from("c")),
        Just(json!([1, null])),
    ]
}

fn object(leaf: BoxedStrategy<Value>) -> BoxedStrategy<Object> {
    let object = |value: BoxedStrategy<Value>| {
        btree_map(name(), value, 0..4).prop_map(|members| members.into_iter().collect::<Object>())
    };
    let nested = leaf.prop_recursive(3, 12, 4, move |inner| {
        let members = (object(inner.boxed()), any::<bool>());
        members.prop_map(|(mut members, component)| {
            if component {
                members.insert("__t".to_owned(), "c".into());
            }
            members.into()
        })
    });
    object(nested.boxed()).boxed()
}

fn document() -> BoxedStrategy<Object> {
    object(scalar().boxed())
}

fn patch() -> BoxedStrategy<Object> {
    object(prop_oneof![3 => scalar(), 1 => Just(Value::Null)].boxed())
}

fn body(desired: &Object, version: u64) -> Vec<u8> {
    let mut desired = desired.clone();
    desired.insert("$version".to_owned(), version.into());
    json!({ "desired": desired }).to_string().into_bytes()
}

/// Applies a document as the device does; every second call fails.
fn apply(twin: &mut Twin, desired: &Object, version: u64) -> Changes {
    let changes = twin.document(&body(desired, version)).unwrap();
    settle(twin, &changes);
    changes
}

fn settle(twin: &mut Twin, changes: &Changes) {
    for (index, call) in changes.calls.iter().enumerate() {
        let answer = if index % 2 == 0 {
            Ok(vec![])
        } else {
            Err("no".to_owned())
        };
        twin.settle(changes.version, call, answer);
    }
}

fn patched(mut document: Object, patch: &Object) -> Object {
    merge(&mut document, patch);
    document
}

proptest! {
    #[test]
    fn whatever_was_applied_a_document_settled_is_what_is_applied(
        before in document(),
        after in document(),
        versions: (u32, u32),
    ) {
        let mut twin = Twin::default();
        apply(&mut twin, &before, versions.0.into());
        apply(&mut twin, &after, versions.1.into());
        prop_assert_eq!(twin.flat(), flatten(after.clone()));
        let again = apply(&mut twin, &after, versions.1.into());
        prop_assert_eq!((again.calls, again.repeated), (vec![], vec![]));
    }

    #[test]
    fn a_push_leaves_the_same_as_the_whole_twin_after_it(before in document(), change in patch()) {
        let mut twin = Twin::default();
        apply(&mut twin, &before, 1);
        let pushed = twin.patch(2, json!(change).to_string().as_bytes()).unwrap();
        let Patch::Apply(changes) = pushed else { panic!("version 2 follows 1") };
        settle(&mut twin, &changes);
        // A component without properties leaves no trace, so that a change without its marker makes it a property.
        let known = nest(&flatten(before));
        let after = flatten(patched(known, &change));
        prop_assert_eq!(twin.flat(), after);
        let unmoved = changes.calls.is_empty();
        prop_assert_eq!(twin.version, Some(if unmoved { 1 } else { 2 }));
    }

    #[test]
    fn a_push_calls_for_every_property_it_names(before in document(), change in patch()) {
        let mut twin = Twin::default();
        apply(&mut twin, &before, 1);
        let pushed = twin.patch(2, json!(change).to_string().as_bytes()).unwrap();
        let Patch::Apply(changes) = pushed else { panic!("version 2 follows 1") };
        for (name, value) in change {
            let named = |call: &DesiredCall| match &call.component {
                Some(component) => *component == name,
                None => call.properties.contains_key(&name),
            };
            let empty = value.as_object().is_some_and(|members| {
                members.keys().all(|name| name == "__t")
            });
            prop_assert!(empty || changes.calls.iter().any(named), "{}", name);
        }
    }

    #[test]
    fn reports_made_one_have_the_effect_of_both(
        reported in document(),
        first in patch(),
        second in patch(),
    ) {
        let in_turn = patched(patched(reported.clone(), &first), &second);
        let mut one = first.clone();
        match merge_report(&mut one, second) {
            Ok(()) => prop_assert_eq!(patched(reported, &one), in_turn),
            Err(_) => prop_assert_eq!(one, first),
        }
    }

    #[test]
    fn no_body_makes_it_panic(text in "[\\[\\]{}\":,$a0 ]{0,30}|.{0,30}") {
        let mut twin = Twin::default();
        let _ = twin.document(text.as_bytes());
        apply(&mut twin, &Object::new(), 1);
        let _ = twin.patch(2, text.as_bytes());
    }

    #[test]
    fn no_json_makes_it_panic(desired in any_json(), version in any_version(), patch in any_json()) {
        let mut twin = Twin::default();
        let mut whole = desired;
        if let Value::Object(members) = &mut whole {
            members.insert("$version".to_owned(), version);
        }
        if let Ok(changes) = twin.document(json!({ "desired": whole }).to_string().as_bytes()) {
            settle(&mut twin, &changes);
        }
        let next = twin.version.unwrap_or_default().saturating_add(1);
        if let Ok(Patch::Apply(changes)) = twin.patch(next, patch.to_string().as_bytes()) {
            settle(&mut twin, &changes);
        }
        prop_assert!(is_read_back(&twin));
    }
}

/// Also arrays, deep ones, and names of the hub's own.
fn any_json() -> impl Strategy<Value = Value> {
    let deep = (0..120_usize, any::<bool>()).prop_map(|(depth, objects)| {
        (0..depth).fold(json!(1), |inner, _| match objects {
            true => json!({ "a": inner }),
            false => json!([inner]),
        })
    });
    let odd = prop::sample::select(vec![
        json!({"$metadata": {}}),
        json!([[{}]]),
        json!(""),
        json!(null),
    ]);
    let value = prop_oneof![scalar(), odd, deep].boxed();
    prop_oneof![6 => object(value.clone()).prop_map(Value::from), 1 => value]
}

fn any_version() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any_json(),
    ]
}

/// A value this deep.
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

fn is_read_back(twin: &Twin) -> bool {
    let kept = serde_json::to_string(twin).unwrap();
    serde_json::from_str::<Twin>(&kept).is_ok_and(|read| read == *twin)
}

#[test]
fn what_is_as_deep_as_it_may_be_is_kept_and_reported_so_that_it_can_be_read_back() {
    let mut twin = Twin::default();
    let component = json!({"__t": "c", "deep": nested(MAX_DEPTH - 1)});
    let desired = json!({"deep": nested(MAX_DEPTH), "component": component, "$version": 1});
    let changes = twin
        .document(json!({ "desired": desired }).to_string().as_bytes())
        .unwrap();
    for call in &changes.calls {
        let report = twin.settle(1, call, Err("no".to_owned()));
        let report = json!({ "report": report.patches });
        assert_eq!(
            serde_json::from_str::<Value>(&report.to_string()).unwrap(),
            report
        );
    }
    assert!(is_read_back(&twin));
}

#[test]
fn what_is_deeper_is_refused_and_leaves_the_twin_as_it_was() {
    let mut twin = Twin::default();
    apply(&mut twin, &Object::new(), 1);
    let before = twin.clone();
    let deep = json!({"deep": nested(MAX_DEPTH + 1), "$version": 2}).to_string();
    let told = twin.patch(2, deep.as_bytes()).unwrap_err().to_string();
    assert_eq!(told, "values nest deeper than 64");
    let whole = format!("{{\"desired\":{deep}}}");
    assert!(matches!(
        twin.document(whole.as_bytes()),
        Err(TwinError::TooDeep)
    ));
    assert_eq!(twin, before);
}

#[test]
fn changes_that_only_ever_add_come_to_an_end() {
    let mut twin = Twin::default();
    apply(&mut twin, &Object::new(), 1);
    for version in 2.. {
        let more = json!({format!("p{version}"): "x".repeat(30_000)}).to_string();
        match twin.patch(version, more.as_bytes()) {
            Ok(Patch::Apply(changes)) => settle(&mut twin, &changes),
            Err(TwinError::TooLarge(size)) => {
                assert!(
                    (MAX_DESIRED_SIZE..MAX_DESIRED_SIZE + 40_000).contains(&size),
                    "{size}"
                );
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_answer_to_a_failed_call_of_many_properties_is_not_mostly_reasons() {
    let mut twin = Twin::default();
    let many: Object = (0..1000).map(|n| (format!("p{n}"), n.into())).collect();
    let changes = twin.document(&body(&many, 1)).unwrap();
    let reason = Err("because".repeat(1000));
    let report = twin.settle(1, &changes.calls[0], reason);
    let answered: usize = report.patches.iter().map(Map::len).sum();
    assert_eq!(answered + report.left_out, 1000);
    assert!(report.left_out < 120, "{}", report.left_out);
    assert!(json!(report.patches).to_string().len() < 64 << 10);
}

/// What a hub keeps: 32 KB, in names and values as they come from operators.
fn large_document() -> impl Strategy<Value = Object> {
    let value = prop_oneof![
        (0..4096_usize).prop_map(|length| json!("x".repeat(length))),
        (0..800_usize).prop_map(|length| json!("\u{1}".repeat(length))),
        any::<u32>().prop_map(Value::from),
        (1..200_usize).prop_map(|length| json!(vec![1.5; length])),
    ];
    let name =
        (0..40_usize, 1..300_usize).prop_map(|(n, length)| format!("{n}{}", "n".repeat(length)));
    let flat = btree_map(name, value, 0..120);
    (flat, any::<bool>()).prop_map(|(properties, in_components)| {
        let mut document = Object::new();
        for (index, (name, value)) in properties.into_iter().enumerate() {
            let mut next = document.clone();
            let component = next
                .entry(format!("component{}", index % 3))
                .or_insert(json!({"__t": "c"}));
            match component.as_object_mut().filter(|_| in_components) {
                Some(component) => drop(component.insert(name, value)),
                None => {
                    next.remove(&format!("component{}", index % 3));
                    next.insert(name, value);
                }
            }
            if answer_budget::size(&Value::from(next.clone())) <= 32 << 10 {
                document = next;
            }
        }
        document
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn answers_to_all_that_a_hub_keeps_fit_its_reported_properties(
        documents in prop::collection::vec((large_document(), any::<bool>()), 1..5),
        own in 0..8192_usize,
        later in prop::collection::vec(0..4000_usize, 5),
    ) {
        let mut twin = Twin::default();
        let mut reported: Object = [("own".to_owned(), json!("x".repeat(own)))].into_iter().collect();
        for (version, (desired, fails)) in (1..).zip(documents) {
            let mut desired = desired;
            desired.insert("$version".to_owned(), version.into());
            let body = json!({"desired": desired, "reported": reported}).to_string();
            let changes = twin.document(body.as_bytes()).unwrap();
            // The component reports of its own accord, before the next whole twin shows it.
            let report = json!({"later": "y".repeat(later[version as usize % later.len()])});
            let report = report.as_object().unwrap().clone();
            twin.note_reported(&report);
            merge(&mut reported, &report);
            let mut patches = changes.repeated.clone();
            for call in &changes.calls {
                let accept = |(name, value): (&String, &Value)| Acknowledgment {
                    property: name.clone(),
                    value: value.clone(),
                    status: 200,
                    description: "accepted".to_owned(),
                };
                let accepted = call.properties.iter().map(accept).collect();
                let answer = if fails { Err("no".repeat(900)) } else { Ok(accepted) };
                patches.extend(twin.settle(version, call, answer).patches);
            }
            for patch in patches {
                let many = patch.values().map(|it| it.as_object().map_or(1, Map::len)).sum::<usize>() > 4;
                prop_assert!(!many || json!(patch).to_string().len() < (32 << 10) + 200);
                merge(&mut reported, &patch);
                let size = answer_budget::size(&Value::from(reported.clone()));
                prop_assert!(size <= 32 << 10, "{size}");
            }
        }
    }
}

#[test]
fn what_was_desired_in_32_kb_is_answered_by_status_and_mostly_by_value() {
    let mut twin = Twin::default();
    let eight: Object = (0..8)
        .map(|n| (format!("p{n}"), json!("x".repeat(4090))))
        .collect();
    let changes = twin.document(&body(&eight, 1)).unwrap();
    let call = &changes.calls[0];
    let answer = call.properties.iter().map(|(name, value)| Acknowledgment {
        property: name.clone(),
        value: value.clone(),
        status: 200,
        description: String::new(),
    });
    let report = twin.settle(1, call, Ok(answer.collect()));
    let mut reported = Object::new();
    for patch in &report.patches {
        reported.extend(patch.clone());
    }
    assert!(
        reported
            .values()
            .all(|answer| answer["ac"] == 200 && answer["av"] == 1)
    );
    assert_eq!(
        (reported.len(), report.without_value, report.left_out),
        (8, 3, 0)
    );
}
