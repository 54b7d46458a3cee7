//! What a cloud that is started again still has, and what does not leave before it is kept.

use std::path::PathBuf;

use cloud::{
    dps::{EnrollmentKind, EnrollmentSpec},
    hub::{self, twin::TwinPatch},
    mqtt::{Packet, Publish},
};
use rusqlite::Connection;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::support::{METHODS, QUIET, TestCloud, device_bound};

fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("cloud.db")
}

fn patch(tags: serde_json::Value, desired: serde_json::Value) -> TwinPatch {
    let body = json!({"tags": tags, "properties": {"desired": desired}});
    TwinPatch::from_json(&body.into()).unwrap()
}

#[tokio::test]
async fn a_cloud_that_is_started_again_has_what_it_had() {
    let dir = TempDir::new().unwrap();
    let first = TestCloud::start_at(&file(&dir)).await;
    first.create("t-1");
    first.create("gone");
    let changes = patch(json!({"place": "cellar"}), json!({"target": 21}));
    first.hub().patch_twin("t-1", changes, None).unwrap();
    let mut client = first.connect("t-1").await;
    client.subscribe(&device_bound("t-1")).await;
    client.subscribe(METHODS).await;
    let report = "$iothub/twin/PATCH/properties/reported/?$rid=1";
    client.publish(report, r#"{"max": 20.5}"#).await;
    client.send(Packet::Disconnect).await;
    assert_eq!(client.receive().await, None);
    for body in ["one", "two"] {
        let sent = first.hub().send_message("t-1", body.into(), Vec::new());
        sent.unwrap();
    }
    let (kind, spec) = (EnrollmentKind::Individual, EnrollmentSpec::default());
    let dps = first.cloud.dps();
    let enrolled = dps.put_enrollment(kind, "t-1", spec, None).unwrap();
    first.hub().delete_device("gone", None).unwrap();
    let (twin, last) = (
        first.hub().twin("t-1").unwrap(),
        first.hub().store().last_event(),
    );
    first.cloud.stop().await;

    let second = TestCloud::start_at(&file(&dir)).await;
    let restored = second.hub().twin("t-1").unwrap();
    assert_eq!(restored.to_json(), twin.to_json());
    assert_eq!(restored.device.keys, twin.device.keys);
    assert_eq!(restored.device.etag, twin.device.etag);
    let gone = second.hub().device("gone").unwrap_err();
    assert!(matches!(gone, hub::Error::DeviceNotFound(_)));
    let enrollment = second.cloud.dps().enrollment(kind, "t-1").unwrap();
    assert_eq!(
        (enrollment.keys, enrollment.etag),
        (enrolled.keys, enrolled.etag)
    );
    assert_eq!(second.hub().store().last_event(), last);

    let (mut client, session_present) = second.connect_with(second.credentials("t-1")).await;
    assert!(session_present, "the subscriptions outlive the cloud");
    for body in ["one", "two"] {
        assert_eq!(client.receive_publish().await.payload, body);
    }
}

#[tokio::test]
async fn a_message_that_was_acknowledged_does_not_come_again() {
    let dir = TempDir::new().unwrap();
    let first = TestCloud::start_at(&file(&dir)).await;
    first.create("t-1");
    let mut client = first.connect("t-1").await;
    client.subscribe(&device_bound("t-1")).await;
    for body in ["one", "two"] {
        let sent = first.hub().send_message("t-1", body.into(), Vec::new());
        sent.unwrap();
    }
    let packet_id = client.receive_publish().await.packet_id.unwrap();
    client.receive_publish().await;
    client.send(Packet::PubAck { packet_id }).await;
    client.is_quiet().await;
    first.cloud.stop().await;

    let second = TestCloud::start_at(&file(&dir)).await;
    let mut client = second.connect("t-1").await;
    let again = client.receive_publish().await;
    assert_eq!((again.payload.as_ref(), again.dup), (&b"two"[..], true));
    client.is_quiet().await;
}

#[tokio::test]
async fn a_puback_waits_until_the_message_is_kept() {
    let dir = TempDir::new().unwrap();
    let cloud = TestCloud::start_at(&file(&dir)).await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let other = Connection::open(file(&dir)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let topic = "devices/t-1/messages/events/";
    let publish = Publish::at_least_once(topic.into(), 7, "1");
    client.send(Packet::Publish(publish)).await;
    client.hears_nothing().await;
    other.execute_batch("COMMIT").unwrap();
    let acknowledged = Packet::PubAck { packet_id: 7 };
    assert_eq!(client.receive().await, Some(acknowledged));
}

#[tokio::test]
async fn a_device_is_not_listened_to_while_much_of_it_is_not_kept() {
    let dir = TempDir::new().unwrap();
    let cloud = TestCloud::start_at(&file(&dir)).await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let other = Connection::open(file(&dir)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = cloud.hub().store().last_event();
    for _ in 0..200 {
        client.publish("devices/t-1/messages/events/", "1").await;
    }
    client.hears_nothing().await;
    let taken = cloud.hub().store().last_event() - before;
    assert_eq!(taken, 64);
    other.execute_batch("COMMIT").unwrap();
    client.is_quiet().await;
    assert_eq!(cloud.hub().store().last_event() - before, 200);
}

#[tokio::test]
async fn devices_together_are_not_listened_to_while_too_much_is_not_kept() {
    const DEVICES: u64 = 4;
    const EACH: u64 = 60;
    const BODY: usize = 250_000;
    let dir = TempDir::new().unwrap();
    let cloud = TestCloud::start_at(&file(&dir)).await;
    let mut clients = Vec::new();
    for number in 0..DEVICES {
        let id = format!("t-{number}");
        cloud.create(&id);
        clients.push((cloud.connect(&id).await, id));
    }
    let other = Connection::open(file(&dir)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let before = cloud.hub().store().last_event();
    let mut sending = JoinSet::new();
    for (mut client, id) in clients {
        sending.spawn(async move {
            let topic = format!("devices/{id}/messages/events/");
            for _ in 0..EACH {
                client.publish(&topic, vec![0; BODY]).await;
            }
            client.is_quiet().await;
            client
        });
    }
    let taken = || cloud.hub().store().last_event() - before;
    let mut earlier = 0;
    while earlier == 0 || earlier < taken() {
        earlier = taken();
        tokio::time::sleep(QUIET).await;
    }
    assert!(
        earlier <= (32 << 20) / BODY as u64 + 1 + DEVICES,
        "{earlier}"
    );
    other.execute_batch("COMMIT").unwrap();
    // None disconnects, which would be an event too.
    let _clients = sending.join_all().await;
    assert_eq!(taken(), DEVICES * EACH);
}
