//! The part of a device's status that concerns its versions.

use std::collections::BTreeMap;

use crate::{
    contract::behaviour::Behaviour, device::Device, mqtt::Transport, status::ComponentState,
    versions::SwapStep,
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Returns the hashes of all versions that run, or may have to.
    pub(super) fn needed_versions(&self) -> Vec<String> {
        let stored = self.store.state().versions.needed().map(str::to_owned);
        let candidate = self.swap.candidate.as_ref();
        let candidate = candidate.map(|it| it.behaviour.sha256().to_owned());
        let starting = self.swap.starting.as_ref();
        let starting = starting.map(|it| it.version.sha256.clone());
        stored.chain(candidate).chain(starting).collect()
    }

    /// Returns the state of the running version.
    pub(in crate::device) fn component_state(&self) -> ComponentState {
        let now = self.clock.monotonic();
        match (self.supervisor.suspended(), &self.swap.probation) {
            (Some(reason), _) => ComponentState::Suspended {
                reason: reason.to_owned(),
                seconds_left: self
                    .supervisor
                    .resume_at()
                    .map_or(0.0, |at| at.saturating_sub(now).as_secs_f64()),
            },
            (None, Some(probation)) => probation.state(now),
            (None, None) => ComponentState::Accepted,
        }
    }

    /// Returns how often each step has happened.
    pub(in crate::device) fn step_counts(&self) -> BTreeMap<String, u64> {
        let count = |step| {
            let counts = &self.swap.step_counts;
            counts.get(step).copied().unwrap_or_default()
        };
        SwapStep::ALL
            .iter()
            .map(|step| (step.name().to_owned(), count(step)))
            .collect()
    }
}
