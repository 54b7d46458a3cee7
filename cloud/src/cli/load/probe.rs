//! What an operator notices of the load: a twin is asked for again and again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cloud::load::{Latencies, Latency};
use serde::Serialize;

use super::super::client::{Client, Policy};
use super::super::device::encoded;
use super::super::failure::Failure;

/// From one question to the next.
const PERIOD: Duration = Duration::from_millis(20);

/// Asks on a thread of its own, over one connection. One that is late because the one before it took long counts from
/// when it was due.
pub(super) struct Probe {
    over: Arc<AtomicBool>,
    asking: JoinHandle<TwinGets>,
}

/// What came of asking.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct TwinGets {
    /// Twins that were shown.
    pub(super) count: u64,
    /// Questions that were not answered with a twin.
    pub(super) failed: u64,
    /// Why the first of them was not.
    pub(super) failure: Option<String>,
    /// How long the others took.
    #[serde(flatten)]
    pub(super) latency: Latency,
}

impl Probe {
    /// Begins to ask for the twins of these devices in turn.
    pub(super) fn begin(client: &Arc<Client>, ids: &[String]) -> Result<Self, Failure> {
        let over = Arc::new(AtomicBool::new(false));
        let latencies = Latencies::new().map_err(Failure::settings)?;
        let (client, ids, ends) = (Arc::clone(client), ids.to_vec(), Arc::clone(&over));
        let asking = thread::Builder::new()
            .name("probe".into())
            .spawn(move || ask(&client, &ids, &ends, latencies));
        Ok(Self {
            over,
            asking: asking.map_err(|error: io::Error| Failure::settings(error))?,
        })
    }

    pub(super) fn end(self) -> TwinGets {
        self.over.store(true, Ordering::Relaxed);
        self.asking.join().unwrap_or_default()
    }
}

fn ask(client: &Client, ids: &[String], over: &AtomicBool, mut latencies: Latencies) -> TwinGets {
    let mut gets = TwinGets::default();
    let mut due = Instant::now();
    for id in ids.iter().cycle() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if over.load(Ordering::Relaxed) {
            break;
        }
        match client.get(Policy::Service, &format!("/twins/{}", encoded(id))) {
            Ok(_) => latencies.record(due.elapsed()),
            Err(failure) => {
                gets.failed += 1;
                let why = || failure.message().unwrap_or_default().to_owned();
                gets.failure.get_or_insert_with(why);
            }
        }
        due += PERIOD;
    }
    gets.count = latencies.count();
    gets.latency = latencies.figures();
    gets
}
