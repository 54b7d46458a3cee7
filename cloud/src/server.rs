//! The cloud as a whole: its two listeners and what stands behind them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::api;
use crate::dir::Policies;
use crate::dps::{Dps, DpsConfig};
use crate::faults::Faults;
use crate::hub::Hub;
use crate::mqtt;

/// Where Azure listens for MQTT over TLS. A hub on this port is named without it.
pub const MQTT_PORT: u16 = 8883;
/// A client that has not finished its handshake by then is dropped.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(30);
/// How long to wait when the machine has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a cloud is told when it starts.
pub struct Config {
    /// Where devices connect. Port 0 takes a free one.
    pub mqtt: SocketAddr,
    /// Where operators connect. Port 0 takes a free one.
    pub https: SocketAddr,
    /// Certificate, key and versions, for both.
    pub tls: Arc<ServerConfig>,
    /// The host names the cloud answers to, without port. Devices are assigned to the first one.
    pub names: Vec<String>,
    /// The provisioning service's id scope.
    pub id_scope: String,
    /// How long devices are told to wait while they register, in seconds. 0 is allowed.
    pub retry_after: u32,
    /// Who may do what on the operator's side.
    pub policies: Policies,
}

/// A running cloud. Dropping it does not stop it; [`Cloud::stop`] does.
pub struct Cloud {
    mqtt: SocketAddr,
    https: SocketAddr,
    hub: Hub,
    dps: Dps,
    shutdown: watch::Sender<bool>,
    devices: JoinHandle<()>,
    operators: JoinHandle<io::Result<()>>,
}

impl Cloud {
    /// Starts a cloud without devices and enrolments.
    ///
    /// # Errors
    /// If an address cannot be listened on, or no name is given.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let (mqtt_listener, mqtt) = listen(config.mqtt, "devices (MQTT)").await?;
        let (https_listener, https) = listen(config.https, "operators (HTTPS)").await?;
        let hub = Hub::new(&config.names, Faults::default());
        let dps = Dps::new(dps_config(&config, mqtt.port())?, hub.clone());
        let (shutdown, ends) = watch::channel(false);
        let services = api::Services {
            hub: hub.clone(),
            dps: dps.clone(),
            policies: config.policies,
            shutdown: ends.clone(),
        };
        let tls = TlsAcceptor::from(Arc::clone(&config.tls));
        let front = Front {
            tls,
            hub: hub.clone(),
            dps: dps.clone(),
        };
        Ok(Self {
            mqtt,
            https,
            hub,
            dps,
            shutdown,
            devices: tokio::spawn(front.serve(mqtt_listener, ends)),
            operators: tokio::spawn(api::serve(https_listener, config.tls, services)),
        })
    }

    /// Where devices connect.
    pub fn mqtt_addr(&self) -> SocketAddr {
        self.mqtt
    }

    /// Where operators connect.
    pub fn https_addr(&self) -> SocketAddr {
        self.https
    }

    /// The hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The provisioning service.
    pub fn dps(&self) -> &Dps {
        &self.dps
    }

    /// Ends every connection and waits until both listeners are closed.
    pub async fn stop(self) {
        self.shutdown.send_replace(true);
        let _ = self.devices.await;
        let _ = self.operators.await;
    }
}

async fn listen(address: SocketAddr, whom: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen for {whom} on {address}"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn dps_config(config: &Config, port: u16) -> anyhow::Result<DpsConfig> {
    let name = config.names.first().context("the cloud has no name")?;
    Ok(DpsConfig {
        names: config.names.clone(),
        id_scope: config.id_scope.clone(),
        assigned_hub: match port {
            MQTT_PORT => name.clone(),
            port => format!("{name}:{port}"),
        },
        retry_after: config.retry_after,
    })
}

/// What every device connection is given.
#[derive(Clone)]
struct Front {
    tls: TlsAcceptor,
    hub: Hub,
    dps: Dps,
}

impl Front {
    /// Accepts devices until the cloud ends, then drops them all.
    async fn serve(self, listener: TcpListener, mut ends: watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                (tcp, peer) = accept(&listener) => {
                    let resets = self.hub.faults().resets();
                    connections.spawn(self.clone().connection(tcp, peer, resets));
                }
                Some(_) = connections.join_next() => {}
                () = ended(&mut ends) => break,
            }
        }
        drop(listener);
        connections.shutdown().await;
    }

    /// One connection, until it ends or is to be reset.
    async fn connection(
        self,
        mut tcp: TcpStream,
        peer: SocketAddr,
        mut resets: watch::Receiver<()>,
    ) {
        if self.hub.faults().refuses_connects() {
            return reset(&tcp);
        }
        // Packets are small and whole; waiting for more to send only delays them.
        let _ = tcp.set_nodelay(true);
        tokio::select! {
            () = self.talk(&mut tcp, peer) => {}
            _ = resets.changed() => reset(&tcp),
        }
    }

    async fn talk(&self, tcp: &mut TcpStream, peer: SocketAddr) {
        match timeout(HANDSHAKE_PATIENCE, self.tls.accept(tcp)).await {
            Ok(Ok(stream)) => match mqtt::serve(stream, &self.hub, &self.dps).await {
                reason if reason.is_misbehaviour() => warn!(%peer, %reason, "connection ended"),
                reason => debug!(%peer, %reason, "connection ended"),
            },
            Ok(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
                warn!(%peer, %error, "tls handshake failed");
            }
            Ok(Err(error)) => debug!(%peer, %error, "tls handshake broken off"),
            Err(_) => debug!(%peer, "tls handshake took too long"),
        }
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) => {
                debug!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn ended(ends: &mut watch::Receiver<bool>) {
    // The sender gone is an end too.
    let _ = ends.wait_for(|ended| *ended).await;
}

/// Closing the socket now sends RST, and nothing that was still to be sent.
fn reset(tcp: &TcpStream) {
    if let Err(error) = tcp.set_zero_linger() {
        debug!(%error, "cannot reset a connection");
    }
}
