//! A cloud of its own for each test, and a plain MQTT client to talk to it.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use cloud::{
    ca::{Authority, CERTIFICATE_FILE},
    events::{Event, EventKind},
    faults::{Fault, OneShotFault},
    hub::{DeviceSpec, Hub},
    mqtt::{Connect, ConnectReturn, Packet, Password, Publish, Qos, Subscribe, decode, encode},
    policies::Policies,
    sas,
    server::{Cloud, Config},
    store::{EventFilter, Retention, StoreLocation},
    tls::{Certificates, TlsVersions},
};
use jiff::Timestamp;
use rustls::{
    ClientConfig, ProtocolVersion, RootCertStore,
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

/// So long nothing comes where nothing is to come.
pub(crate) const QUIET: Duration = Duration::from_millis(250);

pub(crate) const TWIN_RESULTS: &str = "$iothub/twin/res/#";
pub(crate) const METHODS: &str = "$iothub/methods/POST/#";
pub(crate) const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/#";
pub(crate) const SCOPE: &str = "0ne00000A1B";

pub(crate) struct TestCloud {
    pub(crate) cloud: Cloud,
    pub(crate) policies: Policies,
    client: Arc<ClientConfig>,
}

impl TestCloud {
    pub(crate) async fn start() -> Self {
        Self::start_with(TlsVersions::Both).await
    }

    pub(crate) async fn start_with(versions: TlsVersions) -> Self {
        Self::start_as(versions, StoreLocation::Memory).await
    }

    /// What is kept in this file is there again.
    pub(crate) async fn start_at(file: &Path) -> Self {
        Self::start_as(TlsVersions::Both, StoreLocation::File(file.to_owned())).await
    }

    async fn start_as(versions: TlsVersions, place: StoreLocation) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::open(dir.path()).unwrap();
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let root = CertificateDer::from_pem_file(dir.path().join(CERTIFICATE_FILE)).unwrap();
        let local = "127.0.0.1:0".parse().unwrap();
        let policies = Policies::generate();
        let cloud = Cloud::start(Config {
            mqtt: local,
            https: local,
            console: Some(0),
            host_control: None,
            tls: Certificates::issue(&authority, &names, versions).unwrap(),
            certificate: dir.path().join(CERTIFICATE_FILE),
            host_names: names.into(),
            id_scope: SCOPE.into(),
            retry_after: 0,
            policies: policies.clone(),
            store: place,
            retention: Retention {
                age: Duration::from_secs(3600),
                bytes: 1 << 30,
            },
            models: cloud::models::builtin_models().unwrap(),
        });
        Self {
            cloud: cloud.await.unwrap(),
            policies,
            client: trusting(root),
        }
    }

    pub(crate) fn hub(&self) -> &Hub {
        self.cloud.hub()
    }

    /// How devices are to name the hub.
    pub(crate) fn host(&self) -> String {
        format!("localhost:{}", self.cloud.mqtt_addr().port())
    }

    pub(crate) fn create(&self, id: &str) {
        self.hub().create_device(DeviceSpec::new(id)).unwrap();
    }

    pub(crate) async fn dial(&self) -> Client {
        let tcp = TcpStream::connect(self.cloud.mqtt_addr()).await.unwrap();
        self.handshake(tcp).await.unwrap()
    }

    pub(crate) fn start_fault(&self, fault: Fault) {
        self.hub().start_fault(fault, None, None).unwrap();
    }

    pub(crate) fn start_fault_for(&self, id: &str, fault: Fault) {
        self.hub().start_fault(fault, Some(id), None).unwrap();
    }

    pub(crate) fn clear_fault(&self, fault: &Fault) {
        self.hub().clear_fault(fault, None);
    }

    pub(crate) fn trigger(&self, fault: OneShotFault) {
        self.hub().trigger_fault(fault, None).unwrap();
    }

    /// Every event so far.
    pub(crate) async fn events(&self) -> Vec<Event> {
        let store = self.hub().store();
        store.flush().await.unwrap();
        let page = store.events(&EventFilter::default(), 0).unwrap();
        assert!(
            page.is_last,
            "a test that makes so many events reads them itself"
        );
        page.events
    }

    /// The reason the hub noted for the end of the last connection that ended.
    pub(crate) async fn last_end(&self) -> String {
        let events = self.events().await;
        let ends = events.iter().rev().find_map(|event| match &event.kind {
            EventKind::Disconnected { reason, .. } => Some(reason.clone()),
            _ => None,
        });
        ends.expect("no connection has ended")
    }

    pub(crate) async fn handshake(&self, tcp: TcpStream) -> std::io::Result<Client> {
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let name = ServerName::try_from("localhost").unwrap();
        Ok(Client {
            stream: connector.connect(name, tcp).await?,
            input: BytesMut::new(),
        })
    }

    /// The CONNECT of a registered device, as Microsoft's SDKs send it.
    pub(crate) fn credentials(&self, id: &str) -> Connect {
        let key = self.hub().device(id).unwrap().keys.primary_key;
        let host = self.host();
        Connect {
            client_id: id.into(),
            clean_session: false,
            keep_alive: 60,
            will: None,
            username: Some(format!(
                "{host}/{id}/?api-version=2021-04-12&DeviceClientType=test&model-id=dtmi%3Acom%3Aexample%3AThermostat%3B1"
            )),
            password: Some(token(&format!("{host}/devices/{id}"), &key, hour())),
        }
    }

    /// A connection that was let in, and whether its session goes on.
    pub(crate) async fn connect_with(&self, connect: Connect) -> (Client, bool) {
        let mut client = self.dial().await;
        match client.exchange(Packet::Connect(connect)).await {
            Packet::ConnAck {
                session_present,
                code: ConnectReturn::Accepted,
            } => (client, session_present),
            other => panic!("not let in: {other:?}"),
        }
    }

    pub(crate) async fn connect(&self, id: &str) -> Client {
        self.connect_with(self.credentials(id)).await.0
    }

    /// What a CONNECT that is refused is told.
    pub(crate) async fn refusal(&self, connect: Connect) -> ConnectReturn {
        let mut client = self.dial().await;
        let answer = client.exchange(Packet::Connect(connect)).await;
        assert_eq!(client.receive().await, None);
        match answer {
            Packet::ConnAck {
                session_present: false,
                code,
            } => code,
            other => panic!("not a refusal: {other:?}"),
        }
    }
}

pub(crate) fn hour() -> Timestamp {
    Timestamp::now() + Duration::from_secs(3600)
}

pub(crate) fn token(resource: &str, key: &str, expiry: Timestamp) -> Password {
    let token = sas::sign(resource, key, expiry, None);
    Password(token.unwrap().into())
}

pub(crate) fn device_bound(id: &str) -> String {
    format!("devices/{id}/messages/devicebound/#")
}

fn trusting(root: CertificateDer<'static>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(root).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

pub(crate) struct Client {
    stream: TlsStream<TcpStream>,
    input: BytesMut,
}

impl Client {
    pub(crate) fn tls_version(&self) -> Option<ProtocolVersion> {
        self.stream.get_ref().1.protocol_version()
    }

    pub(crate) async fn send(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        encode(&packet, &mut bytes).unwrap();
        self.send_bytes(&bytes).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// The next packet, or `None` when the cloud has ended the connection.
    pub(crate) async fn receive(&mut self) -> Option<Packet> {
        tokio::time::timeout(PATIENCE, self.next())
            .await
            .expect("the cloud says nothing")
    }

    /// Asserts that nothing comes, not even the end. It is the one thing that takes time to see.
    pub(crate) async fn hears_nothing(&mut self) {
        let heard = tokio::time::timeout(QUIET, self.next()).await;
        assert!(heard.is_err(), "heard {heard:?}");
    }

    /// How the connection ends: well with close_notify, with an error without.
    pub(crate) async fn end(&mut self) -> std::io::Result<()> {
        while self.stream.read_buf(&mut self.input).await? > 0 {}
        Ok(())
    }

    async fn next(&mut self) -> Option<Packet> {
        loop {
            if let Some(packet) = decode(&mut self.input, 1 << 20).unwrap() {
                return Some(packet);
            }
            if !matches!(self.stream.read_buf(&mut self.input).await, Ok(1..)) {
                return None;
            }
        }
    }

    pub(crate) async fn exchange(&mut self, packet: Packet) -> Packet {
        self.send(packet).await;
        self.receive()
            .await
            .expect("the cloud ended the connection")
    }

    /// Asserts that nothing has come: what is answered next is the ping.
    pub(crate) async fn is_quiet(&mut self) {
        assert_eq!(self.exchange(Packet::PingReq).await, Packet::PingResp);
    }

    pub(crate) async fn publish(&mut self, topic: &str, body: impl Into<Bytes>) {
        let publish = Publish::at_most_once(topic.into(), body);
        self.send(Packet::Publish(publish)).await;
    }

    /// With QoS 1, until it is acknowledged.
    pub(crate) async fn deliver(&mut self, topic: &str, body: impl Into<Bytes>) {
        let publish = Publish::at_least_once(topic.into(), 7, body);
        let acknowledged = Packet::PubAck { packet_id: 7 };
        assert_eq!(self.exchange(Packet::Publish(publish)).await, acknowledged);
    }

    /// Returns the SUBACK's code.
    pub(crate) async fn subscribe(&mut self, filter: &str) -> u8 {
        let subscribe = Packet::Subscribe(Subscribe {
            packet_id: 9,
            filters: vec![(filter.into(), Qos::AtLeastOnce)],
        });
        match self.exchange(subscribe).await {
            Packet::SubAck {
                packet_id: 9,
                codes,
            } => codes[0],
            other => panic!("not a SUBACK: {other:?}"),
        }
    }

    pub(crate) async fn receive_publish(&mut self) -> Publish {
        match self.receive().await {
            Some(Packet::Publish(publish)) => publish,
            other => panic!("not a PUBLISH: {other:?}"),
        }
    }

    /// Topic and body of the next PUBLISH, which is JSON.
    pub(crate) async fn receive_json(&mut self) -> (String, Value) {
        let publish = self.receive_publish().await;
        let body = serde_json::from_slice(&publish.payload);
        (publish.topic, body.unwrap_or_default())
    }
}
