//! The status of a device.

use super::Device;
use crate::{
    contract::behaviour::Behaviour,
    mqtt::Transport,
    status::{OutboxStatus, Status},
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    pub(super) fn status(&mut self) -> Status {
        let now = self.clock.monotonic();
        let outbox = OutboxStatus {
            dead_lettered: self.store.dead_letters().counts().total,
            ..self.store.outbox().status(now)
        };
        let state = self.store.state();
        let versions = state.versions.clone();
        Status {
            device_id: self.name.to_string(),
            pid: std::process::id(),
            connection: self.connection.status(),
            outbox,
            store: self.store.disk_status(),
            calls: self.supervisor.calls().clone(),
            running: versions.running,
            state: self.component_state(),
            suspended: self.failures.status(now),
            fallback: versions.fallback.map(|fallback| fallback.version),
            previous: versions.previous,
            quarantined: versions.quarantined.iter().map(Into::into).collect(),
            steps: self.step_counts(),
            limits: self.limits.by_name(),
            rate_limits: self.rate_limits.status(now),
            last_swap: state.history.last_swap().cloned(),
        }
    }
}
