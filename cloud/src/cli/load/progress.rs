//! The progress of a load test, one line per second.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use cloud::load::LoadStats;
use tokio::{
    task::JoinHandle,
    time::{Instant, interval_at},
};

use super::super::output;

const PERIOD: Duration = Duration::from_secs(1);

/// Prints the progress until dropped, if standard error is a terminal.
pub(super) struct Progress(Option<JoinHandle<()>>);

impl Progress {
    pub(super) fn start(stats: &Arc<LoadStats>) -> Self {
        let terminal = io::stderr().is_terminal();
        Self(terminal.then(|| tokio::spawn(print(Arc::clone(stats)))))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(printing) = &self.0 {
            printing.abort();
        }
    }
}

async fn print(stats: Arc<LoadStats>) {
    let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
    for second in 1u64.. {
        ticks.tick().await;
        let (recent, total) = (stats.take_recent(), stats.total());
        output::note(&format!(
            "{second:>4} s  {:>7} sent  {:>7} acknowledged  {:>5} in flight  p99 {:>7.1} ms  {} connections lost",
            recent.sent,
            recent.acknowledged,
            total.sent.saturating_sub(total.acknowledged),
            recent.latency.p99,
            total.lost
        ));
    }
}
