//! One version of the behaviour in the place of another: the part of a swap that happens between two events.

use std::{
    collections::BTreeMap,
    future::pending,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use super::{
    Device, InHand, Milestone,
    behaviour::{Behaviour, Failure, Outcome, Reason},
    probation::Probation,
    supervisor::Call,
    timers::Timers,
};
use crate::{
    mqtt::Transport,
    store::{
        batch::{Batch, TimerChange},
        outbox::Outgoing,
    },
    swap::{self, About, Ask, Asker, Entry, Order, Source, State, Status, Step},
};

/// The versions a device may turn to, and what it is about to do with them.
pub(super) struct Turnover<B> {
    orders: Option<mpsc::Receiver<Order<B>>>,
    rules: swap::Probation,
    /// What is to take over next.
    waiting: Option<Candidate<B>>,
    /// Whose `init` is in hand.
    beginning: Option<Beginning>,
    fallback: Option<B>,
    previous: Option<B>,
    probation: Option<Probation>,
    steps: BTreeMap<Step, u64>,
    /// Steps to tell those who wait for them once their batch is accepted, with its number.
    untold: Vec<(u64, Entry, Asker)>,
    /// Whether the twin is told what runs.
    reports: bool,
    /// Whether what runs has changed since it was told.
    unreported: bool,
    /// Whether the component had its chance to report before the host does.
    had_its_say: bool,
}

/// A version that is to take over.
struct Candidate<B> {
    behaviour: B,
    errand: Errand,
}

/// Why a version is to take over.
#[derive(Clone)]
enum Errand {
    /// Somebody wants it.
    Forward(Ask),
    /// It ran before, and what runs now is withdrawn.
    Back {
        source: Source,
        reason: String,
        asker: Option<Asker>,
    },
}

/// What a failed call comes to.
pub(super) enum After {
    /// An earlier version has taken over or is about to, and is given what the call was about.
    Withdrawn,
    /// A new instance of the same version goes on.
    Recover,
    /// It has failed once too often, and there is no other version.
    LeaveAlone,
}

struct Beginning {
    about: About,
    errand: Errand,
    since: Instant,
}

impl Errand {
    fn asker(&self) -> Option<&Asker> {
        match self {
            Self::Forward(ask) => ask.asker.as_ref(),
            Self::Back { asker, .. } => asker.as_ref(),
        }
    }
}

impl<B> Turnover<B> {
    /// `on_probation` goes on with the probation of an earlier process.
    pub(super) fn new(parts: swap::Parts<B>, on_probation: bool, now: Duration) -> Self {
        let probation = on_probation.then(|| Probation::new(parts.probation, now, None, None));
        Self {
            orders: parts.orders,
            rules: parts.probation,
            waiting: None,
            beginning: None,
            fallback: parts.fallback,
            previous: parts.previous,
            probation,
            steps: BTreeMap::new(),
            untold: Vec::new(),
            reports: parts.report,
            unreported: parts.report,
            had_its_say: false,
        }
    }

    /// The next order. Cancel safe; never ends if nobody gives any.
    pub(super) async fn order(&mut self) -> Order<B> {
        if let Some(orders) = &mut self.orders {
            match orders.recv().await {
                Some(order) => return order,
                None => self.orders = None,
            }
        }
        pending().await
    }

    /// The version that runs has handled an event.
    pub(super) fn handled(&mut self) {
        self.had_its_say = true;
        if let Some(probation) = &mut self.probation {
            probation.handled();
        }
    }

    /// Tells the steps of batches up to this one.
    pub(super) fn tell(&mut self, accepted: u64) {
        for (_, entry, asker) in self.untold.extract_if(.., |(batch, ..)| *batch <= accepted) {
            // Whoever asked may have stopped waiting.
            let _ = asker.send(entry);
        }
    }

    /// When something is due without anything else happening.
    pub(super) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.probation.as_ref()?.deadline(now)
    }
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    pub(super) fn order(&mut self, order: Order<B>) {
        match order {
            Order::Swap(behaviour, ask) => {
                self.note(
                    self.entry(Step::Prepared, &ask).of(About::of(&behaviour)),
                    ask.asker.clone(),
                );
                let errand = Errand::Forward(ask);
                self.replace_waiting(Candidate { behaviour, errand });
            }
            Order::Note(entry, asker) => self.note(*entry, asker),
            Order::RollBack(asker) => self.roll_back_as_asked(asker),
            Order::Report(to) => {
                // Whoever asked may be gone.
                let _ = to.send(self.status());
            }
            Order::Needed(to) => {
                let _ = to.send(self.needed());
            }
        }
    }

    fn entry(&self, step: Step, ask: &Ask) -> Entry {
        let mut entry = Entry::new(self.clock.now(), step, ask.source);
        entry.file = Some(ask.file.clone());
        entry
    }

    fn replace_waiting(&mut self, candidate: Candidate<B>) {
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
    pub(super) fn attend_candidate(&mut self) -> bool {
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
    pub(super) fn candidate_began(&mut self, outcome: Outcome) {
        let Some(Beginning {
            about,
            errand,
            since,
        }) = self.turnover.beginning.take()
        else {
            return self.supervisor.abandon();
        };
        let now = self.clock.now();
        let mut versions = self.store.saved().versions.clone();
        let mut batch = Batch {
            record: Some(outcome.record),
            ..Batch::default()
        };
        let withdrawn = versions.running.clone().map(|running| running.about);
        match &errand {
            Errand::Forward(ask) => {
                let saved = self.store.saved();
                let timers = saved.timers.kept(&*self.clock);
                versions.begin(about.clone(), now, saved.record.clone(), timers);
                if ask.source.is_component_file() {
                    versions.file = Some(about.sha256.clone());
                }
                if ask.fresh_state {
                    batch.timers.push(TimerChange::All(Timers::default()));
                    batch.twin = Some(saved.twin.unapplied());
                    self.twin_missed = true;
                }
            }
            Errand::Back { reason, .. } => versions.fall_back(reason),
        }
        batch.versions = Some(versions);
        batch.stage(outcome.effects);
        let ran = self.supervisor.adopt();
        // In whole microseconds: nobody reads more digits.
        let pause = (since.elapsed().as_secs_f64() * 1e6).round() / 1e3;
        match errand {
            Errand::Forward(ask) => {
                let mut entry = self.entry(Step::Begun, &ask).of(about);
                entry.pause_ms = Some(pause);
                self.put_on_probation(ran, ask, withdrawn, &mut batch);
                let asker = self
                    .turnover
                    .probation
                    .as_ref()
                    .and_then(|it| it.asker.clone());
                self.step(&mut batch, entry, asker.as_ref());
            }
            Errand::Back {
                source,
                reason,
                asker,
            } => {
                self.turnover.previous = None;
                let mut entry = Entry::new(now, Step::RolledBack, source).because(reason);
                entry.version = withdrawn;
                entry.instead = Some(about);
                entry.pause_ms = Some(pause);
                self.step(&mut batch, entry, asker.as_ref());
            }
        }
        self.commit_call(batch);
        self.started = true;
        self.announce();
        if std::mem::take(&mut self.twin_missed) {
            self.inbox.forget_twin();
            self.ask_twin();
        }
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
    pub(super) fn candidate_failed(&mut self, failure: &Failure) {
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

    /// What a failed call comes to.
    pub(super) fn after(
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

    fn roll_back_as_asked(&mut self, asker: Asker) {
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
    pub(super) fn end_cleanly(&mut self) {
        let mut versions = self.store.saved().versions.clone();
        if let Some(fallback) = &mut versions.fallback {
            fallback.clean = true;
            self.commit(Batch {
                versions: Some(versions),
                ..Batch::default()
            });
        }
    }

    /// Accepts the version on probation, if it has proved itself.
    pub(super) fn judge(&mut self) {
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

    /// Reports what runs, if it has changed. What the component reports first, in its `init` or its first event, goes before
    /// it: a device's first reported property is its own.
    pub(super) fn report_host(&mut self) {
        if !self.turnover.had_its_say || !std::mem::take(&mut self.turnover.unreported) {
            return;
        }
        let saved = self.store.saved();
        let report = swap::host_report(&saved.versions, &saved.history);
        self.commit(Batch {
            outgoing: vec![Outgoing::Report(report)],
            ..Batch::default()
        });
    }

    /// Commits what came of a call; a roll-back undoes it.
    pub(super) fn commit_call(&mut self, batch: Batch) -> u64 {
        let reports = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Report(_));
        self.turnover.had_its_say |= batch.outgoing.iter().any(reports);
        let from = self.store.outbox().next_id();
        let number = self.commit(batch);
        let online = self.connection.session().is_some();
        if let Some(probation) = &mut self.turnover.probation {
            probation.commit();
            if online && probation.sent.is_none() {
                probation.sent = self.store.outbox().message_from(from);
            }
        }
        number
    }

    /// Tells the cloud what the version that runs is, if that takes another connection.
    fn announce(&mut self) {
        let behaviour = self.supervisor.behaviour();
        let model_id = behaviour.description().model_id.clone();
        self.takes_messages = behaviour.takes_messages();
        if self.connection.announce(model_id, self.takes_messages) {
            self.disconnected();
        }
    }

    /// Logs and counts a step, and leaves it in the next batch, with which it is told.
    fn step(&mut self, batch: &mut Batch, entry: Entry, asker: Option<&Asker>) {
        *self.turnover.steps.entry(entry.step).or_default() += 1;
        let is_result = entry.step.is_kept() && entry.step != Step::Failed;
        self.turnover.unreported |= self.turnover.reports && is_result;
        entry.log(&self.name);
        if let Some(asker) = asker {
            let number = match entry.step.is_kept() {
                true => self.store.next_batch(),
                false => 0,
            };
            self.turnover
                .untold
                .push((number, entry.clone(), asker.clone()));
        }
        (self.observer)(Milestone::Version(Box::new(entry.clone())));
        batch.steps.push(entry);
    }

    /// A step with nothing else to commit.
    fn note(&mut self, entry: Entry, asker: Option<Asker>) {
        let kept = entry.step.is_kept();
        let mut batch = Batch::default();
        self.step(&mut batch, entry, asker.as_ref());
        if kept {
            self.commit(batch);
        }
    }

    fn needed(&self) -> Vec<String> {
        let kept = self.store.saved().versions.needed().map(str::to_owned);
        let waiting = self.turnover.waiting.as_ref();
        let waiting = waiting.map(|it| it.behaviour.sha256().to_owned());
        let beginning = self.turnover.beginning.as_ref();
        let beginning = beginning.map(|it| it.about.sha256.clone());
        kept.chain(waiting).chain(beginning).collect()
    }

    fn status(&mut self) -> Status {
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
