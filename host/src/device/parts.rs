//! What a device is put together from, and what it tells while it runs.

use std::sync::Arc;

use super::{Connecting, Identity, Refusal, behaviour::Failure};
use crate::{clock::Clock, guest::Limits, provision::dps::Assignment, store::DeviceStore, swap};

/// What a device is made of.
pub struct Parts<B, T> {
    /// Its name in logs.
    pub name: Arc<str>,
    /// What it does.
    pub behaviour: B,
    /// What it did before, and what it is told to do instead.
    pub versions: swap::Parts<B>,
    /// The component's settings, in the order given.
    pub config: Arc<[(String, String)]>,
    /// Who it is.
    pub identity: Identity,
    /// How it reaches the network.
    pub transport: T,
    /// How it connects.
    pub connecting: Connecting,
    /// What it remembers.
    pub store: DeviceStore,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Seeds the component's randomness; none takes it from the operating system.
    pub seed: Option<u64>,
    /// What it may take.
    pub limits: Arc<Limits>,
    /// Told of what a person would want to see.
    pub observer: Observer,
}

/// Told of milestones, in order.
pub type Observer = Arc<dyn Fn(Milestone) + Send + Sync>;

/// What a person who watches a device would want to see.
#[derive(Clone, Debug, PartialEq)]
pub enum Milestone {
    /// The component has begun, anew perhaps, or could not and the device goes on as it can.
    Started,
    /// DPS has named the hub.
    Assigned(Assignment),
    /// The hub has accepted the device.
    Connected(Assignment),
    /// There is no connection, or none any more; it is tried again.
    Disconnected,
    /// The hub delivers commands and desired properties.
    Listening,
    /// The first telemetry message has left, with the names of what it carries.
    Sending(Vec<String>),
    /// The hub has acknowledged a telemetry message.
    Sent,
    /// Desired properties were handled: names and statuses.
    Desired(Vec<(String, u32)>),
    /// A command was answered with this status.
    Command(String, u32),
    /// Something happened to a version of the behaviour.
    Version(Box<swap::Entry>),
}

/// Why a device ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The component did not start, and never had.
    #[error("the component does not start: {}", .0.reason())]
    Component(Failure),
    /// DPS or the hub refuses an identity that has never worked.
    #[error(transparent)]
    Refused(#[from] Refusal),
}
