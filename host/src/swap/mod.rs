//! Replacing a device's behaviour while it runs.
//!
//! ```text
//!            asked            prepared           begun            accepted
//! accepted ────────▶ preparing ────────▶ waiting ───────▶ probation ────────▶ accepted
//!    ▲                   │ refused,         │ same, refused,   │  ▲
//!    │                   │ replaced         │ replaced         │  └─ continued: the process ended, once unasked
//!    └───────────────────┴──────────────────┘                  │
//!    ▲                                      rolled-back        │
//!    └─────────────────────────────────────────────────────────┘
//! ```
//!
//! *Preparing* (read, hash, compile, check) happens beside the device ([`prepare`]); a newer wish replaces an older one.
//! Everything after it is the device's ([`crate::device`]), between two events: the candidate begins with the last record,
//! and what its `init` stages is committed with the swap or not at all. Until it has passed its *probation* the version
//! before is kept with its state, and is gone back to if the candidate fails. An accepted version that fails for good gives
//! way to the one before it, which takes over its state.
//!
//! Each arrow is a [`Step`]: one log line, one counter.

mod back;
pub mod control;
mod history;
pub mod loader;
pub mod prepare;
mod report;
pub mod shelf;
pub mod start;
mod versions;
pub mod watch;

use std::{path::PathBuf, time::Duration};

use tokio::sync::{mpsc, oneshot};

use crate::{
    status::{ConnectionState, Status},
    store::aside::{Decision, Settled},
};

pub(crate) use self::{
    back::{fall_back, roll_back},
    report::host_report,
};
pub use self::{
    history::{Entry, History, Source, Step},
    versions::{About, Fallback, Quarantined, Running, Versions},
};

/// What somebody wishes. The newest wish counts: it ends whatever was on the way for an earlier one.
#[derive(Clone, Debug)]
pub enum Wish {
    /// That another version takes over.
    Swap(Ask),
    /// That the version before goes on.
    RollBack(Asker),
}

/// The wish for another version.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whose wish it is.
    pub source: Source,
    /// The component's file.
    pub file: PathBuf,
    /// Take it even if it was withdrawn before.
    pub force: bool,
    /// Let it begin without the record, timers and applied properties of the version before.
    pub fresh_state: bool,
    /// Take it even if it announces another Plug and Play model; the device connects anew then.
    pub allow_model_change: bool,
    /// Told of each step.
    pub asker: Option<Asker>,
}

/// Whoever waits for what becomes of a wish.
pub type Asker = mpsc::UnboundedSender<Entry>;

/// What a device is told while it runs.
#[derive(Debug)]
pub enum Order<B> {
    /// This behaviour is to take over. It replaces one that waits.
    Swap(B, Ask),
    /// This behaviour is loaded, should the device turn back to it.
    Earlier(B),
    /// A step that happened before the device had anything to do with it.
    Note(Box<Entry>, Option<Asker>),
    /// Go back to the version before.
    RollBack(Asker),
    /// Connect now, and say what the connection was doing.
    Reconnect(oneshot::Sender<ConnectionState>),
    /// Say how things stand.
    Report(oneshot::Sender<Box<Status>>),
    /// Say what became of the versions.
    History(oneshot::Sender<History>),
    /// Do this with what is set aside, or with the one thing of this id; an error is for a person.
    Aside(
        Decision,
        Option<u64>,
        oneshot::Sender<Result<Settled, String>>,
    ),
    /// Name the hashes of all versions that run, ran, or are about to, and may be needed yet.
    Needed(oneshot::Sender<Vec<String>>),
    /// Answer, so that it is known that the loop goes on.
    Answer(oneshot::Sender<()>),
}

impl<B> Order<B> {
    /// Gives an order that is answered, and waits for the answer; none if the device has ended.
    pub async fn ask<T>(
        orders: &mpsc::Sender<Self>,
        order: impl FnOnce(oneshot::Sender<T>) -> Self,
    ) -> Option<T> {
        let (to, answer) = oneshot::channel();
        orders.send(order(to)).await.ok()?;
        answer.await.ok()
    }
}

/// How long a new version is on probation: both must have passed, and the hub must have acknowledged one of its messages
/// if it sent any while connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probation {
    /// Time since it began.
    pub time: Duration,
    /// Events it has handled.
    pub events: u32,
}

impl Default for Probation {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            events: 10,
        }
    }
}

/// What a device has of versions when it starts, and what it learns of them.
pub struct Parts<B> {
    /// What it is told while it runs; none if nobody ever will.
    pub orders: Option<mpsc::Receiver<Order<B>>>,
    /// What became of its versions before it began; the history has it.
    pub steps: Vec<Entry>,
    /// How long a new version is on probation.
    pub probation: Probation,
    /// Whether the twin is told what runs.
    pub report: bool,
}

impl<B> Default for Parts<B> {
    fn default() -> Self {
        Self {
            orders: None,
            steps: Vec::new(),
            probation: Probation::default(),
            report: false,
        }
    }
}
