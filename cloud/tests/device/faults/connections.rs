//! Faults of MQTT connections: CONNACK, and the end of a connection.

use cloud::{
    faults::{Fault, OneShotFault},
    mqtt::{ConnectReturn, Packet},
};

use crate::support::{METHODS, TWIN_RESULTS, TestCloud};

#[tokio::test]
async fn a_connect_into_silence_is_never_answered() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.create("t-2");
    cloud.start_fault_for("t-1", Fault::Silent);
    let mut client = cloud.dial().await;
    client.send(Packet::Connect(cloud.credentials("t-1"))).await;
    client.send(Packet::PingReq).await;
    client.hears_nothing().await;
    cloud.connect("t-2").await.is_quiet().await;
    assert!(!cloud.hub().device("t-1").unwrap().connected);
}

#[tokio::test]
async fn each_return_code_can_be_had() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    for code in 1..=5 {
        cloud.start_fault(Fault::Connack {
            code: Some(code),
            dps: false,
        });
        let refusal = cloud.refusal(cloud.credentials("t-1")).await;
        assert_eq!(u8::from(refusal), code);
    }
    cloud.start_fault(Fault::Connack {
        code: None,
        dps: false,
    });
    let refusal = cloud.refusal(cloud.credentials("t-1")).await;
    assert_eq!(refusal, ConnectReturn::NotAuthorized);
    cloud.hub().clear_faults();
    cloud.connect("t-1").await;
}

#[tokio::test]
async fn a_connection_can_be_closed_for_each_of_azures_reasons() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.create("t-2");
    let mut other = cloud.connect("t-2").await;
    for (fault, reason) in [
        (OneShotFault::Close, "connection closed by the hub"),
        (OneShotFault::ExpireToken, "SAS token expired"),
        (
            OneShotFault::TakeOver,
            "session taken over by another connection of the device",
        ),
    ] {
        let mut client = cloud.connect("t-1").await;
        cloud.hub().trigger_fault(fault, Some("t-1")).unwrap();
        client.end().await.unwrap();
        assert_eq!(cloud.last_end().await, reason);
    }
    other.is_quiet().await;
}

#[tokio::test]
async fn a_forgotten_session_is_not_present_and_has_no_subscriptions() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(METHODS).await;
    client.subscribe(TWIN_RESULTS).await;
    cloud.trigger(OneShotFault::ForgetSessions);
    client.publish("$iothub/twin/GET/?$rid=1", "").await;
    client.receive_publish().await;
    let (mut client, present) = cloud.connect_with(cloud.credentials("t-1")).await;
    assert!(!present);
    client.publish("$iothub/twin/GET/?$rid=2", "").await;
    client.is_quiet().await;
    let (_client, present) = cloud.connect_with(cloud.credentials("t-1")).await;
    assert!(present);
}

#[tokio::test]
async fn a_refused_subscription_is_answered_with_0x80() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.start_fault(Fault::RefuseSubscription {
        filter: Some("methods".into()),
    });
    let mut client = cloud.connect("t-1").await;
    assert_eq!(client.subscribe(METHODS).await, 0x80);
    assert_eq!(client.subscribe(TWIN_RESULTS).await, 1);
    cloud.start_fault(Fault::RefuseSubscription { filter: None });
    assert_eq!(client.subscribe(TWIN_RESULTS).await, 0x80);
    cloud.hub().clear_faults();
    assert_eq!(client.subscribe(METHODS).await, 1);
}
