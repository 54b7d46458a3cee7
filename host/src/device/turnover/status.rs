//! How things stand, for whoever asks.

use crate::{
    device::{Device, behaviour::Behaviour},
    mqtt::Transport,
    swap::{State, Status, Step},
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

    pub(super) fn status(&mut self) -> Status {
        let now = self.clock.monotonic();
        let connected = self.connection.session().is_some();
        let outbox = self.store.outbox().len();
        let saved = self.store.saved();
        let versions = saved.versions.clone();
        let state = match (self.supervisor.down(), &self.turnover.probation) {
            (Some(reason), _) => State::LeftAlone {
                reason: reason.to_owned(),
                seconds_left: self
                    .supervisor
                    .next_try()
                    .map_or(0.0, |at| at.saturating_sub(now).as_secs_f64()),
            },
            (None, Some(probation)) => probation.left(now),
            (None, None) => State::Accepted,
        };
        Status {
            device: self.name.to_string(),
            process: std::process::id(),
            hub: saved
                .place
                .as_ref()
                .filter(|_| connected)
                .map(|place| place.assignment.hub.clone()),
            outbox,
            running: versions.running,
            state,
            fallback: versions.fallback.map(|fallback| fallback.version),
            previous: versions.previous,
            quarantined: versions.quarantined,
            steps: Step::ALL
                .iter()
                .map(|step| {
                    let count = self.turnover.steps.get(step);
                    (step.name().to_owned(), count.copied().unwrap_or_default())
                })
                .collect(),
            last_swap: saved.history.last_swap().cloned(),
        }
    }
}
