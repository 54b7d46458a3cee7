//! Swapping a device's component while it runs.
//!
//! ```text
//!           requested          prepared          started          accepted
//! accepted ────────▶ preparing ────────▶ waiting ───────▶ probation ────────▶ accepted
//!    ▲                   │ rejected,        │ unchanged,      │  ▲
//!    │                   │ superseded       │ rejected,       │  └─ resumed: in a new process, after an unclean exit once
//!    │                   │                  │ superseded      │
//!    └───────────────────┴──────────────────┘                 │
//!    ▲                                     rolled-back        │
//!    └────────────────────────────────────────────────────────┘
//! ```
//!
//! *Preparing* (read, hash, compile, check) happens beside the device ([`prepare`]); a newer request supersedes an older
//! one. Everything after it belongs to the device's loop ([`crate::device`]), between two events: the candidate starts with
//! the last record, and the effects of its `init` are committed with the swap or not at all. Until the candidate has passed
//! *probation*, the previous version is kept with its state, and a failure rolls back to both. An accepted version that
//! fails for good is rolled back to the one before, which takes the current state.
//!
//! Each arrow is a [`SwapStep`](crate::versions::SwapStep): one log line, one counter.

pub mod component_store;
pub mod control;
pub mod loader;
pub mod prepare;
mod rollback;
pub mod start;
pub mod watch;

use std::{path::PathBuf, time::Duration};

use tokio::sync::{mpsc, oneshot};

pub(crate) use self::rollback::{roll_back_to_fallback, roll_back_to_previous};
use crate::{
    status::{ConnectionState, Status},
    store::dead_letter::{DeadLetterAction, DeadLetterResult},
    versions::{History, HistoryEntry, SwapSource},
};

/// A command to the swap machinery. A newer command cancels whatever an older one has under way.
#[derive(Clone, Debug)]
pub enum SwapCommand {
    /// Swap to another version.
    Swap(SwapRequest),
    /// Roll back to the previous version.
    Rollback(StepSender),
}

/// A request to swap to another version.
#[derive(Clone, Debug)]
pub struct SwapRequest {
    /// The trigger of the request.
    pub source: SwapSource,
    /// The component's file.
    pub file: PathBuf,
    /// Accept a version even if it is quarantined.
    pub force: bool,
    /// Start without the record, timers and applied properties of the previous version.
    pub fresh_state: bool,
    /// Accept another Plug and Play model, with which the device has to reconnect.
    pub allow_model_change: bool,
    /// The receiver of each step.
    pub step_sender: Option<StepSender>,
}

/// The channel on which a requester gets the steps of its swap.
pub type StepSender = mpsc::UnboundedSender<HistoryEntry>;

/// A request to a running device.
#[derive(Debug)]
pub enum DeviceRequest<B> {
    /// Swap to this behaviour, which supersedes a candidate that waits.
    Swap(B, SwapRequest),
    /// Keep this loaded behaviour for a rollback.
    RollbackTarget(B),
    /// Record a step that happened before the device was involved.
    RecordStep(Box<HistoryEntry>, Option<StepSender>),
    /// Roll back to the previous version.
    Rollback(StepSender),
    /// Connect now, and return the connection's state before.
    Reconnect(oneshot::Sender<ConnectionState>),
    /// Return the device's status.
    Status(oneshot::Sender<Box<Status>>),
    /// Return the history of swaps.
    History(oneshot::Sender<History>),
    /// Retry or discard all dead letters, or the one with this id. The error is for a person.
    ResolveDeadLetters(
        DeadLetterAction,
        Option<u64>,
        oneshot::Sender<Result<DeadLetterResult, String>>,
    ),
    /// Return the hashes of all versions that run, or may have to.
    NeededVersions(oneshot::Sender<Vec<String>>),
    /// Answer, which shows that the device's loop is alive.
    Ping(oneshot::Sender<()>),
}

impl<B> DeviceRequest<B> {
    /// Sends a request and waits for its reply; `None` if the device has ended.
    pub async fn round_trip<T>(
        requests: &mpsc::Sender<Self>,
        request: impl FnOnce(oneshot::Sender<T>) -> Self,
    ) -> Option<T> {
        let (reply_to, reply) = oneshot::channel();
        requests.send(request(reply_to)).await.ok()?;
        reply.await.ok()
    }
}

/// The conditions under which a candidate is accepted: both must be met, and the hub must have acknowledged one of its
/// messages if it sent any while connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbationPolicy {
    /// Time since the candidate started.
    pub time: Duration,
    /// Events the candidate has handled.
    pub events: u32,
}

impl Default for ProbationPolicy {
    fn default() -> Self {
        Self {
            time: Duration::from_secs(30),
            events: 10,
        }
    }
}

/// The part of a device's configuration that concerns swaps.
pub struct SwapConfig<B> {
    /// Requests to the running device; `None` if there is no sender.
    pub requests: Option<mpsc::Receiver<DeviceRequest<B>>>,
    /// Steps of the host's start, which the history has already.
    pub startup_steps: Vec<HistoryEntry>,
    /// The conditions of acceptance.
    pub probation: ProbationPolicy,
    /// True to show the running version and the last swap in the twin.
    pub report_host: bool,
}

impl<B> Default for SwapConfig<B> {
    fn default() -> Self {
        Self {
            requests: None,
            startup_steps: Vec::new(),
            probation: ProbationPolicy::default(),
            report_host: false,
        }
    }
}
