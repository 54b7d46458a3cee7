//! What anyone who reaches the ports can cost the cloud: neither its log nor its operators' connections.

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use tempfile::TempDir;

use crate::{
    device::Device,
    process::{Service, stdout},
};

/// Enough for the cloud, its operators and some devices.
const DESCRIPTORS: u32 = 96;
/// More connections than the cloud has descriptors, and fewer than the kernel holds unaccepted.
const CROWD: usize = 120;

struct Watched {
    service: Service,
    log: TempDir,
}

impl Watched {
    fn start(descriptors: u32) -> Self {
        let log = TempDir::new().unwrap();
        let file = File::create(log.path().join("log")).unwrap();
        Self {
            service: Service::start_limited(TempDir::new().unwrap(), descriptors, file),
            log,
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log.path().join("log")).unwrap()
    }

    fn console(&self) -> SocketAddr {
        let link = self.service.shown(&["console"]);
        link.split('/').nth(2).unwrap().parse().unwrap()
    }
}

/// Connections that never say a word.
fn silent(address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let connect = |_| TcpStream::connect(address).unwrap();
    (0..count).map(connect).collect()
}

fn console_status(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /console/ HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_stay_silent_take_nothing_from_operators_and_connected_devices() {
    let watched = Watched::start(DESCRIPTORS);
    let running = watched.service.running();
    let console = watched.console();
    let mut device = watched.service.device("t-1", &[]).await;
    let crowd = silent(running.mqtt, CROWD);
    for _ in 0..3 {
        let listed = watched.service.operate(&["devices"]);
        assert!(stdout(&listed).contains("t-1"), "{listed:?}");
        let status = console_status(console);
        assert!(status.starts_with("HTTP/1.1 "), "{status}");
    }
    device.tell("", b"{}").await;
    drop(crowd);
    // Those on the operators' listener leave the devices alone.
    let _crowd = silent(running.https, CROWD);
    device.tell("", b"{}").await;
    let certificate = watched.service.place().certificate();
    Device::refused(running.mqtt, &certificate, "x", "localhost/x/").await;
    let log = watched.log();
    assert!(!log.contains("cannot accept"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_gets_in_although_others_hold_all_places_and_stay_silent() {
    let watched = Watched::start(DESCRIPTORS);
    let running = watched.service.running();
    // As many as may be without CONNACK, and some that wait.
    let _crowd = silent(running.mqtt, 12);
    let mut device = watched.service.device("t-1", &[]).await;
    device.tell("", b"{}").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cloud_with_as_many_devices_as_it_has_descriptors_for_says_so_once() {
    let watched = Watched::start(DESCRIPTORS);
    let mut devices = Vec::new();
    for n in 0..13 {
        devices.push(watched.service.device(&format!("t-{n}"), &[]).await);
    }
    let running = watched.service.running();
    for _ in 0..3 {
        let mut stranger = TcpStream::connect(running.mqtt).unwrap();
        // Something that is no TLS, which is answered and ends the connection.
        stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        let _ = stranger.read_to_end(&mut Vec::new());
    }
    for device in &mut devices {
        device.tell("", b"{}").await;
    }
    let log = watched.log();
    let lines = log.lines().filter(|line| line.contains("ulimit -n"));
    assert_eq!(lines.count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_connections_write_a_bounded_log_and_are_counted() {
    let watched = Watched::start(1024);
    let running = watched.service.running();
    let certificate = watched.service.place().certificate();
    let long = "\u{1b}".repeat(15_000);
    let names = [
        (long.as_str(), "localhost/x/"),
        ("a", &format!("localhost/{long}/?")),
        ("a", &format!("{long}/registrations/a/api-version=1")),
    ];
    for _ in 0..20 {
        for (id, user) in names {
            Device::refused(running.mqtt, &certificate, id, user).await;
        }
    }
    let log = watched.log();
    let lines: Vec<_> = log.lines().collect();
    assert!(lines.len() < 40, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.len() < 1000), "{log}");
    assert!(log.contains("connection refused: "), "{log}");
    assert!(!log.contains('\u{1b}'));
}
