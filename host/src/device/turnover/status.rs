//! How things stand with a device's versions, for whoever asks.

use std::collections::BTreeMap;

use crate::{
    device::{Device, behaviour::Behaviour},
    mqtt::Transport,
    status::State,
    swap::Step,
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    pub(super) fn needed(&self) -> Vec<String> {
        let kept = self.store.saved().versions.needed().map(str::to_owned);
        let waiting = self.turnover.waiting.as_ref();
        let waiting = waiting.map(|it| it.behaviour.sha256().to_owned());
        let beginning = self.turnover.beginning.as_ref();
        let beginning = beginning.map(|it| it.about.sha256.clone());
        kept.chain(waiting).chain(beginning).collect()
    }

    /// What the version that runs does.
    pub(in crate::device) fn version_state(&self) -> State {
        let now = self.clock.monotonic();
        match (self.supervisor.down(), &self.turnover.probation) {
            (Some(reason), _) => State::LeftAlone {
                reason: reason.to_owned(),
                seconds_left: self
                    .supervisor
                    .next_try()
                    .map_or(0.0, |at| at.saturating_sub(now).as_secs_f64()),
            },
            (None, Some(probation)) => probation.left(now),
            (None, None) => State::Accepted,
        }
    }

    /// How often each step has happened.
    pub(in crate::device) fn steps(&self) -> BTreeMap<String, u64> {
        let count = |step| self.turnover.steps.get(step).copied().unwrap_or_default();
        Step::ALL
            .iter()
            .map(|step| (step.name().to_owned(), count(step)))
            .collect()
    }
}
