//! The rate limit on a component's log lines.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{bindings::pnp::device::log::Level, limits::Limits};
use crate::text::truncate;

/// The component in its log lines.
#[derive(Clone)]
pub(super) struct LogName {
    /// Its name; part of its hash before it has described itself.
    pub(super) component: Arc<str>,
    /// Its version; `None` before it has described itself.
    pub(super) version: Option<Arc<str>>,
}

/// Writes a component's lines to the log, at most `log-rate` per second, without control characters.
pub(super) struct LogBudget {
    device: Arc<str>,
    name: LogName,
    line: usize,
    per_second: usize,
    second: Instant,
    written: usize,
}

impl LogBudget {
    pub(super) fn new(limits: &Limits, device: Arc<str>, name: LogName) -> Self {
        Self {
            device,
            name,
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
        let message = truncate(message, self.line);
        macro_rules! log {
            ($level:ident) => {
                tracing::event!(
                    target: "component",
                    tracing::Level::$level,
                    device = &*self.device,
                    component = &*self.name.component,
                    version = self.name.version.as_deref(),
                    "{message}"
                )
            };
        }
        match level {
            Level::Trace => log!(TRACE),
            Level::Debug => log!(DEBUG),
            Level::Info => log!(INFO),
            Level::Warn => log!(WARN),
            Level::Error => log!(ERROR),
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
                    component = &*self.name.component,
                    version = self.name.version.as_deref(),
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
                component = &*self.name.component,
                version = self.name.version.as_deref(),
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
        let name = LogName {
            component: "c".into(),
            version: None,
        };
        let mut budget = LogBudget::new(&limits, "d".into(), name);
        let admitted = (0..100).filter(|_| budget.admit()).count();
        assert_eq!(admitted, 3);
    }
}
