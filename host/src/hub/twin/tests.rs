use serde_json::json;

use super::*;

fn twin(desired: Value) -> Vec<u8> {
    json!({"desired": desired, "reported": {"$version": 9}})
        .to_string()
        .into_bytes()
}

fn bytes(patch: &Value) -> Vec<u8> {
    patch.to_string().into_bytes()
}

fn accepted(call: &DesiredCall) -> Result<Vec<Acknowledgment>, String> {
    let accept = |(property, value): (&String, &Value)| Acknowledgment {
        property: property.clone(),
        value: value.clone(),
        status: 200,
        description: "ok".to_owned(),
    };
    Ok(call.properties.iter().map(accept).collect())
}

/// Applies all calls as accepted; returns what is reported.
fn settle(twin: &mut Twin, changes: &Changes) -> Vec<Value> {
    let settle = |call| twin.settle(changes.version, call, accepted(call)).patches;
    let patches = changes.calls.iter().flat_map(settle);
    patches.map(Value::from).collect()
}

fn applied(desired: Value) -> Twin {
    let mut state = Twin::default();
    let changes = state.document(&twin(desired)).unwrap();
    settle(&mut state, &changes);
    state
}

fn pushed(twin: &Twin, version: u64, patch: Value) -> Changes {
    match twin.patch(version, &bytes(&patch)).unwrap() {
        Patch::Apply(changes) => changes,
        other => panic!("expected changes, got {other:?}"),
    }
}

fn calls(changes: &Changes) -> Vec<(Option<&str>, Value)> {
    let call = |call: &'_ DesiredCall| Value::Object(call.properties.clone());
    changes
        .calls
        .iter()
        .map(|desired| (desired.component.as_deref(), call(desired)))
        .collect()
}

#[test]
fn the_first_document_is_applied_whole_and_answered() {
    let mut state = Twin::default();
    let desired =
        json!({"targetTemperature": 23.5, "$version": 2, "$metadata": {"$lastUpdated": "x"}});
    let changes = state.document(&twin(desired)).unwrap();
    assert_eq!(
        calls(&changes),
        [(None, json!({"targetTemperature": 23.5}))]
    );
    assert_eq!(
        settle(&mut state, &changes),
        [json!({"targetTemperature": {"value": 23.5, "ac": 200, "av": 2, "ad": "ok"}})]
    );
}

#[test]
fn a_component_has_a_call_and_a_report_of_its_own() {
    let mut state = Twin::default();
    let desired = json!({"a": 1, "thermostat1": {"__t": "c", "t": 2, "$v": 3}, "plain": {"t": 4}, "$version": 1});
    let changes = state.document(&twin(desired)).unwrap();
    assert_eq!(
        calls(&changes),
        [
            (None, json!({"a": 1, "plain": {"t": 4}})),
            (Some("thermostat1"), json!({"t": 2}))
        ]
    );
    let reported = settle(&mut state, &changes);
    let answer = json!({"value": 2, "ac": 200, "av": 1, "ad": "ok"});
    assert_eq!(
        reported[1],
        json!({"thermostat1": {"__t": "c", "t": answer}})
    );
}

#[test]
fn a_document_that_is_applied_already_asks_for_nothing() {
    let mut state = applied(json!({"a": 1, "c": {"__t": "c", "b": 2}, "$version": 4}));
    let again = state.document(&twin(
        json!({"c": {"__t": "c", "b": 2}, "a": 1, "$version": 4}),
    ));
    let changes = again.unwrap();
    assert_eq!((changes.calls, changes.repeated), (vec![], vec![]));
}

#[test]
fn what_changed_while_away_is_applied_and_what_did_not_is_answered_under_the_new_version() {
    let mut state = applied(
        json!({"same": 1, "other": 2, "gone": 3, "c": {"__t": "c", "b": 4}, "$version": 4}),
    );
    let desired =
        json!({"same": 1, "other": 20, "new": 5, "c": {"__t": "c", "b": 4}, "$version": 9});
    let changes = state.document(&twin(desired)).unwrap();
    assert_eq!(
        calls(&changes),
        [(None, json!({"gone": null, "new": 5, "other": 20}))]
    );
    let repeated = Value::from(changes.repeated[0].clone());
    let answer = |value| json!({"value": value, "ac": 200, "av": 9, "ad": "ok"});
    assert_eq!(
        repeated,
        json!({"same": answer(1), "c": {"__t": "c", "b": answer(4)}})
    );
    settle(&mut state, &changes);
    assert_eq!(pushed(&state, 10, json!({"new": 6})).version, 10);
}

#[test]
fn a_lower_version_of_the_whole_twin_is_taken() {
    let mut state = applied(json!({"a": 1, "$version": 9}));
    let changes = state
        .document(&twin(json!({"a": 2, "$version": 3})))
        .unwrap();
    assert_eq!(calls(&changes), [(None, json!({"a": 2}))]);
    settle(&mut state, &changes);
    assert_eq!(state.patch(3, b"{}").unwrap(), Patch::Stale);
    assert_eq!(
        calls(&pushed(&state, 4, json!({"a": 5}))),
        [(None, json!({"a": 5}))]
    );
}

#[test]
fn a_push_seen_before_is_stale_and_one_too_far_on_shows_a_gap() {
    let state = applied(json!({"a": 1, "$version": 5}));
    assert_eq!(state.patch(4, b"{}").unwrap(), Patch::Stale);
    assert_eq!(state.patch(5, b"{}").unwrap(), Patch::Stale);
    assert_eq!(state.patch(7, b"{}").unwrap(), Patch::Gap);
    assert_eq!(Twin::default().patch(1, b"{}").unwrap(), Patch::Gap);
}

#[test]
fn a_push_calls_the_component_even_if_nothing_changes() {
    let state = applied(json!({"a": 1, "b": 2, "c": {"__t": "c", "d": 3}, "$version": 5}));
    let same = pushed(
        &state,
        6,
        json!({"a": 1, "c": {"__t": "c", "d": 3}, "$version": 6}),
    );
    assert_eq!(
        calls(&same),
        [(None, json!({"a": 1})), (Some("c"), json!({"d": 3}))]
    );
    let unknown = pushed(&state, 6, json!({"x": null, "y": {"__t": "c", "z": null}}));
    assert_eq!(
        calls(&unknown),
        [(None, json!({"x": null})), (Some("y"), json!({"z": null}))]
    );
}

#[test]
fn a_push_of_part_of_an_object_calls_with_the_whole_of_it() {
    let state = applied(json!({"limits": {"low": 1, "high": 9}, "$version": 5}));
    let changes = pushed(
        &state,
        6,
        json!({"limits": {"high": 8, "low": null, "step": 2}}),
    );
    assert_eq!(
        calls(&changes),
        [(None, json!({"limits": {"high": 8, "step": 2}}))]
    );
}

#[test]
fn a_push_knows_a_component_without_its_marker_and_removes_one_property_by_property() {
    let state = applied(json!({"c": {"__t": "c", "d": 3, "e": 4}, "$version": 5}));
    let unmarked = pushed(&state, 6, json!({"c": {"d": 30}}));
    assert_eq!(calls(&unmarked), [(Some("c"), json!({"d": 30}))]);
    let removed = pushed(&state, 6, json!({"c": null}));
    assert_eq!(
        calls(&removed),
        [(Some("c"), json!({"d": null, "e": null}))]
    );
}

#[test]
fn a_version_counts_once_its_last_call_is_settled() {
    let mut state = applied(json!({"$version": 1}));
    let changes = pushed(&state, 2, json!({"a": 1, "c": {"__t": "c", "b": 2}}));
    assert_eq!(changes.calls.len(), 2);
    state.settle(2, &changes.calls[0], accepted(&changes.calls[0]));
    let again = state.document(&twin(
        json!({"a": 1, "c": {"__t": "c", "b": 2}, "$version": 2}),
    ));
    assert_eq!(calls(&again.unwrap()), [(Some("c"), json!({"b": 2}))]);
    state.settle(2, &changes.calls[1], accepted(&changes.calls[1]));
    assert_eq!(state.patch(2, b"{}").unwrap(), Patch::Stale);
}

#[test]
fn a_failed_call_is_answered_with_500_and_counts_as_applied() {
    let mut state = Twin::default();
    let document = twin(json!({"a": 1, "$version": 2}));
    let changes = state.document(&document).unwrap();
    let report = state.settle(2, &changes.calls[0], Err("trapped".to_owned()));
    let answer = json!({"a": {"value": 1, "ac": 500, "av": 2, "ad": "trapped"}});
    assert_eq!(Value::from(report.patches[0].clone()), answer);
    assert!(state.document(&document).unwrap().calls.is_empty());
}

#[test]
fn a_property_without_an_answer_is_reported_neither_at_once_nor_later() {
    let mut state = Twin::default();
    let changes = state
        .document(&twin(json!({"a": 1, "$version": 2})))
        .unwrap();
    let report = state.settle(2, &changes.calls[0], Ok(vec![]));
    assert_eq!(report, AnswerReport::default());
    let later = state
        .document(&twin(json!({"a": 1, "$version": 3})))
        .unwrap();
    assert_eq!((later.calls, later.repeated), (vec![], vec![]));
}

#[test]
fn an_answer_removes_from_the_report_what_its_value_has_no_longer() {
    let mut state = applied(json!({"limits": {"low": 1, "high": {"a": 1, "b": 2}}, "$version": 5}));
    let changes = pushed(
        &state,
        6,
        json!({"limits": {"low": null, "high": {"a": null}}}),
    );
    let report = settle(&mut state, &changes).remove(0);
    assert_eq!(
        report["limits"]["value"],
        json!({"low": null, "high": {"a": null, "b": 2}})
    );
}

#[test]
fn nothing_is_applied_yet_of_the_twin_at_another_hub() {
    let mut state = Twin::default();
    state.belongs_to("hub-1", "d");
    let document = twin(json!({"a": 1, "$version": 2}));
    let changes = state.document(&document).unwrap();
    settle(&mut state, &changes);
    state.belongs_to("hub-1", "d");
    assert!(state.document(&document).unwrap().calls.is_empty());
    state.belongs_to("hub-2", "d");
    let changes = state.document(&document).unwrap();
    assert_eq!((changes.calls.len(), changes.repeated), (1, vec![]));
}

#[test]
fn a_body_that_cannot_be_read_is_one_clear_line() {
    let mut state = Twin::default();
    let mut error = |body: &str| state.document(body.as_bytes()).unwrap_err().to_string();
    assert!(error("{\"desired\":").starts_with("the body is not JSON: EOF"));
    assert_eq!(error("[]"), "the body is not a JSON object");
    assert_eq!(error("{}"), "`desired` is not a JSON object");
    let no_version = "`desired` has no `$version` that is a whole number";
    assert_eq!(error("{\"desired\":{\"$version\":\"2\"}}"), no_version);
    let state = applied(json!({"$version": 1}));
    let error = state.patch(2, b"7").unwrap_err();
    assert_eq!(error.to_string(), "the body is not a JSON object");
}

#[test]
fn a_twin_is_read_back_as_it_was_kept() {
    let state = applied(json!({"a": 1, "c": {"__t": "c", "b": [2]}, "$version": 5}));
    let kept = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<Twin>(&kept).unwrap(), state);
}

#[test]
fn an_overlong_description_is_cut() {
    let mut state = Twin::default();
    let changes = state
        .document(&twin(json!({"a": 1, "$version": 2})))
        .unwrap();
    let report = state.settle(2, &changes.calls[0], Err("ä".repeat(5000)));
    assert_eq!(
        report.patches[0]["a"]["ad"]
            .as_str()
            .unwrap()
            .chars()
            .count(),
        1000
    );
}

#[test]
fn unsent_reports_become_one_per_property_and_keep_removals() {
    let object = |value: Value| value.as_object().unwrap().clone();
    let mut pending = object(json!({"a": 1, "b": {"x": 1, "y": 2}, "c": 3}));
    let newer = object(json!({"a": null, "b": {"x": null, "z": 5}, "d": {"e": null}}));
    merge_report(&mut pending, newer).unwrap();
    let expected = json!({"a": null, "b": {"x": null, "y": 2, "z": 5}, "c": 3, "d": {"e": null}});
    assert_eq!(Value::from(pending), expected);
}

#[test]
fn an_object_after_something_else_stays_a_report_of_its_own() {
    let object = |value: Value| value.as_object().unwrap().clone();
    let mut pending = object(json!({"a": null, "b": 1}));
    let newer = object(json!({"a": {"x": 1}, "b": 2}));
    assert_eq!(merge_report(&mut pending, newer.clone()), Err(newer));
    assert_eq!(Value::from(pending), json!({"a": null, "b": 1}));
}
