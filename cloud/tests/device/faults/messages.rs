//! Faults of messages and methods.

use std::time::Duration;

use cloud::{
    faults::{Fault, OneShotFault},
    hub::MethodCall,
    mqtt::{Packet, Publish, Qos, Subscribe},
};

use crate::support::{Client, METHODS, TestCloud, device_bound};

fn call() -> MethodCall {
    MethodCall {
        name: "m".into(),
        payload: None,
        response_timeout: Duration::from_secs(30),
        connect_timeout: Duration::from_secs(30),
    }
}

/// Subscribes to methods, and answers the call that comes before the SUBACK.
async fn answers_before_the_suback(client: &mut Client) {
    let subscribe = Subscribe {
        packet_id: 9,
        filters: vec![(METHODS.into(), Qos::AtLeastOnce)],
    };
    client.send(Packet::Subscribe(subscribe)).await;
    let called = client.receive_publish().await;
    assert!(matches!(
        client.receive().await,
        Some(Packet::SubAck { .. })
    ));
    let (_, rid) = called.topic.split_once("$rid=").unwrap();
    let topic = format!("$iothub/methods/res/200/?$rid={rid}");
    client.publish(&topic, "{}").await;
}

#[tokio::test]
async fn a_duplicated_message_comes_twice_and_is_done_with_one_acknowledgment() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(&device_bound("t-1")).await;
    cloud.start_fault(Fault::DuplicateC2d);
    let body = "hello".into();
    cloud.hub().send_message("t-1", body, Vec::new()).unwrap();
    let first = client.receive_publish().await;
    let second = client.receive_publish().await;
    assert_ne!(first.packet_id, second.packet_id);
    let again = Publish {
        dup: false,
        packet_id: first.packet_id,
        ..second
    };
    assert_eq!(again, first);
    let packet_id = first.packet_id.unwrap();
    client.send(Packet::PubAck { packet_id }).await;
    client.is_quiet().await;
    assert_eq!(
        cloud.hub().device("t-1").unwrap().cloud_to_device_messages,
        0
    );
}

#[tokio::test]
async fn a_call_that_waited_for_the_device_comes_before_its_suback() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(METHODS).await;
    cloud.start_fault(Fault::EarlyMethod);
    for lost in [false, true] {
        if lost {
            cloud.trigger(OneShotFault::ForgetSessions);
        }
        cloud.trigger(OneShotFault::Close);
        client.end().await.unwrap();
        let hub = cloud.hub().clone();
        let waiting = tokio::spawn(async move { hub.call_method("t-1", call()).await });
        client = cloud.connect("t-1").await;
        answers_before_the_suback(&mut client).await;
        assert_eq!(waiting.await.unwrap().unwrap().status, 200);
    }
}
