//! One version of the behaviour in the place of another: the part of a swap that happens between two events.

mod back;
mod candidate;
mod probation;
mod status;

use std::{
    collections::BTreeMap,
    future::pending,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

pub(super) use self::back::After;
use self::probation::Probation;
use super::{
    Device, Milestone,
    behaviour::{Behaviour, Failure},
};
use crate::{
    mqtt::Transport,
    status::ConnectionState,
    store::{batch::Batch, outbox::Outgoing},
    swap::{self, About, Ask, Asker, Entry, Order, Running, Source, Step},
};

/// The versions a device may turn to, and what it is about to do with them.
pub(in crate::device) struct Turnover<B> {
    orders: Option<mpsc::Receiver<Order<B>>>,
    rules: swap::Probation,
    /// What can run, by its hash: the version that does, and those the device may turn back to, once they are loaded. Which
    /// they are is for the store to say.
    loaded: BTreeMap<String, B>,
    /// What is to take over next.
    waiting: Option<Candidate<B>>,
    /// Why the version before is to take over, after what waits has had its chance.
    leaving: Option<Leaving>,
    /// Whose `init` is in hand.
    beginning: Option<Beginning>,
    /// How far the version that runs has proved itself.
    probation: Option<Probation>,
    /// Steps from before the device began.
    earlier_steps: Vec<Entry>,
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

/// A version somebody wants.
struct Candidate<B> {
    behaviour: B,
    ask: Ask,
}

/// Why the version that runs is withdrawn, though it was accepted.
struct Leaving {
    source: Source,
    reason: String,
    asker: Option<Asker>,
}

/// Why a version is to take over.
enum Errand {
    /// Somebody wants it.
    Forward(Ask),
    /// It ran before, and what runs now is withdrawn.
    Back(Leaving),
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
            Self::Back(leaving) => leaving.asker.as_ref(),
        }
    }
}

impl<B> Turnover<B> {
    /// `running` is what runs; `on_probation` goes on with its probation in an earlier process.
    pub(in crate::device) fn new(
        parts: swap::Parts<B>,
        running: &B,
        on_probation: bool,
        now: Duration,
    ) -> Self
    where
        B: Behaviour,
    {
        let probation = on_probation.then(|| Probation::new(parts.probation, now, None, None));
        Self {
            orders: parts.orders,
            rules: parts.probation,
            loaded: BTreeMap::from([(running.sha256().to_owned(), running.clone())]),
            waiting: None,
            leaving: None,
            beginning: None,
            probation,
            earlier_steps: parts.steps,
            steps: BTreeMap::new(),
            untold: Vec::new(),
            reports: parts.report,
            unreported: parts.report,
            had_its_say: false,
        }
    }

    /// The next order. Cancel safe; never ends if nobody gives any.
    pub(in crate::device) async fn next_order(&mut self) -> Order<B> {
        if let Some(orders) = &mut self.orders {
            match orders.recv().await {
                Some(order) => return order,
                None => self.orders = None,
            }
        }
        pending().await
    }

    /// The version that runs has handled an event.
    pub(in crate::device) fn handled(&mut self) {
        self.had_its_say = true;
        if let Some(probation) = &mut self.probation {
            probation.handled();
        }
    }

    /// The version on probation is withdrawn once there is another one.
    fn overdue(&mut self, failure: &Failure) {
        if let Some(probation) = &mut self.probation {
            probation.overdue.get_or_insert_with(|| failure.to_string());
        }
    }

    /// Tells the steps of batches up to this one.
    pub(in crate::device) fn tell(&mut self, accepted: u64) {
        for (_, entry, asker) in self.untold.extract_if(.., |(batch, ..)| *batch <= accepted) {
            // Whoever asked may have stopped waiting.
            let _ = asker.send(entry);
        }
    }

    /// When something is due without anything else happening.
    pub(in crate::device) fn deadline(&self, now: Duration) -> Option<Duration> {
        self.probation.as_ref()?.deadline(now)
    }
}

impl<B: Behaviour, T: Transport + Sync> Device<B, T> {
    /// Does what the device is told.
    pub(in crate::device) fn take_order(&mut self, order: Order<B>) {
        match order {
            Order::Swap(behaviour, ask) => self.wait_for_its_turn(behaviour, ask),
            Order::Earlier(behaviour) => self.turn_back_if_overdue(behaviour),
            Order::Note(entry, asker) => self.note(*entry, asker),
            Order::RollBack(asker) => self.roll_back_as_asked(asker),
            Order::Reconnect(to) => {
                let was = self.connection.reconnect();
                if was == ConnectionState::Connected {
                    self.disconnected();
                }
                let _ = to.send(was);
            }
            Order::Report(to) => {
                // Whoever asked may be gone.
                let _ = to.send(Box::new(self.status()));
            }
            Order::History(to) => {
                let _ = to.send(self.store.saved().history.clone());
            }
            Order::Aside(wish, id, to) => {
                let _ = to.send(self.settle_aside(wish, id));
            }
            Order::Needed(to) => {
                let _ = to.send(self.needed());
            }
            Order::Answer(to) => {
                let _ = to.send(());
            }
        }
    }

    /// Logs and counts what became of versions before the device began.
    pub(in crate::device) fn count_earlier_steps(&mut self) {
        for entry in std::mem::take(&mut self.turnover.earlier_steps) {
            self.count(&entry);
        }
    }

    /// Logs and counts a step.
    fn count(&mut self, entry: &Entry) {
        *self.turnover.steps.entry(entry.step).or_default() += 1;
        let is_result = entry.step.is_kept() && entry.step != Step::Failed;
        self.turnover.unreported |= self.turnover.reports && is_result;
        entry.log(&self.name);
        (self.observer)(Milestone::Version(Box::new(entry.clone())));
    }

    /// Counts a step and leaves it in the next batch, with which it is told.
    fn step<'a>(
        &mut self,
        batch: &mut Batch,
        entry: Entry,
        askers: impl IntoIterator<Item = &'a Asker>,
    ) {
        self.count(&entry);
        let number = match entry.step.is_kept() {
            true => self.store.next_batch(),
            false => 0,
        };
        let untold = askers
            .into_iter()
            .map(|asker| (number, entry.clone(), asker.clone()));
        self.turnover.untold.extend(untold);
        batch.steps.push(entry);
    }

    /// A step with nothing else to commit.
    pub(in crate::device) fn note(&mut self, entry: Entry, asker: Option<Asker>) {
        let kept = entry.step.is_kept();
        let mut batch = Batch::default();
        self.step(&mut batch, entry, asker.as_ref());
        if kept {
            self.commit(batch);
        }
    }

    /// Commits what came of a call; a roll-back undoes it.
    pub(in crate::device) fn commit_call(&mut self, batch: Batch) -> u64 {
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

    /// The version to go back to while another is on probation; none if it is not loaded.
    fn fallback(&self) -> Option<B> {
        let fallback = self.store.saved().versions.fallback.as_ref()?;
        self.loaded(&fallback.version)
    }

    /// The version that takes over from an accepted one; none if it is not loaded.
    fn previous(&self) -> Option<B> {
        let previous = self.store.saved().versions.previous.as_ref()?;
        self.loaded(previous)
    }

    fn loaded(&self, version: &Running) -> Option<B> {
        self.turnover.loaded.get(&version.about.sha256).cloned()
    }

    /// Lets behaviours go that are not needed any more.
    fn unload(&mut self) {
        let needed = self.needed();
        let loaded = &mut self.turnover.loaded;
        loaded.retain(|sha256, _| needed.contains(sha256));
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

    /// Reports what runs, if it has changed. What the component reports first, in its `init` or its first event, goes before
    /// it: a device's first reported property is its own.
    pub(in crate::device) fn report_host(&mut self) {
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
}
