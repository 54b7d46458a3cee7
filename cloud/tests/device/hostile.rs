//! Devices that send anything: each is dropped with a reason, or answered, and no other device notices.

use std::time::Duration;

use cloud::{
    dps::{EnrollmentKind, EnrollmentSpec},
    events::EventKind,
    hub::{self, MethodCall},
    json::JsonText,
    mqtt::{Packet, Qos, Subscribe},
};
use serde_json::json;

use crate::{
    provisioning::{REGISTER, RESULTS, enroll, registering},
    support::{METHODS, TWIN_RESULTS, TestCloud},
};

/// The reasons for which connections have ended.
async fn ends(cloud: &TestCloud) -> Vec<String> {
    let events = cloud.events().await;
    let reason = |kind: &EventKind| match kind {
        EventKind::Disconnected { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    events
        .iter()
        .filter_map(|event| reason(&event.kind))
        .collect()
}

#[tokio::test]
async fn whatever_is_no_packet_ends_its_connection_with_a_reason_and_no_other() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.create("t-2");
    let mut neighbour = cloud.connect("t-2").await;
    for (bytes, words) in [
        (&[0xf0, 0][..], "unsupported packet type 15"),
        (
            &[0x30, 0xff, 0xff, 0xff, 0xff, 1],
            "its remaining length has more than four bytes",
        ),
        (
            &[0x30, 0xff, 0xff, 0xff, 0x7f],
            "packet too large: 268435455 bytes",
        ),
        (&[0x30, 3, 0, 9, b't'], "it is truncated"),
        (&[0x30, 3, 0, 1, 0xff], "not UTF-8"),
        (&[0x32, 5, 0, 1, b't', 0, 0], "its packet id is 0"),
        (&[0x20, 2, 0, 0], "unexpected packet type"),
        (&[0x90, 3, 0, 1, 1], "unexpected packet type"),
        (&[0x62, 2, 0, 1], "its flags are invalid"),
        (&[0x82, 2, 0, 1], "it is truncated"),
    ] {
        let mut client = cloud.connect("t-1").await;
        client.send_bytes(bytes).await;
        assert_eq!(client.receive().await, None);
        let told = ends(&cloud).await.pop().unwrap();
        assert!(told.contains(words), "{bytes:x?}: {told}");
    }
    neighbour.is_quiet().await;
}

#[tokio::test]
async fn a_long_topic_that_is_foreign_is_told_in_a_short_reason() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.publish(&"\u{1b}".repeat(65_535), "").await;
    assert_eq!(client.receive().await, None);
    let told = ends(&cloud).await.pop().unwrap();
    assert!(
        told.starts_with("protocol violation: publish to a topic that is not its own: \\u{1b}"),
        "{told}"
    );
    assert!(told.len() < 2000, "{} bytes", told.len());
}

#[tokio::test]
async fn ten_thousand_filters_in_one_subscribe_are_refused_one_by_one() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    let filters: Vec<_> = (0..10_000)
        .map(|n| (format!("{METHODS}{n}"), Qos::AtLeastOnce))
        .collect();
    let subscribe = Packet::Subscribe(Subscribe {
        packet_id: 1,
        filters,
    });
    let refused = Packet::SubAck {
        packet_id: 1,
        codes: vec![0x80; 10_000],
    };
    assert_eq!(client.exchange(subscribe).await, refused);
    assert_eq!(client.subscribe(TWIN_RESULTS).await, 1);
}

#[tokio::test]
async fn reported_properties_that_cannot_be_are_answered_with_400() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    let deep = |levels: usize| "{\"a\":".repeat(levels) + "1" + &"}".repeat(levels);
    let nothing = json!({"a": vec![json!(null); 40_000]}).to_string();
    for body in [
        deep(11),
        deep(100_000 / 6),
        nothing,
        "[]".into(),
        "\"".into(),
        String::new(),
    ] {
        client
            .publish("$iothub/twin/PATCH/properties/reported/?$rid=1", body)
            .await;
        let (topic, error) = client.receive_json().await;
        assert_eq!(topic, "$iothub/twin/res/400/?$rid=1");
        assert_eq!(error["errorCode"], 400_004);
    }
    let twin = cloud.hub().twin("t-1").unwrap().to_json();
    assert_eq!(twin["properties"]["reported"]["$version"], json!(1));
}

#[tokio::test]
async fn a_device_that_answers_none_of_a_thousand_calls_is_called_again() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(METHODS).await;
    let call = |millis| MethodCall {
        name: "m".into(),
        payload: Some(JsonText::of(&"x".repeat(1000))),
        response_timeout: Duration::from_millis(millis),
        connect_timeout: Duration::ZERO,
    };
    let calls = (0..1000).map(|_| cloud.hub().call_method("t-1", call(1)));
    for ended in futures::future::join_all(calls).await {
        assert_eq!(ended, Err(hub::Error::GatewayTimeout));
    }
    for _ in 0..1000 {
        client.receive_publish().await;
    }
    let answers = async {
        let publish = client.receive_publish().await;
        let rid = publish.topic.split_once("$rid=").unwrap().1.to_owned();
        client
            .publish(&format!("$iothub/methods/res/200/?$rid={rid}"), "")
            .await;
    };
    let (reply, ()) = tokio::join!(cloud.hub().call_method("t-1", call(60_000)), answers);
    assert_eq!(reply.unwrap().status, 200);
}

#[tokio::test]
async fn what_a_device_nests_too_deep_does_not_make_what_is_kept_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cloud.db");
    let cloud = TestCloud::start_at(&file).await;
    let deep = "[".repeat(126) + &"]".repeat(126);

    let individual = EnrollmentKind::Individual;
    let key = enroll(&cloud, individual, "t-1", EnrollmentSpec::default());
    let mut client = cloud.connect_with(registering("t-1", &key)).await.0;
    client.subscribe(RESULTS).await;
    let body = format!("{{\"registrationId\": \"t-1\", \"payload\": {deep}}}");
    client.deliver(REGISTER, body).await;
    let topic = client.receive_publish().await.topic;
    assert_eq!(topic, "$dps/registrations/res/400/?$rid=r1");

    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    let body = format!("{{\"$metadata\": {deep}}}");
    client
        .publish("$iothub/twin/PATCH/properties/reported/?$rid=1", body)
        .await;
    let topic = client.receive_publish().await.topic;
    assert_eq!(topic, "$iothub/twin/res/400/?$rid=1");

    client.subscribe(METHODS).await;
    let call = MethodCall {
        name: "m".into(),
        payload: None,
        response_timeout: Duration::from_secs(60),
        connect_timeout: Duration::ZERO,
    };
    let answers = async {
        let publish = client.receive_publish().await;
        let rid = publish.topic.split_once("$rid=").unwrap().1.to_owned();
        let topic = format!("$iothub/methods/res/200/?$rid={rid}");
        client.publish(&topic, deep.clone()).await;
    };
    let (reply, ()) = tokio::join!(cloud.hub().call_method("t-1", call), answers);
    assert!(matches!(reply, Err(hub::Error::InvalidResponse { .. })));

    let events = cloud.events().await.len();
    cloud.cloud.stop().await;
    let again = TestCloud::start_at(&file).await;
    assert!(again.events().await.len() >= events);
}
