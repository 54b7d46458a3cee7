//! What a host says of a network that is not as it should be: who did not answer as expected, why, and when it tries
//! again; and what it does not accept.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

use end_to_end::{Cloud, HostCommand, Process, thermostat};

use super::dps;

/// A server at this address, which does this to each connection.
fn server(address: &str, each: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind(address).expect("loopback addresses are this machine's");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || listener.incoming().flatten().for_each(each));
    address
}

/// Hands everything on in both directions, until one side ends.
fn relay(from: TcpStream, to: &str) {
    let Ok(to) = TcpStream::connect(to) else {
        return;
    };
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            // A side that has gone away ends the other.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    };
    let clone = |stream: &TcpStream| stream.try_clone().expect("a handle more");
    copy(clone(&from), clone(&to));
    copy(to, from);
}

fn host(cloud: &Cloud, endpoint: &str) -> Process {
    HostCommand::bare()
        .arg("--component")
        .arg(thermostat())
        .enrolled(cloud, "n-1")
        .env("IOTHUB_DEVICE_DPS_ENDPOINT", endpoint)
        .start()
}

/// It says this of what it tried to reach, twice, each time with the time of the next try, and goes on.
fn keeps_trying(mut host: Process, words: &[&str]) {
    for _ in 0..2 {
        let line = host.stderr.wait_for("next_attempt_in_ms=");
        for word in words {
            assert!(line.contains(word), "no {word:?} in: {line}");
        }
    }
    assert_eq!(host.stop(), Some(0));
    for line in host.stderr.lines() {
        assert!(line.contains("next_attempt_in_ms="), "{line}");
    }
    assert_eq!(host.stdout.text(), "Quitting…");
}

#[test]
fn a_certificate_for_another_name_is_told_and_tried_again() {
    let cloud = Cloud::start();
    let running = cloud.running();
    let mqtt = running.get("mqtt").and_then(|mqtt| mqtt.as_str());
    let mqtt = mqtt.expect("an address").to_owned();
    // The certificate is for localhost and 127.0.0.1; by 127.0.0.9 the same server is reached.
    let elsewhere = server("127.0.0.9:0", move |stream| relay(stream, &mqtt));
    let mut host = host(&cloud, &elsewhere.to_string());
    let line = host.stderr.wait_for("next_attempt_in_ms=");
    for word in [
        "not connected",
        "certificate",
        "not valid for 127.0.0.9",
        "issued for",
    ] {
        assert!(line.contains(word), "no {word:?} in: {line}");
    }
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_first_start_that_waits_for_an_answer_says_so() {
    let cloud = Cloud::start();
    // It accepts connections and never answers.
    let address = server("127.0.0.1:0", |stream| {
        thread::spawn(move || {
            let _ = io::copy(&mut &stream, &mut io::sink());
        });
    });
    let mut host = host(&cloud, &address.to_string());
    let line = host.stderr.wait_for("waiting for DPS");
    for word in ["2 s", &address.to_string()] {
        assert!(line.contains(word), "no {word:?} in: {line}");
    }
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_server_that_closes_at_once_is_tried_again() {
    let cloud = Cloud::start();
    let address = server("127.0.0.1:0", drop).to_string();
    keeps_trying(host(&cloud, &address), &[&address, "closed"]);
}

#[test]
fn a_server_that_speaks_no_tls_is_tried_again() {
    let cloud = Cloud::start();
    let answer = |mut stream: TcpStream| {
        let mut hello = [0; 512];
        // Whatever becomes of this connection, the host must cope.
        let _ = stream.read(&mut hello);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n\x1b[2J");
    };
    let address = server("127.0.0.1:0", answer).to_string();
    keeps_trying(host(&cloud, &address), &[&address, "TLS"]);
}

#[test]
fn a_name_nobody_knows_is_tried_again() {
    let cloud = Cloud::start();
    keeps_trying(host(&cloud, "dps.invalid"), &["dps.invalid:8883"]);
}

#[test]
fn a_network_that_comes_back_is_used() {
    let cloud = Cloud::start();
    let running = cloud.running();
    let mqtt = running.get("mqtt").and_then(|mqtt| mqtt.as_str());
    let mqtt = mqtt.expect("an address").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let (open, opened) = std::sync::mpsc::channel();
    thread::spawn(move || {
        // Until it is told to open, each connection is closed.
        let mut is_open = false;
        for stream in listener.incoming().flatten() {
            is_open = is_open || opened.try_recv().is_ok();
            if is_open {
                relay(stream, &mqtt);
            }
        }
    });
    let mut host = host(&cloud, &format!("localhost:{}", address.port()));
    host.stderr.wait_for("next_attempt_in_ms=");
    open.send(()).expect("the server runs");
    host.stdout.wait_for("Sent message");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_server_that_is_not_there_is_tried_again() {
    let nothing = "connection refused; check name, port and network";
    keeps_trying(dps(&thermostat()).start(), &["127.0.0.1:1", nothing]);
    keeps_trying(
        super::host(&thermostat()).start(),
        &["127.0.0.1:1", nothing],
    );
}
