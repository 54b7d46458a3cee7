//! Faults of PUBACKs.

use std::time::{Duration, Instant};

use cloud::{
    events::EventKind,
    faults::Fault,
    mqtt::{Packet, Publish},
};

use crate::support::{Client, TWIN_RESULTS, TestCloud};

const EVENTS: &str = "devices/t-1/messages/events/";

async fn connected(cloud: &TestCloud) -> Client {
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    client
}

async fn send(client: &mut Client, packet_id: u16) {
    let publish = Publish::at_least_once(EVENTS.into(), packet_id, "1");
    client.send(Packet::Publish(publish)).await;
}

fn puback(packet_id: u16) -> Option<Packet> {
    Some(Packet::PubAck { packet_id })
}

#[tokio::test]
async fn withheld_acknowledgments_do_not_come_and_the_messages_do_count() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.start_fault(Fault::WithholdAcks);
    send(&mut client, 3).await;
    let report = "$iothub/twin/PATCH/properties/reported/?$rid=1";
    client.publish(report, r#"{"a": 1}"#).await;
    client.is_quiet().await;
    let events = cloud.events().await;
    let arrived = events.iter().filter(|event| {
        matches!(
            event.kind,
            EventKind::Telemetry(_) | EventKind::Reported { .. }
        )
    });
    assert_eq!(arrived.count(), 2);
    cloud.clear_fault(&Fault::WithholdAcks);
    client.is_quiet().await;
    client.deliver(EVENTS, "2").await;
}

#[tokio::test]
async fn delayed_acknowledgments_come_late_and_in_order_and_nothing_waits_for_them() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    let late = Duration::from_secs(2);
    cloud.start_fault(Fault::DelayAcks { delay: Some(late) });
    let start = Instant::now();
    send(&mut client, 1).await;
    send(&mut client, 2).await;
    client.is_quiet().await;
    assert_eq!(client.receive().await, puback(1));
    assert!(start.elapsed() >= late);
    assert_eq!(client.receive().await, puback(2));
}

#[tokio::test]
async fn of_two_reordered_acknowledgments_the_second_comes_first() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.start_fault(Fault::ReorderAcks);
    for packet_id in 1..=4 {
        send(&mut client, packet_id).await;
    }
    for packet_id in [2, 1, 4, 3] {
        assert_eq!(client.receive().await, puback(packet_id));
    }
}

#[tokio::test]
async fn duplicated_acknowledgments_come_twice() {
    let cloud = TestCloud::start().await;
    let mut client = connected(&cloud).await;
    cloud.start_fault(Fault::DuplicateAcks);
    send(&mut client, 1).await;
    assert_eq!(client.receive().await, puback(1));
    assert_eq!(client.receive().await, puback(1));
    client.is_quiet().await;
}
