//! `cloud load`

mod crew;
mod probe;
mod progress;
mod report;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use cloud::faults::duration;
use cloud::load::{Demand, Fleet, Tally, Target, trusting};
use rustls::pki_types::ServerName;
use tokio::sync::watch;
use tokio::task::block_in_place;

use super::client::Client;
use super::failure::Failure;
use super::run::Stop;
use super::{descriptors, output};
use crew::Crew;
use probe::Probe;
use progress::Progress;
use report::Report;

/// What a process has open besides the devices' connections.
const SPARE_DESCRIPTORS: u64 = 100;
/// How long a token counts beyond the time that messages are sent.
const SPARE_TIME: Duration = Duration::from_secs(3600);

#[derive(Args)]
pub(crate) struct Load {
    /// How many devices connect
    #[arg(long, env = "CLOUD_DEVICES", value_name = "COUNT", value_parser = RangedU64ValueParser::<u32>::new().range(1..=100_000))]
    devices: u32,
    /// How many messages a second they send, all together
    #[arg(long, env = "CLOUD_RATE", value_name = "COUNT", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000_000))]
    rate: u32,
    /// For how long
    #[arg(long, env = "CLOUD_DURATION", default_value = "30s", value_name = "TIME", value_parser = duration)]
    duration: Duration,
    /// Size of a message's body, in bytes
    #[arg(long, env = "CLOUD_PAYLOAD_BYTES", default_value_t = 200, value_name = "BYTES", value_parser = RangedU64ValueParser::<u32>::new().range(100..=250_000))]
    payload_bytes: u32,
    /// How many messages of one device may wait for their acknowledgment
    #[arg(long, env = "CLOUD_WINDOW", default_value_t = 64, value_name = "COUNT", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1000))]
    window: u32,
    /// Leave the devices registered
    #[arg(long, env = "CLOUD_KEEP_DEVICES")]
    keep: bool,
    /// Print the result as one line of JSON, with what became of each device's messages
    #[arg(long, env = "CLOUD_JSON")]
    json: bool,
}

impl Load {
    #[tokio::main]
    pub(crate) async fn run(&self, client: Client) -> Result<(), Failure> {
        descriptors::need(u64::from(self.devices) + SPARE_DESCRIPTORS)?;
        let stop = stop()?;
        let client = Arc::new(client);
        let mut crew = Crew::new(self.devices);
        let measured = match block_in_place(|| crew.register(&client, &stop)) {
            Ok(()) => self.measure(&client, &crew, stop).await,
            Err(failure) => Err(failure),
        };
        if !self.keep {
            block_in_place(|| crew.remove(&client));
        }
        let report = measured?;
        report.show(self.json)?;
        report.verdict()
    }

    async fn measure(
        &self,
        client: &Arc<Client>,
        crew: &Crew,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Report, Failure> {
        let target = target(client, crew)?;
        let lifetime = self.duration + SPARE_TIME;
        let began = Instant::now();
        let fleet = tokio::select! {
            fleet = Fleet::connect(&target, crew.ids().to_vec(), lifetime) => fleet.map_err(|error| {
                Failure::request(format!("a device cannot connect: {error}"))
            })?,
            _ = stop.wait_for(|stop| *stop) => return Err(stopped()),
        };
        let mut report = Report::of(crew.name(), self.rate, began.elapsed());
        let tally = Arc::new(Tally::new().map_err(Failure::settings)?);
        let probe = Probe::begin(client, crew.ids())?;
        let progress = Progress::begin(&tally);
        let began = tokio::time::Instant::now();
        report.devices = fleet.send(self.demand(), stop, Arc::clone(&tally)).await;
        drop(progress);
        report.add(&tally.whole(), began);
        report.twin = probe.end();
        Ok(report)
    }

    fn demand(&self) -> Demand {
        Demand {
            rate: self.rate,
            duration: self.duration,
            payload: self.payload_bytes as usize,
            window: self.window as usize,
        }
    }
}

fn target(client: &Client, crew: &Crew) -> Result<Target, Failure> {
    let running = client.running();
    let host = match running.hub_name.rsplit_once(':') {
        Some((host, _)) => host,
        None => running.hub_name.as_str(),
    };
    Ok(Target {
        address: running.mqtt,
        server: ServerName::try_from(host.to_owned()).map_err(Failure::settings)?,
        hub: running.hub_name.clone(),
        tls: trusting(client.certificate()).map_err(Failure::settings)?,
        key: crew.key().to_owned(),
    })
}

/// Turns true when whoever runs this wants it to end.
fn stop() -> Result<watch::Receiver<bool>, Failure> {
    let mut signals = Stop::listen().map_err(Failure::settings)?;
    let (stop, stops) = watch::channel(false);
    tokio::spawn(async move {
        signals.wanted().await;
        output::note("stopping: what is on its way may arrive");
        stop.send_replace(true);
        // Until the program ends: a sender that is gone would be taken for a signal.
        stop.closed().await;
    });
    Ok(stops)
}

fn stopped() -> Failure {
    Failure::request("stopped before anything was sent")
}
