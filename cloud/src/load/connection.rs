//! A device's side of MQTT over TLS.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use jiff::Timestamp;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Target;
use crate::mqtt::{
    Connect, ConnectReturn, DecodeError, EncodeError, Packet, Password, decode, encode,
};
use crate::sas::{self, SasError};

/// From the first byte to the CONNACK.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// The cloud pings nobody, and gives up a silent device after one and a half times this, in seconds.
pub(super) const KEEP_ALIVE: u16 = 600;
/// The cloud sends these devices acknowledgments and nothing else.
const PACKET_LIMIT: usize = 16 * 1024;
const READ_SIZE: usize = 1024;

/// Why a device is not connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The network, or TLS.
    #[error(transparent)]
    Network(#[from] io::Error),
    /// The cloud sent something that is not MQTT.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A packet cannot be sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The cloud sent something it should not.
    #[error("the cloud sent {0:?}")]
    Unexpected(Box<Packet>),
    /// The cloud does not let the device in.
    #[error("the cloud refused the device: {0:?}")]
    Refused(ConnectReturn),
    /// There is no token to connect with.
    #[error(transparent)]
    Token(#[from] SasError),
    /// It took too long.
    #[error("the cloud did not answer in time")]
    Silent,
}

/// TLS that trusts the authority in `file` alone.
///
/// # Errors
/// There is no certificate in it.
pub fn trusting(file: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// A connection the cloud has accepted.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    input: BytesMut,
    output: BytesMut,
}

impl Connection {
    pub(super) async fn open(
        target: &Target,
        id: &str,
        lifetime: Duration,
    ) -> Result<Self, ConnectionError> {
        let opened = timeout(CONNECT_PATIENCE, Self::try_open(target, id, lifetime)).await;
        opened.map_err(|_| ConnectionError::Silent)?
    }

    async fn try_open(
        target: &Target,
        id: &str,
        lifetime: Duration,
    ) -> Result<Self, ConnectionError> {
        let connect = connect(target, id, lifetime)?;
        let tcp = TcpStream::connect(target.address).await?;
        // Packets are small and whole; waiting for more to send only delays them.
        tcp.set_nodelay(true)?;
        let tls = TlsConnector::from(Arc::clone(&target.tls));
        let mut connection = Self {
            stream: tls.connect(target.server.clone(), tcp).await?,
            input: BytesMut::new(),
            output: BytesMut::new(),
        };
        connection.queue(&Packet::Connect(connect))?;
        connection.flush().await?;
        match connection.packet().await? {
            Packet::ConnAck {
                code: ConnectReturn::Accepted,
                ..
            } => Ok(connection),
            Packet::ConnAck { code, .. } => Err(ConnectionError::Refused(code)),
            packet => Err(ConnectionError::Unexpected(packet.into())),
        }
    }

    /// The next packet. Can be cancelled without losing anything.
    pub(super) async fn packet(&mut self) -> Result<Packet, ConnectionError> {
        loop {
            if let Some(packet) = decode(&mut self.input, PACKET_LIMIT)? {
                return Ok(packet);
            }
            self.input.reserve(READ_SIZE);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Takes a packet, which leaves with the next [`flush`](Self::flush).
    pub(super) fn queue(&mut self, packet: &Packet) -> Result<(), EncodeError> {
        encode(packet, &mut self.output)
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.output).await?;
        self.stream.flush().await
    }

    /// Says goodbye.
    pub(super) async fn disconnect(mut self) -> Result<(), ConnectionError> {
        self.queue(&Packet::Disconnect)?;
        self.flush().await?;
        Ok(self.stream.shutdown().await?)
    }
}

fn connect(target: &Target, id: &str, lifetime: Duration) -> Result<Connect, SasError> {
    let hub = &target.hub;
    let resource = format!("{hub}/devices/{id}");
    let token = sas::sign(&resource, &target.key, Timestamp::now() + lifetime, None)?;
    Ok(Connect {
        client_id: id.to_owned(),
        clean_session: true,
        keep_alive: KEEP_ALIVE,
        will: None,
        username: Some(format!("{hub}/{id}/?api-version=2021-04-12")),
        password: Some(Password(token.into())),
    })
}
