//! Back to an earlier version, because one has failed or somebody wants it.

use super::{Candidate, Errand, Probation};
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
        let on_probation = self.turnover.fallback.is_some();
        if let Some(probation) = self.turnover.probation.as_mut().filter(|_| on_probation) {
            if !probation.failed(call, failure) {
                return After::Recover;
            }
            self.hand_back(about.take());
            self.roll_back(Source::Host, failure.to_string(), None);
            return After::Withdrawn;
        }
        let now = self.clock.monotonic();
        if call == Call::Start || matches!(failure, Failure::Trap(_)) {
            self.tell_failure(failure);
        }
        if !self.supervisor.spent(call, failure, now) {
            return After::Recover;
        }
        let Some(behaviour) = self.turnover.previous.clone() else {
            return After::LeaveAlone;
        };
        self.hand_back(about.take());
        self.supervisor.leave_alone(failure, now);
        let errand = Errand::Back {
            source: Source::Host,
            reason: failure.to_string(),
            asker: None,
        };
        self.replace_waiting(Candidate { behaviour, errand });
        After::Withdrawn
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
            Some(InHand::Message(message)) => {
                self.inbox.message_again(message, self.clock.monotonic());
            }
            Some(InHand::Desired { .. }) => self.twin_missed = true,
            Some(InHand::Timer(_)) | None => {}
        }
    }

    pub(super) fn roll_back_as_asked(&mut self, asker: Asker) {
        const REASON: &str = "a roll-back was asked for";
        if self.turnover.beginning.is_some() {
            self.candidate_failed(&Failure::Trap(REASON.to_owned()));
        }
        if self.turnover.probation.is_some() && self.turnover.fallback.is_some() {
            let about = self.in_hand.take();
            self.hand_back(about);
            self.roll_back(Source::Command, REASON.to_owned(), Some(asker));
            return;
        }
        match self.turnover.previous.clone() {
            Some(behaviour) => {
                let errand = Errand::Back {
                    source: Source::Command,
                    reason: REASON.to_owned(),
                    asker: Some(asker),
                };
                self.replace_waiting(Candidate { behaviour, errand });
            }
            None => {
                let entry = Entry::new(self.clock.now(), Step::Refused, Source::Command);
                let entry = entry.because("there is no earlier version to go back to");
                self.note(entry, Some(asker));
            }
        }
    }

    /// The version on probation is withdrawn: the one before it goes on as if the swap had not been, except that what was
    /// sent stays sent. A call in hand is stopped.
    fn roll_back(&mut self, source: Source, reason: String, asker: Option<Asker>) {
        let back = swap::roll_back(self.store.saved(), &*self.clock, source, &reason);
        let (Some((mut batch, mut entry)), Some(behaviour)) = (back, self.turnover.fallback.take())
        else {
            return;
        };
        let probation = self.turnover.probation.take();
        let record = batch.record.clone();
        entry.undone = probation.as_ref().and_then(Probation::committed);
        if let Some(of_version) = probation.and_then(|probation| probation.asker) {
            // Told beside whoever asked for the roll-back.
            let batch = self.store.next_batch();
            self.turnover
                .untold
                .push((batch, entry.clone(), of_version));
        }
        self.step(&mut batch, entry, asker.as_ref());
        self.commit(batch);
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
