//! `cloud run`

use std::{io, net::SocketAddr};

use clap::Args;
use cloud::{
    ca_bundle,
    dir::{CloudDir, Running},
    server::Cloud,
};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    command_error::CommandError,
    descriptors,
    logging::CloudOutput,
    output, program,
    run_options::{ListenAddresses, RunOptions, loopback_address},
    shell::quoted,
    status,
};

#[derive(Args)]
pub(crate) struct RunCommand {
    /// Address for devices (MQTT); Microsoft's SDKs only use port 8883
    #[arg(long, help_heading = "Network", env = "CLOUD_MQTT", default_value = "127.0.0.1:8883", value_name = "ADDRESS:PORT", value_parser = loopback_address)]
    mqtt: SocketAddr,
    /// Address of the service API (HTTPS)
    #[arg(long, help_heading = "Network", env = "CLOUD_HTTPS", default_value = "127.0.0.1:8443", value_name = "ADDRESS:PORT", value_parser = loopback_address)]
    https: SocketAddr,
    #[command(flatten)]
    options: RunOptions,
    /// Print the addresses as a line of JSON
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl RunCommand {
    #[tokio::main]
    pub(crate) async fn run(&self, dir: &CloudDir) -> Result<(), CommandError> {
        let output = CloudOutput::start()?;
        let result = self.run_with(dir, &output).await;
        output.end(result)
    }

    async fn run_with(&self, dir: &CloudDir, output: &CloudOutput) -> Result<(), CommandError> {
        descriptors::raise();
        let mut stop = StopSignals::listen().map_err(CommandError::settings)?;
        let mut owned = dir.take()?;
        let addresses = ListenAddresses {
            mqtt: self.mqtt,
            https: self.https,
            host_name: "localhost".into(),
        };
        let (cloud, running) = self.options.start(&mut owned, addresses).await?;
        match self.json {
            true => output.line(&started(dir, &running, &cloud)),
            false => banner(dir, &running, &cloud)
                .lines()
                .for_each(|line| output.line(line)),
        }
        let ended = tokio::select! {
            () = stop.received() => Ok(()),
            () = cloud.store_ended() => Err(store_ended()),
        };
        cloud.stop().await;
        ended
    }
}

/// The error of a cloud whose database is written no more.
pub(super) fn store_ended() -> CommandError {
    CommandError::request(
        "stopped: the thread that writes the database has ended, see the log; start the cloud again",
    )
}

/// Returns the addresses as JSON.
fn started(dir: &CloudDir, running: &Running, cloud: &Cloud) -> String {
    let mut document = status::addresses(dir, running);
    document.extend([
        ("schemaVersion".into(), output::SCHEMA_VERSION.into()),
        (
            "console".into(),
            cloud.console().address().to_string().into(),
        ),
        ("consoleLink".into(), cloud.console().link().into()),
    ]);
    Value::Object(document).to_string()
}

fn banner(dir: &CloudDir, running: &Running, cloud: &Cloud) -> String {
    let path = dir.path();
    let is_default = CloudDir::of_user().is_ok_and(|default| default.path() == path);
    let export = match is_default {
        true => String::new(),
        false => format!("\n  export CLOUD_DIR={}", quoted(&path.to_string_lossy())),
    };
    let name = program::name();
    let place = match name.contains('/') && !name.starts_with('/') {
        true => ", in this folder",
        false => "",
    };
    format!(
        "local cloud running
  hub and DPS  {}  (MQTT over TLS, {})
  ID scope     {}
  service API  https://{}
  console      {}
  directory    {}
  CA           SSL_CERT_FILE={}

in a second terminal{place}:{export}
  {name} enroll thermostat-1    enroll a device and print its environment variables
  {name} events --follow        follow telemetry and other events
  {name} set NAME VALUE         set a desired property
  {name} call METHOD            call a direct method
  {name} connection-string      print a connection string for Azure's service SDKs
  {name} console                print a new sign-in link to the console
press Ctrl-C to stop",
        running.hub_name,
        running.mqtt,
        running.id_scope,
        running.https,
        cloud.console().link(),
        path.display(),
        path.join(ca_bundle::FILE).display(),
    )
}

/// The signals that stop the cloud: SIGINT and SIGTERM.
pub(super) struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl StopSignals {
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of the signals.
    pub(super) async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
