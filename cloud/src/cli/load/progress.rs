//! A line a second, for whoever watches.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use cloud::load::Tally;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval_at};

use super::super::output;

const PERIOD: Duration = Duration::from_secs(1);

/// Tells of the load until it is dropped; only a terminal is told.
pub(super) struct Progress(Option<JoinHandle<()>>);

impl Progress {
    pub(super) fn begin(tally: &Arc<Tally>) -> Self {
        let watched = io::stderr().is_terminal();
        Self(watched.then(|| tokio::spawn(tell(Arc::clone(tally)))))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(telling) = &self.0 {
            telling.abort();
        }
    }
}

async fn tell(tally: Arc<Tally>) {
    let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
    for second in 1u64.. {
        ticks.tick().await;
        let (recent, whole) = (tally.recent(), tally.whole());
        output::note(&format!(
            "{second:>4} s  {:>7} sent  {:>7} acknowledged  {:>5} waiting  {:>7.1} ms p99  {} lost",
            recent.sent,
            recent.acknowledged,
            whole.sent.saturating_sub(whole.acknowledged),
            recent.latency.p99,
            whole.lost
        ));
    }
}
