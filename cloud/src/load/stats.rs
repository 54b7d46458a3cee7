//! Statistics of all devices.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::Instant;

/// The precision of a latency.
const SIGNIFICANT_DIGITS: u8 = 3;
/// The maximum latency recorded, in microseconds.
const MAX_LATENCY_MICROS: u64 = 3600 * 1_000_000;

/// Percentiles of a latency, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The maximum.
    pub max: f64,
}

/// Statistics since the start, or since the last call of [`LoadStats::take_recent`].
#[derive(Clone, Debug, Default)]
pub struct StatsSnapshot {
    /// The number of messages sent.
    pub sent: u64,
    /// The number of messages acknowledged.
    pub acknowledged: u64,
    /// The time from a message's due time to its acknowledgment.
    pub latency: LatencySummary,
    /// The number of connections lost, since the start.
    pub lost: u64,
    /// The reason of the first loss.
    pub loss: Option<String>,
    /// The time of the last acknowledgment.
    pub last_ack: Option<Instant>,
}

/// Running statistics.
pub struct LoadStats(Mutex<Totals>);

struct Totals {
    total: Counters,
    recent: Counters,
    lost: u64,
    loss: Option<String>,
    last_ack: Option<Instant>,
}

struct Counters {
    sent: u64,
    latencies: LatencyHistogram,
}

/// A histogram of latencies.
pub struct LatencyHistogram(Histogram<u64>);

impl LoadStats {
    /// Makes empty statistics.
    ///
    /// # Errors
    /// As for [`LatencyHistogram::new`].
    pub fn new() -> anyhow::Result<Self> {
        let counters = || {
            let latencies = LatencyHistogram::new()?;
            anyhow::Ok(Counters { sent: 0, latencies })
        };
        Ok(Self(Mutex::new(Totals {
            total: counters()?,
            recent: counters()?,
            lost: 0,
            loss: None,
            last_ack: None,
        })))
    }

    /// Returns the statistics since the start.
    pub fn total(&self) -> StatsSnapshot {
        let totals = self.totals();
        totals.snapshot(&totals.total)
    }

    /// Returns the statistics since the last call, except losses, which count from the start.
    pub fn take_recent(&self) -> StatsSnapshot {
        let mut totals = self.totals();
        let snapshot = totals.snapshot(&totals.recent);
        totals.recent.sent = 0;
        totals.recent.latencies.0.reset();
        snapshot
    }

    pub(super) fn sent(&self, count: u64) {
        let mut totals = self.totals();
        totals.total.sent += count;
        totals.recent.sent += count;
    }

    /// Records the acknowledgment of a message with this due time.
    pub(super) fn acknowledged(&self, due: Instant) {
        let now = Instant::now();
        let latency = now - due;
        let mut totals = self.totals();
        totals.last_ack = Some(now);
        totals.total.latencies.record(latency);
        totals.recent.latencies.record(latency);
    }

    pub(super) fn connection_lost(&self, reason: String) {
        let mut totals = self.totals();
        totals.lost += 1;
        totals.loss.get_or_insert(reason);
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Totals {
    fn snapshot(&self, counters: &Counters) -> StatsSnapshot {
        StatsSnapshot {
            sent: counters.sent,
            acknowledged: counters.latencies.count(),
            latency: counters.latencies.summary(),
            lost: self.lost,
            loss: self.loss.clone(),
            last_ack: self.last_ack,
        }
    }
}

impl LatencyHistogram {
    /// Makes an empty histogram.
    ///
    /// # Errors
    /// If the bounds of the histogram are invalid.
    pub fn new() -> anyhow::Result<Self> {
        let histogram = Histogram::new_with_bounds(1, MAX_LATENCY_MICROS, SIGNIFICANT_DIGITS);
        Ok(Self(histogram?))
    }

    /// Records a latency.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(MAX_LATENCY_MICROS);
        self.0.saturating_record(micros);
    }

    /// Returns the number of latencies recorded.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the percentiles.
    pub fn summary(&self) -> LatencySummary {
        let milliseconds = |micros: u64| micros as f64 / 1000.0;
        LatencySummary {
            p50: milliseconds(self.0.value_at_quantile(0.5)),
            p99: milliseconds(self.0.value_at_quantile(0.99)),
            max: milliseconds(self.0.max()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn recent_statistics_are_returned_once() {
        let stats = LoadStats::new().unwrap();
        let due = Instant::now();
        stats.sent(2);
        tokio::time::advance(Duration::from_millis(20)).await;
        stats.acknowledged(due);
        let first = stats.take_recent();
        assert_eq!((first.sent, first.acknowledged), (2, 1));
        assert!((19.9..20.1).contains(&first.latency.p99), "{first:?}");
        stats.acknowledged(due);
        stats.connection_lost("it broke".into());
        stats.connection_lost("it broke too".into());
        let then = stats.take_recent();
        assert_eq!((then.sent, then.acknowledged, then.lost), (0, 1, 2));
        let total = stats.total();
        assert_eq!((total.sent, total.acknowledged), (2, 2));
        assert_eq!(total.loss.as_deref(), Some("it broke"));
    }

    #[test]
    fn latencies_short_and_long_are_precise() {
        for millis in [1.0, 20.0, 300.0, 4000.0, 50_000.0] {
            let mut latencies = LatencyHistogram::new().unwrap();
            latencies.record(Duration::from_secs_f64(millis / 1000.0));
            let max = latencies.summary().max;
            assert!((max / millis - 1.0).abs() < 0.002, "{max} is not {millis}");
        }
    }
}
