//! What all devices together have done so far.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::time::Instant;

/// Digits of a latency that count.
const DIGITS: u8 = 3;
/// What takes longer counts as this, in microseconds.
const LONGEST: u64 = 3600 * 1_000_000;

/// How long things took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Latency {
    /// Half of them at most so long.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// Figures of a load, or of the time since they were last asked for.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Messages that were sent.
    pub sent: u64,
    /// Messages that were acknowledged.
    pub acknowledged: u64,
    /// From when a message was due until it was acknowledged.
    pub latency: Latency,
    /// Connections that ended without being asked to.
    pub lost: u64,
    /// Why the first of them did.
    pub loss: Option<String>,
    /// When a message was last acknowledged.
    pub last: Option<Instant>,
}

/// Counts along while the devices send.
pub struct Tally(Mutex<Books>);

struct Books {
    whole: Sums,
    recent: Sums,
    lost: u64,
    loss: Option<String>,
    last: Option<Instant>,
}

struct Sums {
    sent: u64,
    latencies: Latencies,
}

/// How long each of many things took.
pub struct Latencies(Histogram<u64>);

impl Tally {
    /// Nothing has been sent yet.
    ///
    /// # Errors
    /// As for [`Latencies::new`].
    pub fn new() -> anyhow::Result<Self> {
        let sums = || {
            let latencies = Latencies::new()?;
            anyhow::Ok(Sums { sent: 0, latencies })
        };
        Ok(Self(Mutex::new(Books {
            whole: sums()?,
            recent: sums()?,
            lost: 0,
            loss: None,
            last: None,
        })))
    }

    /// All so far.
    pub fn whole(&self) -> Figures {
        let books = self.books();
        books.figures(&books.whole)
    }

    /// What is new since the last call, but losses, which are counted from the beginning.
    pub fn recent(&self) -> Figures {
        let mut books = self.books();
        let figures = books.figures(&books.recent);
        books.recent.sent = 0;
        books.recent.latencies.0.reset();
        figures
    }

    pub(super) fn sent(&self, count: u64) {
        let mut books = self.books();
        books.whole.sent += count;
        books.recent.sent += count;
    }

    /// A message that was due then is acknowledged now.
    pub(super) fn acknowledged(&self, due: Instant) {
        let now = Instant::now();
        let took = now - due;
        let mut books = self.books();
        books.last = Some(now);
        books.whole.latencies.record(took);
        books.recent.latencies.record(took);
    }

    pub(super) fn lost(&self, why: String) {
        let mut books = self.books();
        books.lost += 1;
        books.loss.get_or_insert(why);
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn figures(&self, sums: &Sums) -> Figures {
        Figures {
            sent: sums.sent,
            acknowledged: sums.latencies.count(),
            latency: sums.latencies.figures(),
            lost: self.lost,
            loss: self.loss.clone(),
            last: self.last,
        }
    }
}

impl Latencies {
    /// None so far.
    ///
    /// # Errors
    /// There is no histogram of these bounds.
    pub fn new() -> anyhow::Result<Self> {
        let histogram = Histogram::new_with_bounds(1, LONGEST, DIGITS);
        Ok(Self(histogram?))
    }

    /// Takes one in.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST);
        self.0.saturating_record(micros);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// What is told of them.
    pub fn figures(&self) -> Latency {
        let milliseconds = |micros: u64| micros as f64 / 1000.0;
        Latency {
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
    async fn what_is_recent_is_told_once() {
        let tally = Tally::new().unwrap();
        let due = Instant::now();
        tally.sent(2);
        tokio::time::advance(Duration::from_millis(20)).await;
        tally.acknowledged(due);
        let first = tally.recent();
        assert_eq!((first.sent, first.acknowledged), (2, 1));
        assert!((19.9..20.1).contains(&first.latency.p99), "{first:?}");
        tally.acknowledged(due);
        tally.lost("it broke".into());
        tally.lost("it broke too".into());
        let then = tally.recent();
        assert_eq!((then.sent, then.acknowledged, then.lost), (0, 1, 2));
        let whole = tally.whole();
        assert_eq!((whole.sent, whole.acknowledged), (2, 2));
        assert_eq!(whole.loss.as_deref(), Some("it broke"));
    }

    #[test]
    fn a_latency_is_told_as_it_was_whether_short_or_long() {
        for millis in [1.0, 20.0, 300.0, 4000.0, 50_000.0] {
            let mut latencies = Latencies::new().unwrap();
            latencies.record(Duration::from_secs_f64(millis / 1000.0));
            let max = latencies.figures().max;
            assert!((max / millis - 1.0).abs() < 0.002, "{max} is not {millis}");
        }
    }
}
