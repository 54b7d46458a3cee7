//! A hub whose name has two addresses, the first of which swallows packets.

use std::{
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use end_to_end::{Cloud, HostCommand, can_mount, guest};
use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Runtime,
};

/// An address of this machine whose queue of connections is full, so that the kernel answers no further SYN.
struct Dead {
    _runtime: Runtime,
    _listener: TcpListener,
    _held: Vec<TcpStream>,
}

impl Dead {
    fn at(address: SocketAddr) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v6().expect("a socket");
            socket.bind(address).expect("the address is free");
            socket.listen(1).expect("it listens")
        });
        let patience = Duration::from_millis(300);
        let held = std::iter::from_fn(|| TcpStream::connect_timeout(&address, patience).ok());
        Self {
            _held: held.collect(),
            _runtime: runtime,
            _listener: listener,
        }
    }
}

#[test]
fn the_second_address_of_a_hub_is_used_when_the_first_swallows_packets() {
    if !can_mount() {
        return;
    }
    let cloud = Cloud::start_with(&["--hub-name", "hub.localhost"]);
    let running = cloud.running();
    let mqtt: SocketAddr = running["mqtt"]
        .as_str()
        .expect("a text")
        .parse()
        .expect("an address");
    let _dead = Dead::at(SocketAddr::new(
        "::1".parse().expect("an address"),
        mqtt.port(),
    ));
    let mut events = cloud.events();
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "a-1")
        .with_hosts("127.0.0.1 localhost\n::1 hub.localhost\n127.0.0.1 hub.localhost\n")
        .start();
    host.stdout.wait_for("Listening");
    events.next("connected");
    assert_eq!(cloud.call(&["count"]).status, 200);
    let log = host.stderr.text();
    assert!(!log.contains("next_attempt_in_ms"), "{log}");
    assert_eq!(events.connections(), 1, "one connection for each connect");
    assert_eq!(host.stop(), Some(0));
}
