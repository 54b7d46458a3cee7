//! How things stand with a device, for whoever asks.

use super::{Device, behaviour::Behaviour};
use crate::{
    mqtt::Transport,
    status::{Outbox, Status},
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    pub(super) fn status(&mut self) -> Status {
        let now = self.clock.monotonic();
        let outbox = Outbox {
            set_aside: self.store.aside().tally().total,
            ..self.store.outbox().status(now)
        };
        let saved = self.store.saved();
        let versions = saved.versions.clone();
        Status {
            device: self.name.to_string(),
            process: std::process::id(),
            connection: self.connection.status(),
            outbox,
            calls: self.supervisor.calls().clone(),
            running: versions.running,
            state: self.version_state(),
            fallback: versions.fallback.map(|fallback| fallback.version),
            previous: versions.previous,
            quarantined: versions.quarantined,
            steps: self.steps(),
            limits: self.limits.by_name(),
            last_swap: saved.history.last_swap().cloned(),
        }
    }
}
