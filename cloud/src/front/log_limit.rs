//! The rate limit of log lines about clients, which anyone can provoke.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

/// Lines that may be logged at once.
const BURST: u32 = 20;
/// The time in which another line is earned.
const INTERVAL: Duration = Duration::from_secs(1);
/// The time between two summaries of what was suppressed.
const SUMMARY_INTERVAL: Duration = Duration::from_secs(60);

/// The rate limit, shared by all connections.
#[derive(Clone)]
pub(super) struct LogLimit(Arc<Mutex<Budget>>);

struct Budget {
    lines: u32,
    /// The time up to which lines have been earned.
    earned: Instant,
    suppressed: u64,
    /// The time of the next summary.
    summary: Instant,
}

impl LogLimit {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Arc::new(Mutex::new(Budget {
            lines: BURST,
            earned: now,
            suppressed: 0,
            summary: now + SUMMARY_INTERVAL,
        })))
    }

    /// Returns true if a line may be logged; otherwise counts it.
    pub(super) fn allows(&self) -> bool {
        let mut budget = self.lock();
        budget.earn(Instant::now());
        match budget.lines.checked_sub(1) {
            Some(left) => budget.lines = left,
            None => {
                budget.suppressed += 1;
                return false;
            }
        }
        true
    }

    /// Waits until lines have been suppressed and a summary is due. Returns their number. Cancel-safe.
    pub(super) async fn suppressed(&self) -> u64 {
        loop {
            let due = self.lock().summary;
            sleep_until(due).await;
            let mut budget = self.lock();
            budget.summary = Instant::now() + SUMMARY_INTERVAL;
            match std::mem::take(&mut budget.suppressed) {
                0 => {}
                suppressed => return suppressed,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Budget> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    fn earn(&mut self, now: Instant) {
        let intervals = now.duration_since(self.earned).div_duration_f64(INTERVAL);
        if intervals >= f64::from(BURST) {
            (self.lines, self.earned) = (BURST, now);
            return;
        }
        while now.duration_since(self.earned) >= INTERVAL {
            self.earned += INTERVAL;
            self.lines = (self.lines + 1).min(BURST);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    fn logged(limit: &LogLimit, lines: u32) -> u32 {
        (0..lines).filter(|_| limit.allows()).count() as u32
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_logged_up_to_a_burst_and_then_by_the_second() {
        let limit = LogLimit::new();
        assert_eq!(logged(&limit, 1000), BURST);
        sleep(INTERVAL * 3).await;
        assert_eq!(logged(&limit, 1000), 3);
        sleep(INTERVAL * 1000).await;
        assert_eq!(logged(&limit, 1000), BURST);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_suppressed_is_told_within_a_minute() {
        let (limit, start) = (LogLimit::new(), Instant::now());
        sleep(SUMMARY_INTERVAL).await;
        logged(&limit, BURST + 7);
        assert_eq!(limit.suppressed().await, 7);
        assert!(start.elapsed() <= SUMMARY_INTERVAL * 2);
        logged(&limit, 1000);
        assert!(limit.suppressed().await > 0);
    }
}
