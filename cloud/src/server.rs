//! The cloud as a whole: its three listeners and what stands behind them.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use dtdl::Models;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api;
use crate::console::{self, Console};
use crate::dir::Policies;
use crate::dps::{Dps, DpsConfig};
use crate::faults::Faults;
use crate::front::DeviceServer;
use crate::hub::Hub;
use crate::models::Library;
use crate::store::{Place, Retention, Store};
use crate::templates::Templates;
use crate::tls::Certificates;

/// Where Azure listens for MQTT over TLS. A hub on this port is named without it.
pub const MQTT_PORT: u16 = 8883;

/// What a cloud is told when it starts.
pub struct Config {
    /// Where devices connect. Port 0 takes a free one.
    pub mqtt: SocketAddr,
    /// Where operators connect. Port 0 takes a free one.
    pub https: SocketAddr,
    /// The control socket of the host of a device on this machine, which the console may then use.
    pub host_control: Option<PathBuf>,
    /// The console's port on 127.0.0.1. Port 0 takes a free one; none is [`console::PORT`], or a free one where that is taken.
    pub console: Option<u16>,
    /// Certificates and versions, for devices and operators.
    pub tls: Certificates,
    /// The file of their authority, which devices are to trust.
    pub certificate: PathBuf,
    /// The host names the cloud answers to, without port. Devices are assigned to the first one.
    pub names: Vec<String>,
    /// The provisioning service's id scope.
    pub id_scope: String,
    /// How long devices are told to wait while they register, in seconds. 0 is allowed.
    pub retry_after: u32,
    /// Who may do what on the operator's side.
    pub policies: Policies,
    /// Where everything is kept.
    pub place: Place,
    /// How long events are kept.
    pub keep: Retention,
    /// The device models that are known.
    pub models: Models,
}

/// A running cloud. Dropping it does not stop it; [`Cloud::stop`] does.
pub struct Cloud {
    mqtt: SocketAddr,
    https: SocketAddr,
    hub: Hub,
    dps: Dps,
    console: Console,
    shutdown: watch::Sender<bool>,
    devices: JoinHandle<()>,
    operators: JoinHandle<io::Result<()>>,
    pages: JoinHandle<()>,
}

impl Cloud {
    /// Starts a cloud with the devices and enrolments of its store.
    ///
    /// # Errors
    /// If an address cannot be listened on, the store cannot be used, or no name is given.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let (mqtt_listener, mqtt) = listen(config.mqtt, "devices (MQTT)").await?;
        let (https_listener, https) = listen(config.https, "operators (HTTPS)").await?;
        let console_listener = console::listen(config.console).await?;
        let store = Store::open(&config.place, config.keep)?;
        let console = Console::open(console_listener.local_addr()?, store.clone())?;
        let hub = Hub::open(&config.names, Faults::default(), store)?;
        let dps = Dps::open(dps_config(&config, mqtt.port())?, hub.clone())?;
        let (shutdown, ends) = watch::channel(false);
        let services = Arc::new(api::Services {
            hub: hub.clone(),
            dps: dps.clone(),
            policies: config.policies,
            models: Library::open(config.models, hub.store().clone())?,
            templates: Templates::open(hub.store().clone())?,
            certificate: config.certificate,
            host_control: config.host_control,
            console: console.clone(),
            shutdown: ends.clone(),
        });
        let pages = console::serve(
            console_listener,
            console.clone(),
            api::router(services.clone()),
            ends.clone(),
        );
        let operators_tls = config.tls.valid().clone();
        let device_server = DeviceServer {
            tls: config.tls,
            hub: hub.clone(),
            dps: dps.clone(),
        };
        Ok(Self {
            mqtt,
            https,
            hub,
            dps,
            console,
            shutdown,
            devices: tokio::spawn(device_server.serve(mqtt_listener, ends)),
            operators: tokio::spawn(api::serve(https_listener, operators_tls, services)),
            pages: tokio::spawn(pages),
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

    /// The console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Ends every connection, waits until all listeners are closed, and then until everything is written.
    pub async fn stop(self) {
        self.shutdown.send_replace(true);
        let _ = self.devices.await;
        let _ = self.operators.await;
        let _ = self.pages.await;
        // They end with the cloud, and whoever reads its events is to know.
        self.hub.clear_faults();
        self.hub.store().close().await;
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
