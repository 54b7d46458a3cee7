//! A device as simple as one can be.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bytes::BytesMut;
use cloud::{
    dir::Running,
    mqtt::{Connect, ConnectReturn, Packet, Password, Publish, Qos, Subscribe, decode, encode},
    sas,
};
use jiff::Timestamp;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Only ever reached by a test that fails.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Device {
    id: String,
    stream: TlsStream<TcpStream>,
    input: BytesMut,
}

impl Device {
    pub(crate) async fn connect(
        address: SocketAddr,
        certificate: &Path,
        id: &str,
        key: &str,
    ) -> Self {
        let user = format!(
            "localhost/{id}/?api-version=2021-04-12&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1"
        );
        let resource = format!("localhost/devices/{id}");
        Self::open(address, certificate, credentials(id, key, user, &resource)).await
    }

    /// Provisions with this key, and connects.
    pub(crate) async fn provision(
        running: &Running,
        certificate: &Path,
        id: &str,
        key: &str,
    ) -> Self {
        let resource = format!("{}/registrations/{id}", running.id_scope);
        let user = format!("{resource}/api-version=2019-03-31");
        let connect = credentials(id, key, user, &resource);
        let mut device = Self::open(running.mqtt, certificate, connect).await;
        device.subscribe("$dps/registrations/res/#").await;
        let register = "$dps/registrations/PUT/iotdps-register/?$rid=1";
        let body = serde_json::json!({"registrationId": id});
        device.publish(register, &body.to_string()).await;
        let operation = device.json().await["operationId"].clone();
        let operation = operation.as_str().unwrap();
        let ask = "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=2&operationId=";
        device.publish(&format!("{ask}{operation}"), "").await;
        let answer = device.json().await;
        assert_eq!(answer["registrationState"]["assignedHub"], running.hub_name);
        Self::connect(running.mqtt, certificate, id, key).await
    }

    /// Sends a CONNECT with these names, which is not accepted.
    pub(crate) async fn refused(
        address: SocketAddr,
        certificate: &Path,
        id: &str,
        user: &str,
    ) -> ConnectReturn {
        let key = sas::random_key();
        let connect = credentials(id, &key, user.to_owned(), "localhost");
        match Self::answered(address, certificate, connect).await {
            (_, Packet::ConnAck { code, .. }) if code != ConnectReturn::Accepted => code,
            (_, other) => panic!("not refused: {other:?}"),
        }
    }

    async fn open(address: SocketAddr, certificate: &Path, connect: Connect) -> Self {
        match Self::answered(address, certificate, connect).await {
            (
                device,
                Packet::ConnAck {
                    code: ConnectReturn::Accepted,
                    ..
                },
            ) => device,
            (_, other) => panic!("not let in: {other:?}"),
        }
    }

    async fn answered(address: SocketAddr, certificate: &Path, connect: Connect) -> (Self, Packet) {
        let tcp = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(trusting(certificate)).connect(name, tcp);
        let mut device = Self {
            id: connect.client_id.clone(),
            stream: stream.await.unwrap(),
            input: BytesMut::new(),
        };
        device.send(Packet::Connect(connect)).await;
        let answer = device.receive().await;
        (device, answer)
    }

    async fn json(&mut self) -> Value {
        serde_json::from_slice(&self.message().await.1).unwrap()
    }

    pub(crate) async fn subscribe(&mut self, filter: &str) {
        let filters = vec![(filter.into(), Qos::AtLeastOnce)];
        let packet_id = 1;
        self.send(Packet::Subscribe(Subscribe { packet_id, filters }))
            .await;
        assert!(matches!(self.receive().await, Packet::SubAck { .. }));
    }

    /// Sends a message, and waits until the cloud has it.
    pub(crate) async fn tell(&mut self, properties: &str, body: &[u8]) {
        let topic = format!("devices/{}/messages/events/{properties}", self.id);
        let publish = Publish::at_least_once(topic, 7, body.to_vec());
        self.send(Packet::Publish(publish)).await;
        assert_eq!(self.receive().await, Packet::PubAck { packet_id: 7 });
    }

    pub(crate) async fn publish(&mut self, topic: &str, body: &str) {
        let publish = Publish::at_most_once(topic.into(), body.as_bytes().to_vec());
        self.send(Packet::Publish(publish)).await;
    }

    /// Sends bytes that may be no packet.
    pub(crate) async fn scribble(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Topic and body of the next message.
    pub(crate) async fn message(&mut self) -> (String, Vec<u8>) {
        match self.receive().await {
            Packet::Publish(publish) => (publish.topic, publish.payload.to_vec()),
            other => panic!("not a message: {other:?}"),
        }
    }

    /// Takes the next call of a method, checks its payload and answers.
    pub(crate) async fn answer_call(&mut self, payload: &str, status: i64, answer: &Value) {
        self.answer_call_with(payload, status, &answer.to_string())
            .await;
    }

    /// Takes a call with this payload, and answers it with these bytes.
    pub(crate) async fn answer_call_with(&mut self, payload: &str, status: i64, answer: &str) {
        let (topic, body) = self.message().await;
        assert_eq!(String::from_utf8(body).unwrap(), payload);
        let (_, rid) = topic.split_once("?$rid=").unwrap();
        let topic = format!("$iothub/methods/res/{status}/?$rid={rid}");
        self.publish(&topic, answer).await;
    }

    /// Takes the next desired property and reports this of it.
    pub(crate) async fn acknowledge(&mut self, name: &str, status: u32) {
        let (_, body) = self.message().await;
        let desired: Value = serde_json::from_slice(&body).unwrap();
        let report = serde_json::json!({name: {
            "value": desired[name], "ac": status, "av": desired["$version"], "ad": "seen",
        }});
        let topic = "$iothub/twin/PATCH/properties/reported/?$rid=1";
        self.publish(topic, &report.to_string()).await;
    }

    async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        encode(&packet, &mut bytes).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    async fn receive(&mut self) -> Packet {
        let next = tokio::time::timeout(PATIENCE, self.next()).await;
        next.expect("the cloud says nothing")
    }

    async fn next(&mut self) -> Packet {
        loop {
            if let Some(packet) = decode(&mut self.input, 1 << 20).unwrap() {
                return packet;
            }
            let read = self.stream.read_buf(&mut self.input).await.unwrap();
            assert!(read > 0, "the cloud ended the connection");
        }
    }
}

fn credentials(id: &str, key: &str, user: String, resource: &str) -> Connect {
    let expiry = Timestamp::now() + Duration::from_secs(3600);
    let token = sas::sign(resource, key, expiry, None).unwrap();
    Connect {
        client_id: id.into(),
        clean_session: false,
        keep_alive: 60,
        will: None,
        username: Some(user),
        password: Some(Password(token.into())),
    }
}

fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(certificate).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
