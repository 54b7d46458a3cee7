//! Faults of the network.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use cloud::{
    events::EventKind,
    faults::{CertificateFlaw, Fault, OneShotFault},
    mqtt::Packet,
};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use crate::support::{QUIET, TestCloud};

const HOLE: Fault = Fault::BlackHole {
    drop_connections: false,
};

async fn cloud_with_a_device() -> TestCloud {
    let cloud = TestCloud::start().await;
    cloud.create("t-1");
    cloud.create("t-2");
    cloud
}

#[tokio::test]
async fn a_reset_ends_every_connection_and_new_ones_are_let_in() {
    let cloud = cloud_with_a_device().await;
    let mut silent = TcpStream::connect(cloud.cloud.mqtt_addr()).await.unwrap();
    // Connections are accepted in turn, so the silent one was when these talk.
    let mut clients = [cloud.connect("t-1").await, cloud.connect("t-2").await];
    cloud.trigger(OneShotFault::Reset);
    for client in &mut clients {
        assert_eq!(client.receive().await, None);
    }
    let error = silent.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    cloud.connect("t-1").await.is_quiet().await;
}

#[tokio::test]
async fn a_reset_for_one_device_spares_the_others() {
    let cloud = cloud_with_a_device().await;
    let (mut one, mut other) = (cloud.connect("t-1").await, cloud.connect("t-2").await);
    cloud
        .hub()
        .trigger_fault(OneShotFault::Reset, Some("t-1"))
        .unwrap();
    assert_eq!(
        one.end().await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    other.is_quiet().await;
}

#[tokio::test]
async fn during_an_outage_nobody_gets_in_and_whoever_is_in_stays() {
    let cloud = cloud_with_a_device().await;
    let mut standing = cloud.connect("t-1").await;
    cloud.start_fault(Fault::Refuse);
    // Whoever comes before the door is closed is reset.
    loop {
        match TcpStream::connect(cloud.cloud.mqtt_addr()).await {
            Ok(tcp) => assert!(cloud.handshake(tcp).await.is_err()),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => break,
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
    }
    standing.is_quiet().await;
    cloud.clear_fault(&Fault::Refuse);
    while TcpStream::connect(cloud.cloud.mqtt_addr()).await.is_err() {
        tokio::task::yield_now().await;
    }
    cloud.connect("t-2").await.is_quiet().await;
}

#[tokio::test]
async fn a_handshake_that_stalls_is_never_answered() {
    let cloud = cloud_with_a_device().await;
    cloud.start_fault(Fault::TlsStall);
    let tcp = TcpStream::connect(cloud.cloud.mqtt_addr()).await.unwrap();
    let mut stalled = Box::pin(cloud.handshake(tcp));
    assert!(timeout(QUIET, &mut stalled).await.is_err());
    cloud.clear_fault(&Fault::TlsStall);
    cloud.connect("t-1").await;
    assert!(timeout(QUIET, &mut stalled).await.is_err());
    cloud.trigger(OneShotFault::Reset);
    let error = stalled.await.map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_wrong_certificate_is_one_no_client_accepts() {
    let cloud = cloud_with_a_device().await;
    for (flaw, complaint) in [
        (CertificateFlaw::NameMismatch, "not valid for name"),
        (CertificateFlaw::UnknownCa, "UnknownIssuer"),
        (CertificateFlaw::SelfSigned, "UnknownIssuer"),
    ] {
        cloud.start_fault(Fault::WrongCertificate { flaw });
        let tcp = TcpStream::connect(cloud.cloud.mqtt_addr()).await.unwrap();
        let error = cloud.handshake(tcp).await.map(drop).unwrap_err();
        assert!(error.to_string().contains(complaint), "{flaw:?}: {error}");
    }
    cloud.hub().clear_faults();
    cloud.connect("t-1").await;
}

#[tokio::test]
async fn out_of_a_black_hole_comes_what_was_held() {
    let cloud = cloud_with_a_device().await;
    let mut standing = cloud.connect("t-1").await;
    cloud.start_fault(HOLE);
    standing.send(Packet::PingReq).await;
    standing.hears_nothing().await;
    let tcp = TcpStream::connect(cloud.cloud.mqtt_addr()).await.unwrap();
    let mut new = Box::pin(cloud.handshake(tcp));
    assert!(timeout(QUIET, &mut new).await.is_err());
    cloud.clear_fault(&HOLE);
    assert_eq!(standing.receive().await, Some(Packet::PingResp));
    new.await.unwrap();
}

#[tokio::test]
async fn in_a_black_hole_nobody_hears_of_an_end() {
    let cloud = cloud_with_a_device().await;
    let (one, mut other) = (cloud.connect("t-1").await, cloud.connect("t-2").await);
    cloud.start_fault(HOLE);
    drop(one);
    cloud.trigger(OneShotFault::Close);
    other.hears_nothing().await;
    let mut events = cloud.hub().store().subscribe();
    cloud.clear_fault(&HOLE);
    other.end().await.unwrap();
    while !matches!(events.recv().await.unwrap().kind, EventKind::Fault { .. }) {}
}

#[tokio::test]
async fn a_connection_a_black_hole_has_swallowed_stays_dead_without_a_word() {
    let cloud = cloud_with_a_device().await;
    let mut standing = cloud.connect("t-1").await;
    let mut other = cloud.connect("t-2").await;
    let hole = Fault::BlackHole {
        drop_connections: true,
    };
    cloud.start_fault_for("t-1", hole.clone());
    other.is_quiet().await;
    standing.send(Packet::PingReq).await;
    standing.hears_nothing().await;
    cloud.hub().clear_fault(&hole, Some("t-1"));
    standing.send(Packet::PingReq).await;
    standing.hears_nothing().await;
    let mut new = cloud.connect("t-1").await;
    new.is_quiet().await;
    standing.hears_nothing().await;
}

#[tokio::test]
async fn on_a_slow_link_everything_takes_its_time() {
    let cloud = cloud_with_a_device().await;
    let mut client = cloud.connect("t-1").await;
    let latency = Duration::from_millis(100);
    cloud.start_fault(Fault::Slow {
        latency: Some(latency),
        bytes_per_second: None,
    });
    let start = Instant::now();
    client.is_quiet().await;
    assert!(start.elapsed() >= 2 * latency);

    cloud.start_fault(Fault::Slow {
        latency: None,
        bytes_per_second: Some(10_000),
    });
    let start = Instant::now();
    let body = vec![b'x'; 5_000];
    client.deliver("devices/t-1/messages/events/", body).await;
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_connection_cut_in_mid_packet_ends_without_goodbye() {
    let cloud = cloud_with_a_device().await;
    let mut cut = cloud.connect("t-1").await;
    let mut whole = cloud.connect("t-2").await;
    cloud
        .hub()
        .trigger_fault(OneShotFault::MidPacket, Some("t-1"))
        .unwrap();
    cut.send(Packet::PingReq).await;
    assert_eq!(
        cut.end().await.unwrap_err().kind(),
        ErrorKind::UnexpectedEof
    );
    whole.is_quiet().await;
}

#[tokio::test]
async fn the_cut_is_in_the_middle_of_what_is_sent() {
    let cloud = cloud_with_a_device().await;
    let mut tcp = TcpStream::connect(cloud.cloud.mqtt_addr()).await.unwrap();
    // Connections are accepted in turn, so the first one was when this talks.
    cloud.connect("t-1").await;
    cloud.trigger(OneShotFault::MidPacket);
    // To what is no TLS the answer is an alert: a record of seven bytes.
    tokio::io::AsyncWriteExt::write_all(&mut tcp, &[0; 64])
        .await
        .unwrap();
    let mut received = Vec::new();
    // Bytes that were not read may turn the end into a reset.
    let _ = tcp.read_to_end(&mut received).await;
    assert_eq!(received.len(), 3, "{received:?}");
}
