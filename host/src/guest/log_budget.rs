//! The rate limit on a component's log lines.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{bindings::pnp::device::log::Level, limits::Limits};
use crate::text::truncate;

/// Writes a component's lines to the log, at most `log-rate` per second, without control characters.
pub(super) struct LogBudget {
    device: Arc<str>,
    line: usize,
    per_second: usize,
    second: Instant,
    written: usize,
}

impl LogBudget {
    pub(super) fn new(limits: &Limits, device: Arc<str>) -> Self {
        Self {
            device,
            line: limits.log_line,
            per_second: limits.log_rate,
            second: Instant::now(),
            written: 0,
        }
    }

    pub(super) fn write(&mut self, level: Level, message: &str) {
        if !self.admit() {
            return;
        }
        let device = &*self.device;
        let message = truncate(message, self.line);
        match level {
            Level::Trace => tracing::trace!(target: "component", device, "{message}"),
            Level::Debug => tracing::debug!(target: "component", device, "{message}"),
            Level::Info => tracing::info!(target: "component", device, "{message}"),
            Level::Warn => tracing::warn!(target: "component", device, "{message}"),
            Level::Error => tracing::error!(target: "component", device, "{message}"),
        }
    }

    /// Counts a line. The first one dropped in a second is logged at once, because the component may never log again; the
    /// number of dropped lines is logged with the first line of a later second.
    fn admit(&mut self) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            let dropped = self.written.saturating_sub(self.per_second);
            if dropped > 0 {
                tracing::warn!(
                    device = &*self.device,
                    dropped,
                    "component log lines dropped"
                );
            }
            self.second = Instant::now();
            self.written = 0;
        }
        self.written = self.written.saturating_add(1);
        if self.written == self.per_second.saturating_add(1) {
            tracing::warn!(
                device = &*self.device,
                lines_per_second = self.per_second,
                "component exceeds the log rate: lines dropped"
            );
        }
        self.written <= self.per_second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_lines_are_admitted_per_second() {
        let limits = Limits {
            log_rate: 3,
            ..Limits::default()
        };
        let mut budget = LogBudget::new(&limits, "d".into());
        let admitted = (0..100).filter(|_| budget.admit()).count();
        assert_eq!(admitted, 3);
    }
}
