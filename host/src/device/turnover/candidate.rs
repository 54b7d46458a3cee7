//! A candidate: whether it is tried, whether it begins, and whether it is accepted.

use std::time::Instant;

use super::{Beginning, Candidate, Errand, Probation};
use crate::{
    device::{
        Device,
        behaviour::{Behaviour, Failure, Outcome, Reason},
        timers::Timers,
    },
    mqtt::Transport,
    store::batch::{Batch, TimerChange},
    swap::{About, Ask, Entry, Source, Step},
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    pub(super) fn entry(&self, step: Step, ask: &Ask) -> Entry {
        let mut entry = Entry::new(self.clock.now(), step, ask.source);
        entry.file = Some(ask.file.clone());
        entry
    }

    pub(super) fn replace_waiting(&mut self, candidate: Candidate<B>) {
        if let Some(Candidate { behaviour, errand }) = self.turnover.waiting.replace(candidate) {
            let entry = match &errand {
                Errand::Forward(ask) => self.entry(Step::Replaced, ask),
                Errand::Back { source, .. } => {
                    Entry::new(self.clock.now(), Step::Replaced, *source)
                }
            };
            let entry = entry.of(About::of(&behaviour));
            let asker = errand.asker().cloned();
            self.note(entry.because("another version was asked for"), asker);
        }
    }

    /// Lets the version that waits begin, if no call is in hand. Says whether it does.
    pub(in crate::device) fn attend_candidate(&mut self) -> bool {
        if self.supervisor.is_busy() {
            return false;
        }
        let Some(Candidate { behaviour, errand }) = self.turnover.waiting.take() else {
            return false;
        };
        let about = About::of(&behaviour);
        let mut reason = Reason::Swap;
        let mut record = self.store.saved().record.clone();
        if let Errand::Forward(ask) = &errand {
            if let Some(entry) = self.objection(&about, ask) {
                self.note(entry, ask.asker.clone());
                return false;
            }
            if ask.fresh_state {
                (reason, record) = (Reason::Fresh, None);
            }
        }
        self.turnover.beginning = Some(Beginning {
            about,
            errand,
            since: Instant::now(),
        });
        self.store.outbox().measure_room();
        self.supervisor.try_candidate(behaviour, reason, record);
        true
    }

    /// Why a version is not even tried.
    fn objection(&self, about: &About, ask: &Ask) -> Option<Entry> {
        let versions = &self.store.saved().versions;
        let refused = |reason: String| {
            Some(
                self.entry(Step::Refused, ask)
                    .of(about.clone())
                    .because(reason),
            )
        };
        if versions.runs(&about.sha256) {
            return Some(self.entry(Step::Same, ask).of(about.clone()));
        }
        if !ask.force
            && let Some(why) = versions.quarantine_of(&about.sha256)
        {
            return refused(format!(
                "it was withdrawn before ({why}); `host swap --force` takes it all the same"
            ));
        }
        let model = &self.supervisor.behaviour().description().model_id;
        if !ask.allow_model_change && about.model_id != *model {
            return refused(format!(
                "its model is {}, the device's is {model}; --allow-model-change takes it all the same, and connects anew",
                about.model_id
            ));
        }
        None
    }

    /// A version has begun: it takes over with everything its `init` has staged.
    pub(in crate::device) fn candidate_began(&mut self, outcome: Outcome) {
        let Some(Beginning {
            about,
            errand,
            since,
        }) = self.turnover.beginning.take()
        else {
            return self.supervisor.abandon();
        };
        let mut batch = Batch {
            record: Some(outcome.record),
            ..Batch::default()
        };
        let running = self.store.saved().versions.running.clone();
        let before = running.map(|running| running.about);
        match &errand {
            Errand::Forward(ask) => self.go_forward(about.clone(), ask, &mut batch),
            Errand::Back { reason, .. } => self.go_back(reason, &mut batch),
        }
        batch.stage(outcome.effects);
        let ran = self.supervisor.adopt();
        // In whole microseconds: nobody reads more digits.
        let pause = (since.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        let (mut entry, asker) = match errand {
            Errand::Forward(ask) => {
                let entry = self.entry(Step::Begun, &ask).of(about);
                let asker = ask.asker.clone();
                self.put_on_probation(ran, ask, before, &mut batch);
                (entry, asker)
            }
            Errand::Back {
                source,
                reason,
                asker,
            } => {
                let now = self.clock.now();
                let mut entry = Entry::new(now, Step::RolledBack, source).because(reason);
                entry.version = before;
                entry.instead = Some(about);
                (entry, asker)
            }
        };
        entry.pause_ms = Some(pause);
        self.step(&mut batch, entry, asker.as_ref());
        self.commit_call(batch);
        self.started = true;
        self.announce();
        if std::mem::take(&mut self.twin_missed) {
            self.inbox.forget_twin();
            self.ask_twin();
        }
    }

    /// What a version somebody wants changes: it is on probation, with the state before it to go back to.
    fn go_forward(&mut self, about: About, ask: &Ask, batch: &mut Batch) {
        let saved = self.store.saved();
        let mut versions = saved.versions.clone();
        if ask.source.is_component_file() {
            versions.file = Some(about.sha256.clone());
        }
        let timers = saved.timers.kept(&*self.clock);
        versions.begin(about, self.clock.now(), saved.record.clone(), timers);
        batch.versions = Some(versions);
        if ask.fresh_state {
            batch.timers.push(TimerChange::All(Timers::default()));
            batch.twin = Some(saved.twin.unapplied());
            self.twin_missed = true;
        }
    }

    /// What a version that ran before changes: it takes over the state there is.
    fn go_back(&mut self, reason: &str, batch: &mut Batch) {
        let mut versions = self.store.saved().versions.clone();
        versions.fall_back(reason);
        batch.versions = Some(versions);
        self.turnover.previous = None;
    }

    fn put_on_probation(
        &mut self,
        ran: Option<B>,
        ask: Ask,
        replaced: Option<About>,
        batch: &mut Batch,
    ) {
        if self.turnover.fallback.is_none() {
            self.turnover.fallback = ran;
        }
        let now = self.clock.monotonic();
        let rules = self.turnover.rules;
        let probation = match self.turnover.probation.take() {
            Some(before) => {
                let mut entry = self.entry(Step::Replaced, &ask);
                entry.version = replaced;
                entry.file = None;
                let entry =
                    entry.because("a newer version was asked for while it was on probation");
                self.step(batch, entry, before.asker.as_ref());
                Probation::new(rules, now, before.committed(), ask.asker)
            }
            None => Probation::new(rules, now, Some(0), ask.asker),
        };
        self.turnover.probation = Some(probation);
    }

    /// A version has not begun; the one that ran goes on.
    pub(in crate::device) fn candidate_failed(&mut self, failure: &Failure) {
        self.supervisor.abandon();
        let Some(Beginning { about, errand, .. }) = self.turnover.beginning.take() else {
            return;
        };
        let asker = errand.asker().cloned();
        let entry = match &errand {
            Errand::Forward(ask) => {
                let hint = match failure {
                    Failure::Error(_) if !ask.fresh_state => {
                        "; --fresh-state lets it begin without the state there is"
                    }
                    _ => "",
                };
                let reason = format!("it does not begin: {}{hint}", failure.reason());
                self.entry(Step::Refused, ask).because(reason)
            }
            Errand::Back { source, .. } => {
                let reason = format!(
                    "it does not take over the state there is: {}",
                    failure.reason()
                );
                Entry::new(self.clock.now(), Step::Refused, *source).because(reason)
            }
        };
        self.note(entry.of(about), asker);
    }

    /// Accepts the version on probation, if it has proved itself.
    pub(in crate::device) fn judge(&mut self) {
        let now = self.clock.monotonic();
        let passed = |probation: &mut Probation| {
            let unsettled = probation
                .sent
                .is_some_and(|id| self.store.outbox().holds(id));
            probation.has_passed(now) && !unsettled
        };
        let Some(probation) = self.turnover.probation.take_if(passed) else {
            return;
        };
        if let Some(accepted_before) = self.turnover.fallback.take() {
            self.turnover.previous = Some(accepted_before);
        }
        let mut versions = self.store.saved().versions.clone();
        versions.accept();
        let mut batch = Batch {
            versions: Some(versions),
            ..Batch::default()
        };
        let entry = Entry::new(self.clock.now(), Step::Accepted, Source::Host);
        let entry = entry.of(About::of(self.supervisor.behaviour()));
        self.step(&mut batch, entry, probation.asker.as_ref());
        self.commit(batch);
    }
}
