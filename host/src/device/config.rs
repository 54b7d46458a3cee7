//! The configuration of a device, and the events its observer gets.

use std::sync::Arc;

use bytes::Bytes;

use super::{ConnectionConfig, Identity, IdentityRejected};
use crate::{
    clock::Clock,
    contract::behaviour::CallFailure,
    guest::Limits,
    hub::{reply::Reply, twin::Acknowledgment},
    provision::dps::Assignment,
    store::DeviceStore,
    swap::SwapConfig,
    versions::HistoryEntry,
};

/// The configuration of a device.
pub struct DeviceConfig<B, T> {
    /// The device's name in logs.
    pub name: Arc<str>,
    /// The behaviour to start with.
    pub behaviour: B,
    /// The configuration of swaps.
    pub swap: SwapConfig<B>,
    /// The component's settings, in the order given.
    pub settings: Arc<[(String, String)]>,
    /// The device's identity.
    pub identity: Identity,
    /// The MQTT transport.
    pub transport: T,
    /// The configuration of the connection.
    pub connection: ConnectionConfig,
    /// The persisted state.
    pub store: DeviceStore,
    /// The device's clock.
    pub clock: Arc<dyn Clock>,
    /// Seed of the component's randomness; `None` takes it from the operating system.
    pub seed: Option<u64>,
    /// The component's limits.
    pub limits: Arc<Limits>,
    /// The receiver of the device's events.
    pub observer: Observer,
}

/// The receiver of a device's events, in order.
pub type Observer = Arc<dyn Fn(DeviceEvent<'_>) + Send + Sync>;

/// An event a person who watches a device would want to see.
#[derive(Clone, Debug, PartialEq)]
pub enum DeviceEvent<'a> {
    /// Component started, restarted, or failed to restart.
    Started,
    /// Hub assigned by DPS.
    Assigned(Assignment),
    /// Connected to the hub.
    Connected(Assignment),
    /// Disconnected; a reconnect is scheduled.
    Disconnected,
    /// Subscribed to commands and desired properties.
    Listening,
    /// First telemetry message sent, with the names of its values.
    Sending(Vec<String>),
    /// Telemetry message acknowledged by the hub.
    Sent,
    /// Change of desired properties received, as JSON.
    DesiredPatch(Bytes),
    /// Desired properties handled.
    Desired(Vec<HandledProperty<'a>>),
    /// Command received, with this payload.
    Command(Bytes),
    /// Command of this name answered.
    Answered(&'a str, &'a Reply),
    /// Step of a swap.
    Swap(Box<HistoryEntry>),
}

/// The answer to a desired property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HandledProperty<'a> {
    /// The name.
    pub name: &'a str,
    /// The status.
    pub status: u32,
    /// The description of the status.
    pub description: &'a str,
}

impl<'a> From<&'a Acknowledgment> for HandledProperty<'a> {
    fn from(acknowledgment: &'a Acknowledgment) -> Self {
        Self {
            name: &acknowledgment.property,
            status: acknowledgment.status,
            description: &acknowledgment.description,
        }
    }
}

/// The error with which a device ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The component failed to start, and never had started.
    #[error("the component failed to start: {}", .0.reason())]
    Component(CallFailure),
    /// DPS or the hub rejected an identity that has never been accepted.
    #[error(transparent)]
    Rejected(#[from] IdentityRejected),
}
