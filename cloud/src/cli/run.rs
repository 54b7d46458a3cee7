//! `cloud run`

use std::io;
use std::net::SocketAddr;

use clap::Args;
use cloud::dir::{CloudDir, Running};
use cloud::server::Cloud;
use tokio::signal::unix::{SignalKind, signal};

use super::enrol::quoted;
use super::failure::Failure;
use super::settings::{Manner, Place, loopback};
use super::{descriptors, logging, output};

#[derive(Args)]
pub(crate) struct Run {
    /// Where devices connect; Microsoft's SDKs know port 8883 only
    #[arg(long, env = "CLOUD_MQTT", default_value = "127.0.0.1:8883", value_name = "ADDRESS", value_parser = loopback)]
    mqtt: SocketAddr,
    /// Where operators connect
    #[arg(long, env = "CLOUD_HTTPS", default_value = "127.0.0.1:8443", value_name = "ADDRESS", value_parser = loopback)]
    https: SocketAddr,
    #[command(flatten)]
    manner: Manner,
}

impl Run {
    #[tokio::main]
    pub(crate) async fn run(&self, dir: &CloudDir) -> Result<(), Failure> {
        logging::begin();
        descriptors::raise();
        let mut stop = Stop::listen().map_err(Failure::settings)?;
        let mut owned = dir.take()?;
        let place = Place {
            mqtt: self.mqtt,
            https: self.https,
            name: "localhost".into(),
        };
        let (cloud, running) = self.manner.start(&mut owned, place).await?;
        greet(dir, &running, &cloud)?;
        stop.wanted().await;
        cloud.stop().await;
        Ok(())
    }
}

fn greet(dir: &CloudDir, running: &Running, cloud: &Cloud) -> Result<(), Failure> {
    let greeting = format!(
        "the cloud runs
  hub and DPS  {}  (MQTT over TLS, {})
  id scope     {}
  operators    https://{}
  console      {}
  directory    {}
  trust        SSL_CERT_FILE={}

in a second terminal:
  export CLOUD_DIR={}
  cloud enrol thermostat-1     lets a device provision, and prints what it needs
  cloud events --follow        shows what devices send
  cloud set NAME VALUE         sets a property
  cloud call COMMAND           calls a command
  cloud connection-string      connects programs on Azure's service SDKs
  cloud console                prints a new link to the console
Ctrl-C ends it",
        running.hub_name,
        running.mqtt,
        running.id_scope,
        running.https,
        cloud.console().link(),
        dir.path().display(),
        dir.certificate().display(),
        quoted(&dir.path().to_string_lossy()),
    );
    greeting.lines().try_for_each(output::line)
}

/// The signals that end the cloud.
pub(super) struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    pub(super) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
