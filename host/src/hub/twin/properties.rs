//! What holds for all documents.

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
        prop_assert_eq!((again.calls, again.repeated), (vec![], None));
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
}
