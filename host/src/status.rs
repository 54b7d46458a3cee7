//! How things stand with a device: what `host status` shows and `--metrics` exports.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    hub::reconnect::Cause,
    swap::{Entry, Quarantined, Running},
};

/// How often something has happened, by cause.
pub type Counts = BTreeMap<Cause, u64>;

/// How things stand with a device. Numbers count since the process began, unless they say otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The device's name.
    pub device: String,
    /// The process of its host.
    pub process: u32,
    /// Its way to the hub.
    pub connection: Connection,
    /// What is to be sent.
    pub outbox: Outbox,
    /// The component's calls.
    pub calls: Calls,
    /// The version that runs; none before the first has begun.
    pub running: Option<Running>,
    /// What it does.
    pub state: State,
    /// What it would go back to while it is on probation.
    pub fallback: Option<Running>,
    /// What ran before.
    pub previous: Option<Running>,
    /// What is not taken again.
    pub quarantined: Vec<Quarantined>,
    /// How often each step of a swap has happened.
    pub steps: BTreeMap<String, u64>,
    /// What the component may take, by the names of `--limit`: bytes, milliseconds or pieces, as
    /// [`Limits::ALL`](crate::guest::Limits::ALL) has it.
    pub limits: BTreeMap<String, u64>,
    /// The last step of a swap.
    pub last_swap: Option<Entry>,
}

/// A device's way to its hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    /// What is happening.
    pub state: ConnectionState,
    /// Since when it is connected, or not; none if it never was.
    pub since: Option<Timestamp>,
    /// The hub, as far as it is known.
    pub hub: Option<String>,
    /// Seconds until the next try, while it waits for one.
    pub next_try: Option<f64>,
    /// Seconds until the token of the connection ends, by its own word.
    pub token_left: Option<f64>,
    /// The last thing that went wrong with it.
    pub last_trouble: Option<Trouble>,
    /// How often the hub has accepted the device.
    pub connects: u64,
    /// Connections that were ended in order to renew the token.
    pub renewals: u64,
    /// Connections that ended otherwise, by cause.
    pub lost: Counts,
    /// Tries that failed, by cause.
    pub failed: Counts,
}

/// What a device's connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// It waits for the next try.
    Waiting,
    /// It asks DPS for its hub.
    Provisioning,
    /// It connects to its hub.
    Connecting,
    /// It is connected.
    Connected,
    /// It has ended its connection, and makes another in its place.
    Renewing,
}

/// Something that went wrong with a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// When.
    pub time: Timestamp,
    /// What kind.
    pub cause: Cause,
    /// What exactly.
    pub why: String,
}

/// What is to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outbox {
    /// Telemetry messages.
    pub messages: usize,
    /// Reports of properties.
    pub reports: usize,
    /// Bytes of telemetry.
    pub bytes: usize,
    /// Age of the oldest message, in seconds.
    pub oldest: Option<f64>,
    /// Messages and reports the hub has acknowledged.
    pub acknowledged: u64,
    /// Messages that gave way since the device first ran.
    pub evicted: u64,
    /// Things that could not be delivered and were set aside, since the device first ran.
    pub set_aside: u64,
}

/// What became of the component's calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Calls {
    /// Calls that returned ok.
    pub ok: u64,
    /// Calls that returned an error.
    pub errors: u64,
    /// Calls that were stopped: a trap, or a limit.
    pub traps: u64,
    /// Seconds in calls, together.
    pub seconds: f64,
    /// Seconds in the longest call.
    pub longest: f64,
    /// Calls that took at most [`Calls::BOUNDS`] seconds each, and not less than the bound before; the last has no bound.
    pub by_duration: Vec<u64>,
    /// Bytes of linear memory of the instance after the last call.
    pub memory: u64,
}

impl Calls {
    /// Upper bounds of the classes of duration, in seconds.
    pub const BOUNDS: [f64; 9] = [
        0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0,
    ];
}

/// What the version that runs does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It works.
    Accepted,
    /// It works, on probation, and needs at least so much more.
    #[serde(rename_all = "camelCase")]
    Probation {
        /// Seconds.
        seconds_left: f64,
        /// Events.
        events_left: u32,
    },
    /// It has failed too often and is left alone.
    #[serde(rename_all = "camelCase")]
    LeftAlone {
        /// Why.
        reason: String,
        /// Seconds until it is tried again.
        seconds_left: f64,
    },
}
