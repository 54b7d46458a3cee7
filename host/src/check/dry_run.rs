//! A dry run: a device on a virtual clock, without a hub. Items it would send are counted.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;

use super::{
    finding::{Finding, Verdict},
    instance_clock::InstanceClock,
    rates::Totals,
    sent::SentSummary,
};
use crate::{
    clock::{Clock, VirtualClock},
    contract::{
        behaviour::{
            Answer, Behaviour, CallFailure, Event, Instance as _, InstanceContext, Outcome, Reason,
            Start,
        },
        timers::Timers,
    },
    device::Usage,
    guest::{Component, ComponentInstance},
    store::{DeviceStore, MemoryBackend, PersistedState, Retention, batch::Batch},
};

/// The virtual duration of a dry run, unless it is to handle a number of events.
pub(super) const DURATION: Duration = Duration::from_secs(300);
/// The virtual duration of a dry run that ends after a number of events: a thousand years.
const LONGEST: Duration = Duration::from_secs(1000 * 365 * 86_400);
/// The monotonic time at the start. A machine has been up for a while when a component starts; Go's runtime stops at zero.
const UPTIME: Duration = Duration::from_secs(3600);
/// A name that no component knows.
pub(super) const UNKNOWN: &str = "hostCheck";
/// The same in each dry run, so that its result is.
const SEED: u64 = 1;

/// A device without a hub.
pub(super) struct DryRun {
    component: Component,
    config: Arc<[(String, String)]>,
    max_timers: usize,
    clock: Arc<VirtualClock>,
    instance_clock: Arc<InstanceClock>,
    duration: Duration,
    store: DeviceStore,
    /// `None` once a call has failed and no new instance could start.
    instance: Option<ComponentInstance>,
    sent: SentSummary,
    totals: Totals,
}

/// A failed call of a dry run.
pub(super) struct DryRunFailure {
    failure: CallFailure,
    /// The failure of the new instance, if it did not start from the last record.
    end: Option<CallFailure>,
}

impl DryRun {
    /// Starts as a device that has never run; `is_long` if it ends by events and not by time.
    pub(super) async fn begin(
        component: Component,
        config: Arc<[(String, String)]>,
        max_timers: usize,
        is_long: bool,
    ) -> Result<Self, CallFailure> {
        let duration = if is_long { LONGEST } else { DURATION };
        let clock = VirtualClock::with_uptime(Timestamp::now(), UPTIME, duration);
        let backend = Box::new(MemoryBackend::default());
        let store = DeviceStore::new(
            backend,
            PersistedState::default(),
            Retention::default(),
            &clock,
        );
        let mut run = Self {
            component,
            config,
            max_timers,
            instance_clock: InstanceClock::new(clock.clone()),
            clock,
            duration,
            store,
            instance: None,
            sent: SentSummary::default(),
            totals: Totals::default(),
        };
        run.start(Reason::Fresh).await?;
        Ok(run)
    }

    /// Starts an instance.
    async fn start(&mut self, reason: Reason) -> Result<(), CallFailure> {
        let (instance, outcome) = self.new_instance(reason).await?;
        self.commit(None, outcome)?;
        self.instance = Some(instance);
        Ok(())
    }

    async fn new_instance(
        &self,
        reason: Reason,
    ) -> Result<(ComponentInstance, Outcome), CallFailure> {
        let context = InstanceContext {
            device: "check".into(),
            clock: self.instance_clock.clone(),
            seed: Some(SEED),
            outbox_quota: None,
        };
        let start = Start {
            reason,
            config: self.config.clone(),
            record: self.store.state().record.clone(),
        };
        self.component.start(context, start).await
    }

    /// Lets the component handle an event. If that fails, a new instance goes on from the last record, as in a device that
    /// runs.
    pub(super) async fn call(&mut self, event: Event) -> Result<Answer, DryRunFailure> {
        let timer = match &event {
            Event::Timer(name) => Some(name.clone()),
            _ => None,
        };
        let failure = match self.handle(timer, event).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => failure,
        };
        let end = self.start(Reason::Recovered).await.err();
        Err(DryRunFailure { failure, end })
    }

    async fn handle(&mut self, timer: Option<String>, event: Event) -> Result<Answer, CallFailure> {
        let Some(instance) = self.instance.take() else {
            return Err(CallFailure::Error("no instance is running".to_owned()));
        };
        let (instance, outcome) = instance.handle(event).await?;
        let answer = self.commit(timer, outcome)?;
        self.instance = Some(instance);
        Ok(answer)
    }

    fn commit(&mut self, fired: Option<String>, outcome: Outcome) -> Result<Answer, CallFailure> {
        let outcome = self.timers().check_limit(outcome, self.max_timers)?;
        let usage = Usage::of(&outcome, self.store.state().record.as_deref());
        self.totals.calls += u64::from(fired.is_some());
        self.totals.messages += usage.messages as u64;
        self.totals.bytes += usage.bytes as u64;
        let (answer, batch) = Batch::of(outcome, fired);
        self.sent.add(&batch.outgoing);
        self.store.commit(batch, &self.clock);
        Ok(answer)
    }

    /// Checks that there is an instance for the next check; otherwise the reason why it is skipped.
    pub(super) fn check_running(&self) -> Result<(), String> {
        match self.instance {
            Some(_) => Ok(()),
            None => Err("no instance is running".to_owned()),
        }
    }

    /// Returns the record of another instance, started from this record as in a swap.
    pub(super) async fn restored(&self) -> Result<String, CallFailure> {
        let (_, outcome) = self.new_instance(Reason::Swap).await?;
        Ok(outcome.record)
    }

    /// Advances the clock until a timer is due; `None` if none will be.
    pub(super) async fn next_timer(&self) -> Option<String> {
        let end = UPTIME + self.duration;
        let due = self.timers().next_due().filter(|due| *due <= end)?;
        self.clock.sleep_until(due).await;
        let now = self.clock.monotonic();
        self.timers().due(now).map(str::to_owned)
    }

    /// Returns the timers that are set.
    pub(super) fn timers(&self) -> &Timers {
        &self.store.state().timers
    }

    /// Returns the virtual time that has passed.
    pub(super) fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(UPTIME)
    }

    /// Returns the virtual time after which no timer fires any more.
    pub(super) fn duration(&self) -> Duration {
        self.duration
    }

    /// Returns the memory of the instance, in bytes; 0 if there is none.
    pub(super) fn memory(&self) -> usize {
        self.instance.as_ref().map_or(0, ComponentInstance::memory)
    }

    /// Returns the totals of all calls so far.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// Returns the last record.
    pub(super) fn record(&self) -> &str {
        self.store.state().record.as_deref().unwrap_or_default()
    }

    /// Returns the items it would have sent.
    pub(super) fn into_sent(self) -> SentSummary {
        self.sent
    }
}

impl DryRunFailure {
    /// Returns the failure of the call if a new instance goes on after it.
    pub(super) fn returned(&self) -> Option<&CallFailure> {
        match self.end {
            None => Some(&self.failure),
            Some(_) => None,
        }
    }

    /// Returns the failure of a call as a finding: a returned error has the verdict `error`; a trap is always an error, and
    /// so is a failure after which no instance starts.
    pub(super) fn finding(self, at: &str, error: Verdict) -> Finding {
        let verdict = match (&self.failure, &self.end) {
            (CallFailure::Error(_), None) => error,
            _ => Verdict::Error,
        };
        let what = match &self.failure {
            CallFailure::Error(reason) => format!("error returned {at}: {reason}"),
            CallFailure::Trap(reason) | CallFailure::OutOfMemory(reason) => {
                format!("trap {at}: {reason}")
            }
        };
        let message = match self.end {
            None => what,
            Some(end) => format!(
                "{what}; and no instance starts from the last record: {}",
                end.reason()
            ),
        };
        Finding::new(verdict, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(failure: CallFailure, end: Option<CallFailure>) -> Verdict {
        DryRunFailure { failure, end }
            .finding("there", Verdict::Warning)
            .verdict
    }

    #[test]
    fn a_returned_error_may_be_a_warning_a_trap_and_an_end_are_errors() {
        let error = || CallFailure::Error("no".to_owned());
        let trap = CallFailure::Trap("no".to_owned());
        assert_eq!(verdict(error(), None), Verdict::Warning);
        assert_eq!(verdict(trap, None), Verdict::Error);
        assert_eq!(verdict(error(), Some(error())), Verdict::Error);
    }
}
