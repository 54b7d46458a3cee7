//! The cloud as a whole: its services, behind three listeners.

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use dtdl::Models;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    api,
    connection_limits::ConnectionLimits,
    console::{self, Console},
    dps::{Dps, DpsConfig},
    faults::Faults,
    front::{DeviceServer, DeviceServices},
    hub::Hub,
    models::ModelLibrary,
    policies::Policies,
    store::{Retention, Store, StoreLocation},
    templates::Templates,
    tls::Certificates,
};

/// Azure's port for MQTT over TLS. A hub on this port is named without it.
pub const MQTT_PORT: u16 = 8883;

/// The configuration of a cloud.
pub struct Config {
    /// The address for devices (MQTT). Port 0 selects a free port.
    pub mqtt: SocketAddr,
    /// The address of the service API (HTTPS). Port 0 selects a free port.
    pub https: SocketAddr,
    /// The control socket of a host on this machine, for the console.
    pub host_control: Option<PathBuf>,
    /// The port of the console on 127.0.0.1. 0 selects a free port; `None` [`console::DEFAULT_PORT`], or a free port if that is taken.
    pub console: Option<u16>,
    /// The TLS configuration of both listeners.
    pub tls: Certificates,
    /// The file with the CA certificate.
    pub certificate: PathBuf,
    /// The host names of the cloud, without port. Devices are assigned to the first one.
    pub host_names: Vec<String>,
    /// The ID scope of DPS.
    pub id_scope: String,
    /// The retry-after of DPS while it assigns a device, in seconds. May be 0.
    pub retry_after: u32,
    /// The shared access policies of the service API.
    pub policies: Policies,
    /// The place of the store.
    pub store: StoreLocation,
    /// The retention of events.
    pub retention: Retention,
    /// The known device models.
    pub models: Models,
}

/// A running cloud. [`Cloud::stop`] stops it, dropping does not.
pub struct Cloud {
    mqtt: SocketAddr,
    https: SocketAddr,
    hub: Hub,
    dps: Dps,
    console: Console,
    shutdown: watch::Sender<bool>,
    device_task: JoinHandle<()>,
    service_task: JoinHandle<io::Result<()>>,
    console_task: JoinHandle<()>,
}

impl Cloud {
    /// Starts a cloud with the devices and enrollments of its store.
    ///
    /// # Errors
    /// If it cannot listen on an address, the store cannot be used, or there is no host name.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let (mqtt_listener, mqtt) = listen(config.mqtt, "devices (MQTT)").await?;
        let (https_listener, https) = listen(config.https, "the service API (HTTPS)").await?;
        let console_listener = console::listen(config.console).await?;
        let store = Store::open(&config.store, config.retention)?;
        let console = Console::open(
            console_listener.local_addr()?,
            store.clone(),
            &config.policies,
        )?;
        let hub = Hub::open(&config.host_names, Faults::default(), store)?;
        let dps = Dps::open(dps_config(&config, mqtt.port())?, hub.clone())?;
        let limits = ConnectionLimits::of_process();
        let (shutdown, stop) = watch::channel(false);
        let device_services = DeviceServices {
            hub: hub.clone(),
            dps: dps.clone(),
            policies: config.policies.clone(),
        };
        let services = Arc::new(api::Services {
            hub: hub.clone(),
            dps: dps.clone(),
            policies: config.policies,
            models: ModelLibrary::open(config.models, hub.store().clone())?,
            templates: Templates::open(hub.store().clone())?,
            certificate: config.certificate,
            host_control: config.host_control,
            console: console.clone(),
            shutdown: stop.clone(),
        });
        let console_server = console::serve(
            console_listener,
            console.clone(),
            console::Api {
                router: api::router(services.clone()),
                unauthorized: api::unauthorized,
            },
            limits.http,
            stop.clone(),
        );
        let service_tls = config.tls.valid().clone();
        let device_server = DeviceServer::new(config.tls, device_services);
        Ok(Self {
            mqtt,
            https,
            hub,
            dps,
            console,
            shutdown,
            device_task: tokio::spawn(device_server.serve(mqtt_listener, limits, stop)),
            service_task: tokio::spawn(api::serve(
                https_listener,
                service_tls,
                services,
                limits.http,
            )),
            console_task: tokio::spawn(console_server),
        })
    }

    /// Returns the address for devices.
    pub fn mqtt_addr(&self) -> SocketAddr {
        self.mqtt
    }

    /// Returns the address of the service API.
    pub fn https_addr(&self) -> SocketAddr {
        self.https
    }

    /// Returns the hub.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Returns the provisioning service.
    pub fn dps(&self) -> &Dps {
        &self.dps
    }

    /// Returns the console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Waits until the store's writer has ended, which it only does by itself if it fails.
    pub async fn store_ended(&self) {
        self.hub.store().ended().await;
    }

    /// Closes all connections and listeners, and waits until the store is written.
    pub async fn stop(self) {
        self.shutdown.send_replace(true);
        let _ = self.device_task.await;
        let _ = self.service_task.await;
        let _ = self.console_task.await;
        // Faults end with the cloud; this records it in the events.
        self.hub.clear_faults();
        self.hub.store().close().await;
    }
}

async fn listen(address: SocketAddr, clients: &str) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("cannot listen for {clients} on {address}"))?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

fn dps_config(config: &Config, port: u16) -> anyhow::Result<DpsConfig> {
    let name = config
        .host_names
        .first()
        .context("the cloud has no host name")?;
    Ok(DpsConfig {
        names: config.host_names.clone(),
        id_scope: config.id_scope.clone(),
        assigned_hub: match port {
            MQTT_PORT => name.clone(),
            port => format!("{name}:{port}"),
        },
        retry_after: config.retry_after,
    })
}
