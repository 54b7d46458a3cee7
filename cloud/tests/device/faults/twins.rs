//! Faults of twins.

use cloud::{
    faults::{Fault, OneShotFault},
    hub::twin::TwinPatch,
};
use serde_json::{Value, json};

use crate::support::{Client, DESIRED, METHODS, TWIN_RESULTS, TestCloud, device_bound};

const GET: &str = "$iothub/twin/GET/?$rid=g";
const REPORT: &str = "$iothub/twin/PATCH/properties/reported/?$rid=r";

async fn connected(cloud: &TestCloud) -> Client {
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    client.subscribe(DESIRED).await;
    client
}

fn set(cloud: &TestCloud, value: u64) {
    let body = json!({"properties": {"desired": {"a": value}}});
    let patch = TwinPatch::from_json(&body.into()).unwrap();
    cloud.hub().patch_twin("t-1", patch, None).unwrap();
}

/// The push of a value, under its version.
fn pushed(value: u64, version: u64) -> (String, Value) {
    let topic = format!("$iothub/twin/PATCH/properties/desired/?$version={version}");
    (topic, json!({"a": value, "$version": version}))
}

#[tokio::test]
async fn a_throttled_twin_is_neither_read_nor_changed() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.start_fault(Fault::ThrottleTwin);
    client.publish(GET, "").await;
    let (topic, body) = client.receive_json().await;
    assert_eq!(topic, "$iothub/twin/res/429/?$rid=g");
    assert_eq!(body["errorCode"], 429_001);
    client.publish(REPORT, r#"{"a": 1}"#).await;
    assert_eq!(
        client.receive_json().await.0,
        "$iothub/twin/res/429/?$rid=r"
    );
    assert!(cloud.hub().twin("t-1").unwrap().twin.reported().is_empty());
    cloud.hub().clear_faults();
    client.publish(GET, "").await;
    assert_eq!(
        client.receive_json().await.0,
        "$iothub/twin/res/200/?$rid=g"
    );
}

#[tokio::test]
async fn withheld_answers_are_lost_and_the_report_counts() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.start_fault(Fault::WithholdTwin);
    client.publish(GET, "").await;
    client.deliver(REPORT, r#"{"a": 1}"#).await;
    client.is_quiet().await;
    assert_eq!(
        cloud.hub().twin("t-1").unwrap().twin.reported()["a"],
        json!(1)
    );
}

#[tokio::test]
async fn an_oversize_twin_is_larger_than_any_of_azures() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.start_fault(Fault::OversizeTwin { bytes: None });
    client.publish(GET, "").await;
    let answer = client.receive_publish().await;
    assert!(answer.payload.len() > 512 * 1024);
    cloud.start_fault(Fault::OversizeTwin { bytes: Some(10) });
    client.publish(GET, "").await;
    let (_, twin) = client.receive_json().await;
    assert_eq!(twin["desired"]["oversize"], "xxxxxxxxxx");
}

#[tokio::test]
async fn in_a_race_the_push_comes_before_the_older_twin() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    set(&cloud, 1);
    assert_eq!(client.receive_json().await, pushed(1, 2));
    cloud.start_fault(Fault::TwinRace);
    client.publish(GET, "").await;
    client.is_quiet().await;
    set(&cloud, 2);
    assert_eq!(client.receive_json().await, pushed(2, 3));
    let (topic, twin) = client.receive_json().await;
    assert_eq!(topic, "$iothub/twin/res/200/?$rid=g");
    assert_eq!(twin["desired"], json!({"a": 1, "$version": 2}));
}

#[tokio::test]
async fn a_lost_push_leaves_a_gap_in_the_versions() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.start_fault(Fault::DropDesired);
    set(&cloud, 1);
    client.is_quiet().await;
    cloud.hub().clear_faults();
    set(&cloud, 2);
    assert_eq!(client.receive_json().await, pushed(2, 3));
}

#[tokio::test]
async fn a_stale_push_brings_an_old_value_under_its_old_version() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.trigger(OneShotFault::StaleDesired);
    for value in [1, 2] {
        set(&cloud, value);
        assert_eq!(client.receive_json().await, pushed(value, value + 1));
    }
    cloud.trigger(OneShotFault::StaleDesired);
    assert_eq!(client.receive_json().await, pushed(1, 2));
}

#[tokio::test]
async fn a_hub_restarted_empty_knows_its_devices_and_nothing_of_them() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    client.subscribe(METHODS).await;
    set(&cloud, 1);
    client.receive_publish().await;
    client.deliver(REPORT, r#"{"b": 1}"#).await;
    client.receive_publish().await;
    let body = "lost".into();
    cloud.hub().send_message("t-1", body, Vec::new()).unwrap();
    cloud.trigger(OneShotFault::RestartEmpty);
    client.end().await.unwrap();
    let (mut client, present) = cloud.connect_with(cloud.credentials("t-1")).await;
    assert!(!present);
    client.subscribe(TWIN_RESULTS).await;
    client.subscribe(&device_bound("t-1")).await;
    client.publish(GET, "").await;
    let empty = json!({"desired": {"$version": 1}, "reported": {"$version": 1}});
    assert_eq!(client.receive_json().await.1, empty);
}
