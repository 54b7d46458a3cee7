//! The client side of MQTT over TLS.

use std::{io, path::Path, sync::Arc, time::Duration};

use bytes::BytesMut;
use jiff::Timestamp;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::LoadTarget;
use crate::{
    mqtt::{Connect, ConnectReturn, DecodeError, EncodeError, Packet, Password, decode, encode},
    sas::{self, SasError},
};

/// The time from the TCP connect to the CONNACK.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The keep-alive, in seconds.
pub(super) const KEEP_ALIVE: u16 = 600;
/// The maximum size of a packet from the cloud, in bytes. These devices get acknowledgments only.
const MAX_PACKET_SIZE: usize = 16 * 1024;
const READ_SIZE: usize = 1024;

/// The error of a device connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// An error of the network or of TLS.
    #[error(transparent)]
    Network(#[from] io::Error),
    /// A malformed packet from the cloud.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A packet that cannot be encoded.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// An unexpected packet from the cloud.
    #[error("unexpected packet from the cloud: {0:?}")]
    Unexpected(Box<Packet>),
    /// A CONNACK that refuses the connection.
    #[error("connection refused by the cloud: {0:?}")]
    Refused(ConnectReturn),
    /// A SAS token that cannot be made.
    #[error(transparent)]
    Token(#[from] SasError),
    /// No CONNACK within the timeout.
    #[error("connecting timed out")]
    TimedOut,
}

/// Returns a TLS configuration that trusts only the CA certificate in `file`.
///
/// # Errors
/// If the file has no certificate.
pub fn tls_config(file: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// An accepted connection.
pub(super) struct DeviceConnection {
    stream: TlsStream<TcpStream>,
    input: BytesMut,
    output: BytesMut,
}

impl DeviceConnection {
    pub(super) async fn open(
        target: &LoadTarget,
        id: &str,
        lifetime: Duration,
    ) -> Result<Self, ConnectionError> {
        let opened = timeout(CONNECT_TIMEOUT, Self::try_open(target, id, lifetime)).await;
        opened.map_err(|_| ConnectionError::TimedOut)?
    }

    async fn try_open(
        target: &LoadTarget,
        id: &str,
        lifetime: Duration,
    ) -> Result<Self, ConnectionError> {
        let connect = connect_packet(target, id, lifetime)?;
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
        match connection.next_packet().await? {
            Packet::ConnAck {
                code: ConnectReturn::Accepted,
                ..
            } => Ok(connection),
            Packet::ConnAck { code, .. } => Err(ConnectionError::Refused(code)),
            packet => Err(ConnectionError::Unexpected(packet.into())),
        }
    }

    /// Returns the next packet. Cancel-safe.
    pub(super) async fn next_packet(&mut self) -> Result<Packet, ConnectionError> {
        loop {
            if let Some(packet) = decode(&mut self.input, MAX_PACKET_SIZE)? {
                return Ok(packet);
            }
            self.input.reserve(READ_SIZE);
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Queues a packet for the next [`flush`](Self::flush).
    pub(super) fn queue(&mut self, packet: &Packet) -> Result<(), EncodeError> {
        encode(packet, &mut self.output)
    }

    pub(super) async fn flush(&mut self) -> io::Result<()> {
        self.stream.write_all_buf(&mut self.output).await?;
        self.stream.flush().await
    }

    /// Sends DISCONNECT, and closes the connection.
    pub(super) async fn disconnect(mut self) -> Result<(), ConnectionError> {
        self.queue(&Packet::Disconnect)?;
        self.flush().await?;
        Ok(self.stream.shutdown().await?)
    }
}

fn connect_packet(target: &LoadTarget, id: &str, lifetime: Duration) -> Result<Connect, SasError> {
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
