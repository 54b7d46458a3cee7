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
use super::{Device, Milestone, behaviour::Behaviour};
use crate::{
    mqtt::Transport,
    store::{batch::Batch, outbox::Outgoing},
    swap::{self, About, Ask, Asker, Entry, Order, Source, Step},
};

/// The versions a device may turn to, and what it is about to do with them.
pub(in crate::device) struct Turnover<B> {
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
    pub(in crate::device) fn new(parts: swap::Parts<B>, on_probation: bool, now: Duration) -> Self {
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
                let _ = to.send(Box::new(self.status()));
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
