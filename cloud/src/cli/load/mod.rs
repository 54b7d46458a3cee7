//! `cloud load`

mod devices;
mod probe;
mod progress;
mod report;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use clap::{Args, builder::RangedU64ValueParser};
use cloud::{
    faults::duration,
    load::{Fleet, LoadProfile, LoadStats, LoadTarget, tls_config},
};
use devices::LoadDevices;
use probe::TwinProbe;
use progress::Progress;
use report::LoadReport;
use rustls::pki_types::ServerName;
use tokio::{sync::watch, task::block_in_place};

use super::{client::Client, command_error::CommandError, descriptors, output, run::StopSignals};

/// File descriptors besides those of device connections.
const EXTRA_DESCRIPTORS: u64 = 100;
/// The lifetime of a SAS token beyond the duration of the test.
const TOKEN_MARGIN: Duration = Duration::from_secs(3600);

#[derive(Args)]
pub(crate) struct LoadCommand {
    /// Number of devices
    #[arg(long, env = "CLOUD_DEVICES", value_name = "COUNT", value_parser = RangedU64ValueParser::<u32>::new().range(1..=100_000))]
    devices: u32,
    /// Messages per second, of all devices together
    #[arg(long, env = "CLOUD_RATE", value_name = "COUNT", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000))]
    rate: u32,
    /// Duration of the test
    #[arg(long, env = "CLOUD_DURATION", default_value = "30s", value_name = "DURATION", value_parser = duration)]
    duration: Duration,
    /// Size of a message body, in bytes
    #[arg(long, env = "CLOUD_PAYLOAD_BYTES", default_value_t = 200, value_name = "BYTES", value_parser = RangedU64ValueParser::<u32>::new().range(100..=250_000))]
    payload_bytes: u32,
    /// Maximum number of unacknowledged messages per device
    #[arg(long, env = "CLOUD_WINDOW", default_value_t = 64, value_name = "COUNT", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1000))]
    window: u32,
    /// Do not remove the devices at the end
    #[arg(long, env = "CLOUD_KEEP_DEVICES")]
    keep_devices: bool,
    /// Print one line of JSON, with the result of each device
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl LoadCommand {
    #[tokio::main]
    pub(crate) async fn run(&self, client: Client) -> Result<(), CommandError> {
        descriptors::require(u64::from(self.devices) + EXTRA_DESCRIPTORS)?;
        let stop = stop()?;
        let client = Arc::new(client);
        let mut devices = LoadDevices::new(self.devices);
        let measured = match block_in_place(|| devices.register(&client, &stop)) {
            Ok(()) => self.measure(&client, &devices, stop).await,
            Err(error) => Err(error),
        };
        if !self.keep_devices {
            block_in_place(|| devices.remove(&client));
        }
        let report = measured?;
        report.print(self.json)?;
        report.result()
    }

    async fn measure(
        &self,
        client: &Arc<Client>,
        devices: &LoadDevices,
        mut stop: watch::Receiver<bool>,
    ) -> Result<LoadReport, CommandError> {
        let target = target(client, devices)?;
        let lifetime = self.duration + TOKEN_MARGIN;
        let connect_start = Instant::now();
        let fleet = tokio::select! {
            fleet = Fleet::connect(&target, devices.ids().to_vec(), lifetime) => fleet.map_err(|error| {
                CommandError::request(format!("cannot connect a device: {error}"))
            })?,
            _ = stop.wait_for(|stop| *stop) => return Err(stopped()),
        };
        let mut report = LoadReport::new(devices.prefix(), self.rate, connect_start.elapsed());
        let stats = Arc::new(LoadStats::new().map_err(CommandError::settings)?);
        let probe = TwinProbe::start(client, devices.ids())?;
        let progress = Progress::start(&stats);
        let start = tokio::time::Instant::now();
        report.devices = fleet.send(self.profile(), stop, Arc::clone(&stats)).await;
        drop(progress);
        report.add(&stats.total(), start);
        report.twin = probe.stop();
        Ok(report)
    }

    fn profile(&self) -> LoadProfile {
        LoadProfile {
            rate: self.rate,
            duration: self.duration,
            payload: self.payload_bytes as usize,
            window: self.window as usize,
        }
    }
}

fn target(client: &Client, devices: &LoadDevices) -> Result<LoadTarget, CommandError> {
    let running = client.running();
    let host = match running.hub_name.rsplit_once(':') {
        Some((host, _)) => host,
        None => running.hub_name.as_str(),
    };
    Ok(LoadTarget {
        address: running.mqtt,
        server: ServerName::try_from(host.to_owned()).map_err(CommandError::settings)?,
        hub: running.hub_name.clone(),
        tls: tls_config(client.certificate()).map_err(CommandError::settings)?,
        key: devices.key().to_owned(),
    })
}

/// Returns a channel that becomes true on SIGINT or SIGTERM.
fn stop() -> Result<watch::Receiver<bool>, CommandError> {
    let mut signals = StopSignals::listen().map_err(CommandError::settings)?;
    let (sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        signals.received().await;
        output::note("stopping: waiting for the messages in flight");
        sender.send_replace(true);
        // Keeps the sender alive: a dropped sender counts as a signal.
        sender.closed().await;
    });
    Ok(stop)
}

fn stopped() -> CommandError {
    CommandError::request("stopped before sending")
}
