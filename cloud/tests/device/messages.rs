use bytes::Bytes;
use cloud::{
    events::{D2cMessage, EventKind},
    hub::{MAX_C2D_MESSAGE, MAX_C2D_QUEUE},
    mqtt::{Packet, Publish, Qos},
};

use crate::support::{TestCloud, device_bound};

async fn messages(cloud: &TestCloud) -> Vec<D2cMessage> {
    let events = cloud.events().await;
    let messages = events.iter().filter_map(|event| match &event.kind {
        EventKind::Telemetry(message) => Some(message.clone()),
        _ => None,
    });
    messages.collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = pairs
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    owned.collect()
}

#[tokio::test]
async fn telemetry_is_kept_with_its_properties_before_it_is_acknowledged() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let bag = "$.ct=application%2Fjson&$.ce=utf-8&%24.mid=m1&$.ctime=2026-01-01T00%3A00%3A00Z&$.sub=thermostat1&$.uid=u1&$.exp=2026-01-02T00%3A00%3A00Z&$.to=x&level=hot";
    let topic = format!("devices/t-1/messages/events/{bag}");
    client.deliver(&topic, r#"{"temperature": 21}"#).await;
    let expected = D2cMessage {
        message_id: Some("m1".into()),
        correlation_id: None,
        content_type: Some("application/json".into()),
        content_encoding: Some("utf-8".into()),
        creation_time: Some("2026-01-01T00:00:00Z".into()),
        component: Some("thermostat1".into()),
        user_id: Some("u1".into()),
        expiry_time: Some("2026-01-02T00:00:00Z".into()),
        to: Some("x".into()),
        properties: owned(&[("level", "hot")]),
        body: Bytes::from_static(br#"{"temperature": 21}"#),
    };
    assert_eq!(messages(&cloud).await, [expected]);
}

#[tokio::test]
async fn qos_0_counts_too_and_retain_is_noted_but_not_kept() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let retained = Publish {
        retain: true,
        ..Publish::at_most_once("devices/t-1/messages/events/".into(), "1")
    };
    client.send(Packet::Publish(retained)).await;
    client.is_quiet().await;
    let kept = messages(&cloud).await;
    assert_eq!(kept[0].properties, owned(&[("mqtt-retain", "true")]));
}

#[tokio::test]
async fn a_message_of_256_kib_is_taken() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let body = vec![b'x'; 256 * 1024];
    client.deliver("devices/t-1/messages/events/", body).await;
    assert_eq!(messages(&cloud).await[0].body.len(), 256 * 1024);
}

#[tokio::test]
async fn a_follower_sees_a_device_come_speak_and_go() {
    let cloud = TestCloud::start().await;
    let mut events = cloud.hub().store().subscribe();
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.deliver("devices/t-1/messages/events/", "1").await;
    client.send(Packet::Disconnect).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        let event = events.recv().await.unwrap();
        seen.push((event.sequence, event.device_id.clone(), event.kind.clone()));
    }
    assert!(matches!(&seen[0], (1, _, EventKind::Registry { .. })));
    assert!(
        matches!(&seen[1], (2, id, EventKind::Connected { model_id: Some(_), .. }) if id == "t-1")
    );
    assert!(matches!(&seen[2], (3, _, EventKind::Telemetry(_))));
    assert!(
        matches!(&seen[3], (4, _, EventKind::Disconnected { reason, .. }) if reason == "device disconnected")
    );
}

#[tokio::test]
async fn a_message_for_a_device_waits_for_it_and_goes_when_acknowledged() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let properties = owned(&[("$.ct", "text/plain"), ("color", "red & blue")]);
    let id = cloud
        .hub()
        .send_message("t-1", "hello".into(), properties)
        .unwrap();
    assert_eq!(
        cloud.hub().device("t-1").unwrap().cloud_to_device_messages,
        1
    );

    let mut client = cloud.connect("t-1").await;
    assert_eq!(client.subscribe(&device_bound("t-1")).await, 1);
    let first = client.receive_publish().await;
    assert_eq!((first.qos, first.dup), (Qos::AtLeastOnce, false));
    assert_eq!(
        first.topic,
        format!(
            "devices/t-1/messages/devicebound/%24.mid={id}&%24.ct=text%2Fplain&color=red%20%26%20blue&%24.to=%2Fdevices%2Ft-1%2Fmessages%2FdeviceBound"
        )
    );
    drop(client);

    let mut client = cloud.connect("t-1").await;
    let again = client.receive_publish().await;
    assert_eq!((again.topic, again.dup), (first.topic, true));
    let packet_id = again.packet_id.unwrap();
    client.send(Packet::PubAck { packet_id }).await;
    client.is_quiet().await;
    assert_eq!(
        cloud.hub().device("t-1").unwrap().cloud_to_device_messages,
        0
    );
    cloud.connect("t-1").await.is_quiet().await;
}

#[tokio::test]
async fn messages_reach_a_connected_device_in_order() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(&device_bound("t-1")).await;
    for n in 0..MAX_C2D_QUEUE {
        cloud
            .hub()
            .send_message("t-1", n.to_string().into(), Vec::new())
            .unwrap();
    }
    for n in 0..MAX_C2D_QUEUE {
        assert_eq!(client.receive_publish().await.payload, n.to_string());
    }
}

#[tokio::test]
async fn a_message_too_many_or_too_large_is_refused() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let send = |body: Vec<u8>| cloud.hub().send_message("t-1", body.into(), Vec::new());
    assert_eq!(
        send(vec![0; MAX_C2D_MESSAGE + 1]).unwrap_err().status(),
        413
    );
    for _ in 0..MAX_C2D_QUEUE {
        send(Vec::new()).unwrap();
    }
    assert_eq!(send(Vec::new()).unwrap_err().code(), 403_004);
}
