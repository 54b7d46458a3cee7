//! A candidate: whether it is tried, whether it begins, and whether it is accepted.

use std::time::Instant;

use super::{Beginning, Candidate, Errand, Leaving, Probation};
use crate::{
    device::{
        Device,
        behaviour::{Behaviour, Failure, Outcome, Reason},
        timers::Timers,
    },
    mqtt::Transport,
    store::batch::{Batch, TimerChange},
    swap::{self, About, Ask, Asker, Entry, Source, Step},
};

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    pub(super) fn entry(&self, step: Step, ask: &Ask) -> Entry {
        let mut entry = Entry::new(self.clock.now(), step, ask.source);
        entry.file = Some(ask.file.clone());
        entry
    }

    /// A version that is prepared waits for the call in hand, in the place of whatever else was asked for.
    pub(super) fn wait_for_its_turn(&mut self, behaviour: B, ask: Ask) {
        let entry = self.entry(Step::Prepared, &ask).of(About::of(&behaviour));
        self.note(entry, ask.asker.clone());
        self.give_up_waiting("another version was asked for");
        self.turnover.waiting = Some(Candidate { behaviour, ask });
    }

    /// Tells whoever asked for something that waits that it does not come to it. That a version which failed for good gives
    /// way to the one before is asked for by nobody, and stays.
    pub(super) fn give_up_waiting(&mut self, reason: &str) {
        if let Some(Candidate { behaviour, ask }) = self.turnover.waiting.take() {
            let entry = self.entry(Step::Replaced, &ask).of(About::of(&behaviour));
            self.note(entry.because(reason), ask.asker);
        }
        let asked_for = |leaving: &mut Leaving| leaving.source == Source::Command;
        if let Some(leaving) = self.turnover.leaving.take_if(asked_for) {
            let entry = Entry::new(self.clock.now(), Step::Replaced, leaving.source);
            self.note(entry.because(reason), leaving.asker);
        }
    }

    /// Lets a version begin that is to, if no call is in hand. Says whether one does. One somebody wants goes before the
    /// one before: it may be the remedy for what fails.
    pub(in crate::device) fn attend_candidate(&mut self) -> bool {
        if self.supervisor.is_busy() {
            return false;
        }
        if let Some(Candidate { behaviour, ask }) = self.turnover.waiting.take() {
            match self.objection(&About::of(&behaviour), &ask) {
                Some(entry) => self.turn_away(entry, ask.asker),
                None => {
                    self.try_version(behaviour, Errand::Forward(ask));
                    return true;
                }
            }
        }
        let Some(leaving) = self.turnover.leaving.take() else {
            return false;
        };
        let previous = self.previous();
        let is_tried = previous.is_some();
        if let Some(behaviour) = previous {
            self.try_version(behaviour, Errand::Back(leaving));
        }
        is_tried
    }

    /// Tells why a version is not tried. Whoever wants one that runs already, and is on probation, waits for it to pass with
    /// those who do.
    fn turn_away(&mut self, entry: Entry, asker: Option<Asker>) {
        if entry.step == Step::Same
            && let Some(probation) = &mut self.turnover.probation
        {
            probation.askers.extend(asker.clone());
        }
        self.note(entry, asker);
    }

    fn try_version(&mut self, behaviour: B, errand: Errand) {
        let (reason, record) = match &errand {
            Errand::Forward(ask) if ask.fresh_state => (Reason::Fresh, None),
            _ => (Reason::Swap, self.store.saved().record.clone()),
        };
        self.turnover.beginning = Some(Beginning {
            about: About::of(&behaviour),
            errand,
            since: Instant::now(),
        });
        self.store.outbox().measure_room();
        self.supervisor.try_candidate(behaviour, reason, record);
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
        let (_, mut batch) = outcome.into_batch(None);
        let taken_over = match errand {
            Errand::Forward(ask) => Some(self.go_forward(about, ask, &mut batch)),
            Errand::Back(leaving) => self.go_back(leaving, &mut batch),
        };
        let Some((mut entry, asker)) = taken_over else {
            return self.supervisor.abandon();
        };
        self.supervisor.adopt();
        let behaviour = self.supervisor.behaviour().clone();
        let sha256 = behaviour.sha256().to_owned();
        self.turnover.loaded.insert(sha256, behaviour);
        // In whole microseconds: nobody reads more digits.
        entry.pause_ms = Some((since.elapsed().as_secs_f64() * 1e6).round() / 1e3);
        self.step(&mut batch, entry, asker.as_ref());
        self.commit_call(batch);
        self.unload();
        self.started = true;
        self.announce();
        if std::mem::take(&mut self.twin_missed) {
            self.inbox.forget_twin();
            self.ask_twin();
        }
    }

    /// What a version somebody wants changes: it is on probation, with the state before it to go back to.
    fn go_forward(&mut self, about: About, ask: Ask, batch: &mut Batch) -> (Entry, Option<Asker>) {
        let entry = self.entry(Step::Begun, &ask).of(about.clone());
        let asker = ask.asker.clone();
        let saved = self.store.saved();
        let mut versions = saved.versions.clone();
        let replaced = versions.running.clone().map(|running| running.about);
        if ask.source.is_component_file() {
            versions.file = Some(about.sha256.clone());
        }
        let timers = saved.timers.kept(&*self.clock);
        versions.begin(about, self.clock.now(), saved.record.clone(), timers);
        batch.versions = Some(versions);
        if ask.fresh_state {
            // Before those it has set.
            batch.timers.insert(0, TimerChange::All(Timers::default()));
            batch.twin = Some(saved.twin.unapplied());
            self.twin_missed = true;
        }
        // What was to be given up is given up for this one.
        self.turnover.leaving = None;
        self.put_on_probation(ask, replaced, batch);
        (entry, asker)
    }

    /// What a version that ran before changes: it takes over the state there is.
    fn go_back(&mut self, leaving: Leaving, batch: &mut Batch) -> Option<(Entry, Option<Asker>)> {
        let Leaving {
            source,
            reason,
            asker,
        } = leaving;
        let (back, entry) = swap::fall_back(self.store.saved(), &*self.clock, source, &reason)?;
        batch.versions = back.versions;
        Some((entry, asker))
    }

    fn put_on_probation(&mut self, ask: Ask, replaced: Option<About>, batch: &mut Batch) {
        let now = self.clock.monotonic();
        let rules = self.turnover.rules;
        let probation = match self.turnover.probation.take() {
            Some(before) => {
                let mut entry = self.entry(Step::Replaced, &ask);
                entry.version = replaced;
                entry.file = None;
                let entry =
                    entry.because("a newer version was asked for while it was on probation");
                self.step(batch, entry, &before.askers);
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
            Errand::Back(Leaving { source, .. }) => {
                let reason = format!(
                    "it does not take over the state there is: {}; `host swap FILE --fresh-state` lets it begin without",
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
        let mut versions = self.store.saved().versions.clone();
        versions.accept();
        let mut batch = Batch {
            versions: Some(versions),
            ..Batch::default()
        };
        let entry = Entry::new(self.clock.now(), Step::Accepted, Source::Host);
        let entry = entry.of(About::of(self.supervisor.behaviour()));
        self.step(&mut batch, entry, &probation.askers);
        self.commit(batch);
        self.unload();
    }
}
