//! The latency of the service API under load: a probe that gets twins.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use cloud::load::{LatencyHistogram, LatencySummary};
use serde::Serialize;

use super::super::{
    client::{Client, Policy},
    command_error::CommandError,
    device::encoded,
};

/// The interval between two requests.
const PERIOD: Duration = Duration::from_millis(20);

/// A probe on a thread of its own, over one connection. The latency counts from the due time of a request, also if it is sent
/// late.
pub(super) struct TwinProbe {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<TwinProbeResult>,
}

/// The result of the probe.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TwinProbeResult {
    /// The number of successful requests.
    pub(super) succeeded: u64,
    /// The number of failed requests.
    pub(super) failed: u64,
    /// The error of the first failed request.
    pub(super) failure: Option<String>,
    /// The latency of the successful requests.
    pub(super) latency_ms: LatencySummary,
}

impl TwinProbe {
    /// Starts to get the twins of these devices in turn.
    pub(super) fn start(client: &Arc<Client>, ids: &[String]) -> Result<Self, CommandError> {
        let stop = Arc::new(AtomicBool::new(false));
        let latencies = LatencyHistogram::new().map_err(CommandError::settings)?;
        let (client, ids, stopped) = (Arc::clone(client), ids.to_vec(), Arc::clone(&stop));
        let thread = thread::Builder::new()
            .name("probe".into())
            .spawn(move || get_twins(&client, &ids, &stopped, latencies));
        Ok(Self {
            stop,
            thread: thread.map_err(|error: io::Error| CommandError::settings(error))?,
        })
    }

    /// Stops the probe.
    pub(super) fn stop(self) -> TwinProbeResult {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn get_twins(
    client: &Client,
    ids: &[String],
    stop: &AtomicBool,
    mut latencies: LatencyHistogram,
) -> TwinProbeResult {
    let mut result = TwinProbeResult::default();
    let mut due = Instant::now();
    for id in ids.iter().cycle() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if stop.load(Ordering::Relaxed) {
            break;
        }
        match client.get(Policy::Service, &format!("/twins/{}", encoded(id))) {
            Ok(_) => latencies.record(due.elapsed()),
            Err(error) => {
                result.failed += 1;
                let message = || error.message().unwrap_or_default().to_owned();
                result.failure.get_or_insert_with(message);
            }
        }
        due += PERIOD;
    }
    result.succeeded = latencies.count();
    result.latency_ms = latencies.summary();
    result
}
