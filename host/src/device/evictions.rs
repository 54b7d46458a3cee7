//! The log of evictions from the outbox.

use std::time::Duration;

use super::Device;
use crate::{contract::behaviour::Behaviour, mqtt::Transport};

/// Time between two log lines on evictions.
const EVICTION_LOG_INTERVAL: Duration = Duration::from_secs(60);
impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Logs evictions at most once per interval.
    pub(super) fn log_evictions(&mut self) {
        let (now, logged) = (self.clock.monotonic(), self.evictions_logged);
        let evictions = self.store.outbox().evictions();
        if evictions == logged || self.evictions_logged_after > now {
            return;
        }
        let (device, total) = (&*self.name, evictions.total);
        let expired = evictions.expired - logged.expired;
        let evicted = total - logged.total - expired;
        if expired > 0 {
            tracing::warn!(
                device,
                evicted = expired,
                total,
                "telemetry evicted: older than --outbox-max-age"
            );
        }
        if evicted > 0 {
            tracing::warn!(device, evicted, total, "telemetry evicted: outbox full");
        }
        self.evictions_logged = evictions;
        self.evictions_logged_after = now + EVICTION_LOG_INTERVAL;
    }
}
