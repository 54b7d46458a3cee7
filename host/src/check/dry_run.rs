//! One device on a virtual clock, without a hub: what it would send is noted.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    finding::{Finding, Verdict},
    sent::Sent,
};
use crate::{
    clock::{Clock, VirtualClock},
    device::{
        behaviour::{
            Answer, Behaviour, Event, Failure, Instance as _, Outcome, Reason, Start, Surroundings,
        },
        timers::Timers,
    },
    guest::{Component, Instance},
    store::{DeviceStore, Kept, Memory, Retention},
};

/// Longest time that passes for the device.
pub(super) const LENGTH: Duration = Duration::from_secs(300);
/// A name no component knows.
pub(super) const UNKNOWN: &str = "hostCheck";
/// The same in each dry run, so that its result is.
const SEED: u64 = 1;

/// A device that runs nowhere.
pub(super) struct DryRun {
    component: Component,
    config: Arc<[(String, String)]>,
    max_timers: usize,
    clock: Arc<VirtualClock>,
    store: DeviceStore,
    /// None once a call has failed and no new instance could begin.
    instance: Option<Instance>,
    sent: Sent,
}

/// A call has failed.
pub(super) struct CallFailure {
    failure: Failure,
    /// Why no instance goes on from the last record, if none does.
    end: Option<Failure>,
}

impl DryRun {
    /// Begins as a device that has never run.
    pub(super) async fn begin(
        component: Component,
        config: Arc<[(String, String)]>,
        max_timers: usize,
    ) -> Result<Self, Failure> {
        let clock = VirtualClock::new(Timestamp::now(), LENGTH);
        let backend = Box::new(Memory::default());
        let store = DeviceStore::new(backend, Kept::default(), Retention::default(), &clock);
        let mut run = Self {
            component,
            config,
            max_timers,
            clock,
            store,
            instance: None,
            sent: Sent::default(),
        };
        run.start(Reason::Fresh).await?;
        Ok(run)
    }

    /// Lets an instance take over.
    async fn start(&mut self, reason: Reason) -> Result<(), Failure> {
        let (instance, outcome) = self.new_instance(reason).await?;
        self.commit(None, outcome)?;
        self.instance = Some(instance);
        Ok(())
    }

    async fn new_instance(&self, reason: Reason) -> Result<(Instance, Outcome), Failure> {
        let surroundings = Surroundings {
            device: "check".into(),
            clock: Arc::new(self.clock.clone()),
            seed: Some(SEED),
            room: None,
        };
        let start = Start {
            reason,
            config: self.config.clone(),
            record: self.store.saved().record.clone(),
        };
        self.component.start(surroundings, start).await
    }

    /// Lets the component handle an event. If that fails, a new instance goes on from the last record, as in a device that
    /// runs.
    pub(super) async fn call(&mut self, event: Event) -> Result<Answer, CallFailure> {
        let timer = match &event {
            Event::Timer(name) => Some(name.clone()),
            _ => None,
        };
        let failure = match self.handle(timer, event).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let end = self.start(Reason::Recovered).await.err();
        Err(CallFailure { failure, end })
    }

    async fn handle(&mut self, timer: Option<String>, event: Event) -> Result<Answer, Failure> {
        let Some(instance) = self.instance.take() else {
            return Err(Failure::Error("no instance runs".to_owned()));
        };
        let (instance, outcome) = instance.handle(event).await?;
        let answer = self.commit(timer, outcome)?;
        self.instance = Some(instance);
        Ok(answer)
    }

    fn commit(&mut self, fired: Option<String>, outcome: Outcome) -> Result<Answer, Failure> {
        let outcome = self.timers().admit(outcome, self.max_timers)?;
        let (answer, batch) = outcome.into_batch(fired);
        self.sent.add(&batch.outgoing);
        self.store.commit(batch, &self.clock);
        Ok(answer)
    }

    /// Whether there is an instance for the next call; if not, why the next check is left out.
    pub(super) fn goes_on(&self) -> Result<(), String> {
        match self.instance {
            Some(_) => Ok(()),
            None => Err("not checked, because no instance goes on".to_owned()),
        }
    }

    /// What another instance saves that takes over in a swap. This one goes on.
    pub(super) async fn restored(&self) -> Result<String, Failure> {
        let (_, outcome) = self.new_instance(Reason::Swap).await?;
        Ok(outcome.record)
    }

    /// Lets time pass until a timer is due; none if none will be.
    pub(super) async fn next_timer(&self) -> Option<String> {
        let due = self.timers().next_due().filter(|due| *due <= LENGTH)?;
        self.clock.sleep_until(due).await;
        self.timers().due(self.elapsed()).map(str::to_owned)
    }

    /// The timers that are set.
    pub(super) fn timers(&self) -> &Timers {
        &self.store.saved().timers
    }

    /// The time that has passed for the device.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The last record.
    pub(super) fn record(&self) -> &str {
        self.store.saved().record.as_deref().unwrap_or_default()
    }

    /// What it would have sent so far.
    pub(super) fn into_sent(self) -> Sent {
        self.sent
    }
}

impl CallFailure {
    /// The failure `at` some call, as a finding: a returned error counts as `error` does, and whatever leaves no instance
    /// to go on is an error.
    pub(super) fn finding(self, at: &str, error: Verdict) -> Finding {
        let verdict = match (&self.failure, &self.end) {
            (Failure::Error(_), None) => error,
            _ => Verdict::Error,
        };
        let what = match &self.failure {
            Failure::Error(reason) => format!("it returned an error {at}: {reason}"),
            Failure::Trap(reason) => format!("it was stopped {at}: {reason}"),
        };
        let message = match self.end {
            None => what,
            Some(end) => format!(
                "{what}; and no instance goes on from its record: {}",
                end.reason()
            ),
        };
        Finding::new(verdict, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(failure: Failure, end: Option<Failure>) -> Verdict {
        CallFailure { failure, end }
            .finding("there", Verdict::Warning)
            .verdict
    }

    #[test]
    fn a_returned_error_may_be_a_warning_a_trap_and_an_end_are_errors() {
        let error = || Failure::Error("no".to_owned());
        let trap = Failure::Trap("no".to_owned());
        assert_eq!(verdict(error(), None), Verdict::Warning);
        assert_eq!(verdict(trap, None), Verdict::Error);
        assert_eq!(verdict(error(), Some(error())), Verdict::Error);
    }
}
