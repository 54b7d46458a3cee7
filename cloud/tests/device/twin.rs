use cloud::{events::EventKind, hub::twin::TwinPatch, json::JsonValue};
use serde_json::{Value, json};

use crate::support::{DESIRED, TWIN_RESULTS, TestCloud};

fn desired(value: Value) -> TwinPatch {
    TwinPatch::from_json(&json!({"properties": {"desired": value}}).into()).unwrap()
}

#[tokio::test]
async fn a_device_gets_its_twin_under_the_rid_it_asked_with() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud
        .hub()
        .patch_twin("t-1", desired(json!({"a": 1})), None)
        .unwrap();
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    client.publish("$iothub/twin/GET/?$rid=one", "").await;
    client.publish("$iothub/twin/GET/?$rid=two", "").await;
    let twin = json!({"desired": {"a": 1, "$version": 2}, "reported": {"$version": 1}});
    for rid in ["one", "two"] {
        let topic = format!("$iothub/twin/res/200/?$rid={rid}");
        assert_eq!(client.receive_json().await, (topic, twin.clone()));
    }
}

#[tokio::test]
async fn reported_properties_are_kept_and_answered_with_their_version() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    let topic = "$iothub/twin/PATCH/properties/reported/?$rid=x";
    client.deliver(topic, r#"{"max": 20.5}"#).await;
    let answer = client.receive_publish().await;
    assert_eq!(answer.topic, "$iothub/twin/res/204/?$rid=x&$version=2");
    assert!(answer.payload.is_empty());
    assert_eq!(
        cloud.hub().twin("t-1").unwrap().twin.reported()["max"],
        json!(20.5)
    );
    let events = cloud.events().await;
    let reported = events.iter().find_map(|event| match &event.kind {
        EventKind::Reported { patch, version, .. } => Some((patch.clone(), *version)),
        _ => None,
    });
    let (patch, version) = reported.unwrap();
    assert_eq!(JsonValue::from(patch), json!({"max": 20.5}));
    assert_eq!(version, 2);
}

#[tokio::test]
async fn a_number_is_shown_as_it_was_reported_to_the_last_digit() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let topic = "$iothub/twin/PATCH/properties/reported/?$rid=x";
    for number in ["90.42225290942383", "42.215889504792884"] {
        client
            .deliver(topic, format!("{{\"max\": {number}}}"))
            .await;
        let twin = cloud.hub().twin("t-1").unwrap().twin;
        assert_eq!(twin.reported()["max"].to_string(), number);
    }
}

#[tokio::test]
async fn reported_properties_that_break_a_rule_are_answered_with_400() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    let long = json!({"a": "x".repeat(5000)}).to_string();
    for body in ["{", "[]", r#"{"a.b": 1}"#, &long] {
        let topic = "$iothub/twin/PATCH/properties/reported/?$rid=x";
        client.deliver(topic, body.to_owned()).await;
        let (topic, answer) = client.receive_json().await;
        assert_eq!(topic, "$iothub/twin/res/400/?$rid=x");
        assert_eq!(answer["errorCode"], 400_004);
    }
    assert!(cloud.hub().twin("t-1").unwrap().twin.reported().is_empty());
}

#[tokio::test]
async fn desired_changes_are_pushed_to_a_device_that_listens() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    cloud
        .hub()
        .patch_twin("t-1", desired(json!({"a": 1})), None)
        .unwrap();
    client.is_quiet().await;
    client.subscribe(DESIRED).await;
    cloud
        .hub()
        .patch_twin("t-1", desired(json!({"b": 2})), None)
        .unwrap();
    let with = desired(json!({"c": 3}));
    cloud.hub().replace_twin("t-1", with, None).unwrap();
    let topic = |version| format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
    let first = (topic(3), json!({"b": 2, "$version": 3}));
    assert_eq!(client.receive_json().await, first);
    let second = json!({"a": null, "b": null, "c": 3, "$version": 4});
    assert_eq!(client.receive_json().await, (topic(4), second));
}

#[tokio::test]
async fn an_etag_that_is_no_longer_the_twins_changes_nothing() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let etag = cloud.hub().twin("t-1").unwrap().etag();
    let quoted = format!("\"{etag}\"");
    let change = || desired(json!({"a": 1}));
    cloud
        .hub()
        .patch_twin("t-1", change(), Some(&quoted))
        .unwrap();
    let error = cloud
        .hub()
        .patch_twin("t-1", change(), Some(&quoted))
        .unwrap_err();
    assert_eq!((error.status(), error.code()), (412, 412_001));
    cloud
        .hub()
        .patch_twin("t-1", change(), Some("\"*\""))
        .unwrap();
    assert_eq!(cloud.hub().twin("t-1").unwrap().twin.version(), 3);
}
