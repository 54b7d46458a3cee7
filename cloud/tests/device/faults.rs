use std::io::ErrorKind;

use cloud::mqtt::{Packet, Publish};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::support::{METHODS, TWIN_RESULTS, TestCloud};

#[tokio::test]
async fn a_reset_ends_every_connection_and_new_ones_are_let_in() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.create("t-2");
    let mut silent = TcpStream::connect(cloud.cloud.mqtt_addr()).await.unwrap();
    // Connections are accepted in turn, so the silent one was when these talk.
    let mut clients = [cloud.connect("t-1").await, cloud.connect("t-2").await];
    cloud.hub().faults().reset_connections();
    for client in &mut clients {
        assert_eq!(client.receive().await, None);
    }
    let error = silent.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    cloud.connect("t-1").await.is_quiet().await;
}

#[tokio::test]
async fn during_an_outage_nobody_gets_in() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.hub().faults().refuse_connects(true);
    let tcp = TcpStream::connect(cloud.cloud.mqtt_addr()).await;
    if let Ok(tcp) = tcp {
        assert!(cloud.handshake(tcp).await.is_err());
    }
    cloud.hub().faults().refuse_connects(false);
    cloud.connect("t-1").await;
}

#[tokio::test]
async fn a_forgotten_session_is_not_present_and_has_no_subscriptions() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(METHODS).await;
    client.subscribe(TWIN_RESULTS).await;
    cloud.hub().forget_sessions();
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
async fn withheld_acknowledgments_do_not_come_and_the_messages_do_count() {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    let mut client = cloud.connect("t-1").await;
    client.subscribe(TWIN_RESULTS).await;
    cloud.hub().faults().withhold_acks(true);
    let publish = Publish::at_least_once("devices/t-1/messages/events/".into(), 3, "1");
    client.send(Packet::Publish(publish)).await;
    let report = "$iothub/twin/PATCH/properties/reported/?$rid=1";
    client.publish(report, r#"{"a": 1}"#).await;
    client.is_quiet().await;
    let (events, _) = cloud.hub().events_since(0);
    assert_eq!(events.len(), 3);
    cloud.hub().faults().withhold_acks(false);
    client.is_quiet().await;
    client.deliver("devices/t-1/messages/events/", "2").await;
}
