//! Back to an earlier version, because one has failed or somebody wants it.

use super::{Leaving, Probation};
use crate::{
    device::{
        Device, InHand,
        behaviour::{Behaviour, Failure},
        supervisor::Call,
    },
    mqtt::Transport,
    store::batch::Batch,
    swap::{self, About, Asker, Entry, Source, Step},
};

/// What a failed call comes to.
pub(in crate::device) enum After {
    /// An earlier version has taken over or is about to, and is given what the call was about.
    Withdrawn,
    /// A new instance of the same version goes on.
    Recover,
    /// It has failed once too often, and there is no other version.
    LeaveAlone,
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// What a failed call comes to.
    pub(in crate::device) fn after(
        &mut self,
        call: Call,
        about: &mut Option<InHand>,
        failure: &Failure,
    ) -> After {
        let on_probation = self.store.saved().versions.fallback.is_some();
        if on_probation && let Some(after) = self.after_on_probation(call, about, failure) {
            return after;
        }
        let now = self.clock.monotonic();
        if call == Call::Start || matches!(failure, Failure::Trap(_)) {
            self.tell_failure(failure);
        }
        if !self.supervisor.spent(call, failure, now) {
            return After::Recover;
        }
        let has_previous = !on_probation && self.previous().is_some();
        if !has_previous && self.turnover.waiting.is_none() {
            return After::LeaveAlone;
        }
        if has_previous {
            self.turnover.leaving = Some(Leaving {
                source: Source::Host,
                reason: failure.to_string(),
                asker: None,
            });
        }
        self.hand_back(about.take());
        self.supervisor.leave_alone(failure, now);
        After::Withdrawn
    }

    /// What a failed call of a version on probation comes to; none if it should be rolled back, and cannot be yet.
    fn after_on_probation(
        &mut self,
        call: Call,
        about: &mut Option<InHand>,
        failure: &Failure,
    ) -> Option<After> {
        let probation = self.turnover.probation.as_mut()?;
        if !probation.failed(call, failure) {
            return Some(After::Recover);
        }
        if self.fallback().is_none() {
            self.turnover.overdue(failure);
            return None;
        }
        self.hand_back(about.take());
        self.roll_back(Source::Host, failure.to_string(), None);
        Some(After::Withdrawn)
    }

    /// A version the device may turn back to is loaded; it does if it should have done so already, unless a newer one is
    /// about to take over.
    pub(super) fn turn_back_if_overdue(&mut self, behaviour: B) {
        let sha256 = behaviour.sha256().to_owned();
        self.turnover.loaded.insert(sha256, behaviour);
        self.unload();
        if self.fallback().is_none() || self.turnover.beginning.is_some() {
            return;
        }
        let probation = self.turnover.probation.as_ref();
        if let Some(reason) = probation.and_then(|probation| probation.overdue.clone()) {
            let about = self.in_hand.take();
            self.hand_back(about);
            self.roll_back(Source::Host, reason, None);
        }
    }

    fn tell_failure(&mut self, failure: &Failure) {
        let mut entry = Entry::new(self.clock.now(), Step::Failed, Source::Host);
        entry.version = Some(About::of(self.supervisor.behaviour()));
        self.note(entry.because(failure.to_string()), None);
    }

    /// Puts back what a call was about, for the version that comes: its answer is the answer. Timers are due still, and
    /// the twin is asked for.
    fn hand_back(&mut self, about: Option<InHand>) {
        match about {
            Some(InHand::Command(command)) => self.inbox.command_again(command),
            Some(InHand::Message(message)) if self.is_current(&message) => {
                self.inbox.message_again(message, self.clock.monotonic());
            }
            Some(InHand::Desired { .. }) => self.twin_missed = true,
            Some(InHand::Message(_) | InHand::Timer(_)) | None => {}
        }
    }

    pub(super) fn roll_back_as_asked(&mut self, asker: Asker) {
        const REASON: &str = "a roll-back was asked for";
        self.give_up_waiting(REASON);
        if self.turnover.beginning.is_some() {
            self.candidate_failed(&Failure::Trap(REASON.to_owned()));
        }
        if self.fallback().is_some() {
            let about = self.in_hand.take();
            self.hand_back(about);
            self.roll_back(Source::Command, REASON.to_owned(), Some(asker));
            return;
        }
        if let Some(objection) = self.objection_to_leaving() {
            let entry = Entry::new(self.clock.now(), Step::Refused, Source::Command);
            // Nothing has happened that the history or the twin should tell. Whoever asked may have stopped waiting.
            let _ = asker.send(entry.because(objection));
            return;
        }
        self.turnover.leaving = Some(Leaving {
            source: Source::Command,
            reason: REASON.to_owned(),
            asker: Some(asker),
        });
    }

    /// Why an accepted version does not give way to the one before, though somebody wants it.
    fn objection_to_leaving(&self) -> Option<String> {
        let versions = &self.store.saved().versions;
        let Some(previous) = self.previous().filter(|_| versions.fallback.is_none()) else {
            let why = match versions.earlier().next() {
                Some(_) => "the version before is not loaded; the log says why",
                None => "there is no earlier version to go back to",
            };
            return Some(why.to_owned());
        };
        let model = |behaviour: &B| behaviour.description().model_id.clone();
        let (is, was) = (model(self.supervisor.behaviour()), model(&previous));
        (is != was).then(|| {
            format!(
                "the model of the version before is {was}, the device's is {is}; `host swap FILE --allow-model-change` takes \
                 it all the same, and connects anew"
            )
        })
    }

    /// The version on probation is withdrawn: the one before it goes on as if the swap had not been, except that what was
    /// sent stays sent. A call in hand is stopped.
    fn roll_back(&mut self, source: Source, reason: String, asker: Option<Asker>) {
        let back = swap::roll_back(self.store.saved(), &*self.clock, source, &reason);
        let (Some((mut batch, mut entry)), Some(behaviour)) = (back, self.fallback()) else {
            return;
        };
        let probation = self.turnover.probation.take();
        let record = batch.record.clone();
        entry.undone = probation.as_ref().and_then(Probation::committed);
        let mut askers = probation.map_or_else(Vec::new, |probation| probation.askers);
        askers.extend(asker);
        self.step(&mut batch, entry, &askers);
        self.commit(batch);
        self.unload();
        self.inbox.forget_twin();
        self.twin_missed = true;
        self.supervisor.replace(behaviour, record);
        self.announce();
    }

    /// The device ends as it was told to, which says nothing against a version on probation.
    pub(in crate::device) fn end_cleanly(&mut self) {
        let mut versions = self.store.saved().versions.clone();
        if let Some(fallback) = &mut versions.fallback {
            fallback.clean = true;
            self.commit(Batch {
                versions: Some(versions),
                ..Batch::default()
            });
        }
    }
}
