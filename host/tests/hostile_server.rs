//! What a server may send instead of MQTT: the connection ends with a line that says what came, or goes on as if nothing
//! had; the next one is made as usual.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use host::mqtt::{
    Connect, ConnectError, Delivery, Endpoint, Incoming, Link, LinkError, Transport,
    connection::Connection, connector::Connector, trust_roots::TrustRoots,
};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring::default_provider, pki_types::PrivateKeyDer,
};

/// Only ever reached by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);
const ACCEPTED: [u8; 4] = [0x20, 2, 0, 0];
/// As MQTT, a PUBACK of 84 bytes.
const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\
    Connection: close\r\n\r\n";

type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A server for any number of connections, and who trusts it.
struct Hostile {
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Hostile {
    fn new() -> Self {
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let certificate = key.cert.der().clone();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(default_provider());
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let private = PrivateKeyDer::Pkcs8(key.signing_key.serialize_der().into());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], private)
            .unwrap();
        Self {
            listener: TcpListener::bind("127.0.0.1:0").unwrap(),
            tls: Arc::new(tls),
            client: Arc::new(client),
        }
    }

    /// Takes the next connection up to its CONNECT, and does this to it.
    fn play<T: Send + 'static>(
        &self,
        script: impl FnOnce(&mut Stream) -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let (listener, tls) = (self.listener.try_clone().unwrap(), self.tls.clone());
        thread::spawn(move || {
            let (tcp, _) = listener.accept().unwrap();
            tcp.set_nodelay(true).unwrap();
            let mut stream = StreamOwned::new(ServerConnection::new(tls).unwrap(), tcp);
            assert_eq!(
                packet(&mut stream).unwrap()[0],
                0x10,
                "a CONNECT comes first"
            );
            script(&mut stream)
        })
    }

    /// Sends these bytes and waits until the host ends the connection.
    fn send(&self, bytes: Vec<u8>) -> JoinHandle<()> {
        self.play(move |stream| {
            stream.write_all(&bytes).unwrap();
            while packet(stream).is_some() {}
        })
    }

    async fn connect(&self) -> Result<Connection, ConnectError> {
        let port = self.listener.local_addr().unwrap().port();
        let request = Connect {
            endpoint: Endpoint::parse(&format!("localhost:{port}")).unwrap(),
            client_id: "d".to_owned(),
            username: "u".to_owned(),
            password: "p".to_owned().into(),
            keep_alive: Duration::from_secs(60),
        };
        let mut transport = Connector::new(TrustRoots::fixed(self.client.clone()));
        tokio::time::timeout(PATIENCE, transport.connect(&request))
            .await
            .expect("connecting takes forever")
    }

    /// What ends a connection after CONNACK and these bytes.
    async fn end_after(&self, bytes: &[u8]) -> LinkError {
        let server = self.send([&ACCEPTED, bytes].concat());
        let mut link = self.connect().await.unwrap();
        let error = end(&mut link).await;
        drop(link);
        server.join().unwrap();
        error
    }
}

/// The next packet of a client, header and all; none at its end. Everything here fits a length of two bytes.
fn packet(stream: &mut Stream) -> Option<Vec<u8>> {
    let mut packet = vec![0; 2];
    stream.read_exact(&mut packet).ok()?;
    let mut length = usize::from(packet[1]);
    if length >= 0x80 {
        let mut more = [0];
        stream.read_exact(&mut more).ok()?;
        length = length - 0x80 + (usize::from(more[0]) << 7);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    packet.extend(body);
    Some(packet)
}

/// A PUBLISH at QoS 0.
fn publish(topic: &str, payload: &[u8]) -> Vec<u8> {
    let mut body = u16::try_from(topic.len()).unwrap().to_be_bytes().to_vec();
    body.extend_from_slice(topic.as_bytes());
    body.extend_from_slice(payload);
    let length = body.len();
    let digit = |shift: usize, more: u8| (length >> shift & 0x7f) as u8 | more;
    let header = [
        0x30,
        digit(0, 0x80),
        digit(7, 0x80),
        digit(14, 0x80),
        digit(21, 0),
    ];
    [&header, &body[..]].concat()
}

async fn next(link: &mut Connection) -> Result<Incoming, LinkError> {
    tokio::time::timeout(PATIENCE, link.next())
        .await
        .expect("nothing comes and the link stands")
}

async fn end(link: &mut Connection) -> LinkError {
    loop {
        if let Err(error) = next(link).await {
            return error;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_packet_for_a_client_ends_the_connection_with_a_line_that_says_what_came() {
    let server = Hostile::new();
    for (bytes, words) in [
        (&[0xf0, 0][..], "invalid MQTT: Invalid packet type: 15"),
        (&[0x00, 0], "invalid MQTT: Invalid packet type: 0"),
        (
            &[0x30, 0xff, 0xff, 0xff, 0xff, 1],
            "invalid MQTT: Malformed remaining length",
        ),
        (
            &[0x30, 0xff, 0xff, 0xff, 0x7f],
            "a packet of 268435455 bytes, more than",
        ),
        (
            &[0x30, 3, 0, 9, b't'],
            "invalid MQTT: Promised boundary crossed",
        ),
        (&[0x30, 3, 0, 1, 0xff], "invalid MQTT: Topic is not UTF-8"),
        (&[0x32, 5, 0, 1, b't', 0, 0], "invalid MQTT: Packet id Zero"),
        (&[0x36, 5, 0, 1, b't', 0, 1], "invalid MQTT: Invalid QoS"),
        (&[0x40, 1, 0], "invalid MQTT"),
        (&[0x90, 2, 0, 1], "invalid MQTT"),
        (
            &[0x90, 3, 0, 1, 3],
            "invalid MQTT: Invalid subscribe reason code: 3",
        ),
        (
            &[0x90, 3, 0, 1, 1],
            "acknowledged a packet that was not sent (packet id 1)",
        ),
        (
            &[0x40, 2, 0, 1],
            "acknowledged a packet that was not sent (packet id 1)",
        ),
        (
            &[0x40, 2, 0xff, 0xff],
            "acknowledged a packet that was not sent (packet id 65535)",
        ),
        (
            &[0x50, 2, 0xff, 0xff],
            "acknowledged a packet that was not sent (packet id 65535)",
        ),
        (
            &[0x62, 2, 0xff, 0xff],
            "acknowledged a packet that was not sent (packet id 65535)",
        ),
        (
            &[0x70, 2, 0xff, 0xff],
            "acknowledged a packet that was not sent (packet id 65535)",
        ),
        (&ACCEPTED, "a second CONNACK"),
        (&[0xe0, 0], "only clients send"),
        (&[0x82, 6, 0, 1, 0, 1, b't', 0], "only clients send"),
    ] {
        let told = server.end_after(bytes).await.to_string();
        assert!(told.starts_with("the server "), "{told}");
        assert!(told.contains(words), "{bytes:x?}: {told}");
        assert!(!told.contains(char::is_control), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_instead_of_a_connack_is_a_connection_that_was_not_made() {
    let server = Hostile::new();
    for (bytes, words) in [
        (
            &[0x20, 2, 0, 6][..],
            "invalid MQTT: Invalid Connect return code: 6",
        ),
        (&[0x20, 0], "invalid MQTT"),
        (&[0x40, 2, 0, 1], "does not speak MQTT"),
        (HTTP, "does not speak MQTT"),
        (&[0xff; 64], "invalid MQTT"),
    ] {
        let hostile = server.send(bytes.to_vec());
        let Err(ConnectError::Handshake(told)) = server.connect().await else {
            panic!("{bytes:x?} is taken for a CONNACK");
        };
        hostile.join().unwrap();
        assert!(told.contains(words), "{bytes:x?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_that_ends_early_is_told_from_a_connection_that_ends() {
    let server = Hostile::new();
    for (bytes, expected) in [
        (&[][..], "the server closed the connection"),
        (
            &[0x30, 100, 0, 1, b't'],
            "the server closed the connection in the middle of a packet",
        ),
    ] {
        let hostile = server.play(move |stream| {
            stream.write_all(&[&ACCEPTED, bytes].concat()).unwrap();
            stream.conn.send_close_notify();
            stream.flush().unwrap();
        });
        let mut link = server.connect().await.unwrap();
        assert_eq!(end(&mut link).await.to_string(), expected);
        hostile.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suback_must_have_a_code_for_each_topic() {
    let server = Hostile::new();
    let topics = ["a".to_owned(), "b".to_owned()];
    for (codes, expected) in [
        (&[1_u8, 1][..], Ok(vec![])),
        (&[0x80, 1], Ok(vec!["a".to_owned()])),
        (
            &[1],
            Err("the server acknowledged 1 topics of 2 in a subscription (SUBACK)"),
        ),
        (
            &[1, 1, 1],
            Err("the server acknowledged 3 topics of 2 in a subscription (SUBACK)"),
        ),
    ] {
        let hostile = server.play(move |stream| {
            stream.write_all(&ACCEPTED).unwrap();
            let asked = packet(stream).unwrap();
            let length = 2 + u8::try_from(codes.len()).unwrap();
            let head = [0x90, length, asked[2], asked[3]];
            stream.write_all(&[&head, codes].concat()).unwrap();
            while packet(stream).is_some() {}
        });
        let mut link = server.connect().await.unwrap();
        link.subscribe(&topics).unwrap();
        let came = next(&mut link).await;
        let expected = expected
            .map(|refused| Incoming::Subscribed { refused })
            .map_err(|why| LinkError::Protocol(why.to_owned()));
        assert_eq!(came, expected);
        drop(link);
        hostile.join().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_message_is_taken_and_one_byte_more_is_not() {
    const LARGEST: usize = 300 * 1024;
    let server = Hostile::new();
    let hostile = server.send([&ACCEPTED, &publish("t", &vec![0; LARGEST - 3])[..]].concat());
    let mut link = server.connect().await.unwrap();
    let Incoming::Message { payload, .. } = next(&mut link).await.unwrap() else {
        panic!("a message was expected");
    };
    assert_eq!(payload.len(), LARGEST - 3);
    drop(link);
    hostile.join().unwrap();
    // Refused by its length, without its body.
    let head = &publish("t", &vec![0; LARGEST - 2])[..5];
    let told = server.end_after(head).await.to_string();
    assert!(told.contains("a packet of 307201 bytes"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_sends_without_end_is_not_read_without_end() {
    let server = Hostile::new();
    let hostile = server.play(|stream| {
        stream.write_all(&ACCEPTED).unwrap();
        // Long for a machine that reads, so that what is written then waits in the socket.
        let stuck = Some(Duration::from_millis(500));
        stream.sock.set_write_timeout(stuck).unwrap();
        // rustls reads when it cannot write.
        stream.sock.set_read_timeout(stuck).unwrap();
        let message = publish("t", &vec![0; 250_000]);
        let mut written = 0;
        loop {
            match stream.write_all(&message) {
                Ok(()) => written += message.len(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
                Err(error) => panic!("{error}"),
            }
        }
    });
    let link = server.connect().await.unwrap();
    let written = tokio::task::spawn_blocking(|| hostile.join().unwrap())
        .await
        .unwrap();
    // What waits to be taken, what is read at a time, and what sockets hold.
    assert!(written < 40 << 20, "{written} bytes were read and kept");
    drop(link);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_on_after_disconnect_is_left() {
    let server = Hostile::new();
    let hostile = server.play(|stream| {
        stream.write_all(&ACCEPTED).unwrap();
        assert_eq!(packet(stream).unwrap()[0], 0xe0, "a DISCONNECT");
        // Until the host has closed.
        while stream.write_all(&publish("t", &[0; 1000])).is_ok() {}
    });
    let link = server.connect().await.unwrap();
    tokio::time::timeout(PATIENCE, link.disconnect())
        .await
        .unwrap();
    tokio::task::spawn_blocking(|| hostile.join().unwrap())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_everything_a_server_that_behaves_is_used_as_ever() {
    let server = Hostile::new();
    server.end_after(&[0xff; 100]).await;
    let hostile = server.play(|stream| {
        stream.write_all(&ACCEPTED).unwrap();
        let sent = packet(stream).unwrap();
        assert_eq!(sent[0], 0x32);
        let id = &sent[sent.len() - 6..][..2];
        stream.write_all(&[&[0x40, 2], id].concat()).unwrap();
        while packet(stream).is_some() {}
    });
    let mut link = server.connect().await.unwrap();
    let body = Bytes::from_static(b"body");
    link.publish("t".to_owned(), body, Delivery::AtLeastOnce(7))
        .unwrap();
    assert_eq!(next(&mut link).await, Ok(Incoming::Acknowledged(7)));
    drop(link);
    hostile.join().unwrap();
}
