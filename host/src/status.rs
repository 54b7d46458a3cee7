//! The status of a device, as `host status` and `--metrics` show it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    cause::Cause,
    units::as_milliseconds,
    versions::{HistoryEntry, Quarantined, RunningVersion},
};

/// Counts by cause.
pub type CauseCounts = BTreeMap<Cause, u64>;

/// The status of a device. Counters start with the process unless documented otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The device ID.
    pub device_id: String,
    /// The process id of the host.
    pub pid: u32,
    /// The connection to the hub.
    pub connection: ConnectionStatus,
    /// The outbox.
    pub outbox: OutboxStatus,
    /// The store on disk.
    #[serde(default)]
    pub store: StoreStatus,
    /// Statistics of calls into the component.
    pub calls: CallStats,
    /// The running version; `None` before the first start.
    pub running: Option<RunningVersion>,
    /// The state of the running version: the members `state`, `probation` and `suspension`.
    #[serde(flatten)]
    pub state: ComponentState,
    /// The suspended commands, desired properties and timers.
    pub suspended: Vec<SuspendedCause>,
    /// The version to roll back to during probation.
    pub fallback: Option<RunningVersion>,
    /// The previously accepted version.
    pub previous: Option<RunningVersion>,
    /// The quarantined versions.
    pub quarantined: Vec<QuarantinedVersion>,
    /// Number of swap steps, by name.
    pub steps: BTreeMap<String, u64>,
    /// The component's limits by the names of `--limit`, in bytes, milliseconds or pieces, as
    /// [`Limits::ALL`](crate::guest::Limits::ALL) has it; `None` for no limit.
    pub limits: BTreeMap<String, Option<u64>>,
    /// The state of the rate limits by the names of `--limit`.
    pub rate_limits: BTreeMap<String, RateLimitStatus>,
    /// The last step of a swap.
    pub last_swap: Option<HistoryEntry>,
}

/// The connection of a device to its hub.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionStatus {
    /// The state.
    pub state: ConnectionState,
    /// Time of the last connect or disconnect; `None` if the device was never connected.
    pub since: Option<Timestamp>,
    /// The hub; `None` if it is not known yet.
    pub hub: Option<String>,
    /// Seconds until the next attempt, during backoff.
    #[serde(rename = "nextAttemptMs", with = "as_milliseconds::optional")]
    pub next_attempt_seconds: Option<f64>,
    /// Seconds until the SAS token expires, while connected.
    #[serde(rename = "tokenExpiresMs", with = "as_milliseconds::optional")]
    pub token_expires_seconds: Option<f64>,
    /// The last error.
    pub last_error: Option<LastError>,
    /// Connections accepted by the hub.
    pub connects: u64,
    /// Reconnects to renew the SAS token.
    pub token_renewals: u64,
    /// Lost connections by cause.
    pub disconnects: CauseCounts,
    /// Failed attempts by cause.
    pub connect_failures: CauseCounts,
}

/// The state of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConnectionState {
    /// Waiting for the next attempt.
    Backoff,
    /// Being provisioned by DPS.
    Provisioning,
    /// Connecting to the hub.
    Connecting,
    /// Connected.
    Connected,
    /// Replacing the connection, such as to renew the SAS token.
    Reconnecting,
}

/// A connection error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// Time of the error.
    pub time: Timestamp,
    /// The cause.
    pub cause: Cause,
    /// The message.
    pub message: String,
}

/// The status of the outbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutboxStatus {
    /// Queued telemetry messages.
    pub messages: usize,
    /// Queued reported patches.
    pub reports: usize,
    /// Bytes of queued telemetry.
    pub bytes: usize,
    /// Age of the oldest message, in seconds.
    #[serde(rename = "oldestAgeMs", with = "as_milliseconds::optional")]
    pub oldest_age_seconds: Option<f64>,
    /// Acknowledged messages and reported patches.
    pub acknowledged: u64,
    /// Evicted messages since the device first ran.
    pub evicted: u64,
    /// Dead letters since the device first ran.
    pub dead_lettered: u64,
}

/// The status of the store on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreStatus {
    /// Time since which the host is degraded: the disk fails, and changes are kept in memory; `None` while it works.
    pub degraded_since: Option<Timestamp>,
    /// The last error, while degraded.
    pub reason: Option<String>,
    /// Failed attempts to write to the disk.
    pub write_failures: u64,
}

/// Statistics of calls into the component.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStats {
    /// Calls that returned ok.
    pub ok: u64,
    /// Calls that returned an error.
    pub errors: u64,
    /// Calls that trapped or exceeded a limit.
    pub traps: u64,
    /// Total duration in seconds.
    #[serde(rename = "totalMs", with = "as_milliseconds")]
    pub total_seconds: f64,
    /// Longest duration in seconds.
    #[serde(rename = "longestMs", with = "as_milliseconds")]
    pub longest_seconds: f64,
    /// Calls by duration: per bucket of [`CallStats::BOUNDS`], and one more without a bound.
    pub by_duration: Vec<u64>,
    /// Linear memory of the instance after the last call, in bytes.
    pub memory_bytes: u64,
}

impl CallStats {
    /// Upper bounds of the buckets, in seconds.
    pub const BOUNDS: [f64; 9] = [
        0.000_05, 0.000_1, 0.000_25, 0.001, 0.005, 0.025, 0.1, 0.5, 1.0,
    ];
}

/// The state of a rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimitStatus {
    /// True while timers wait for it.
    pub limited: bool,
    /// Timer calls that had to wait for it.
    pub delayed: u64,
}

/// A command, desired property or timer that is suspended after repeated failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuspendedCause {
    /// Its kind and name, such as `command reboot`.
    pub cause: String,
    /// The last failure.
    pub reason: String,
    /// Seconds until it is tried again.
    #[serde(rename = "remainingMs", with = "as_milliseconds")]
    pub seconds_left: f64,
}

/// A version that was rolled back, and is not accepted again with the same settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct QuarantinedVersion {
    /// The version's hash.
    pub sha256: String,
    /// Its settings; `None` if it is not accepted with any.
    pub settings: Option<Vec<ComponentSetting>>,
    /// The reason of the rollback.
    pub reason: String,
}

/// A setting of a component, given with `--set`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComponentSetting {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl From<&Quarantined> for QuarantinedVersion {
    fn from(quarantined: &Quarantined) -> Self {
        let settings = quarantined.settings.as_ref().map(|settings| {
            let settings = settings.iter().cloned();
            settings
                .map(|(key, value)| ComponentSetting { key, value })
                .collect()
        });
        Self {
            sha256: quarantined.sha256.clone(),
            settings,
            reason: quarantined.reason.clone(),
        }
    }
}

/// The state of the running version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "ComponentStateMembers", into = "ComponentStateMembers")]
pub enum ComponentState {
    /// Accepted.
    Accepted,
    /// On probation.
    Probation {
        /// Seconds still required.
        seconds_left: f64,
        /// Events still required.
        events_left: u32,
    },
    /// Suspended because its `init` fails.
    Suspended {
        /// The last failure.
        reason: String,
        /// Seconds until the next start.
        seconds_left: f64,
    },
}

/// A [`ComponentState`] in JSON.
#[derive(Serialize, Deserialize)]
struct ComponentStateMembers {
    state: ComponentStateName,
    probation: Option<RemainingProbation>,
    suspension: Option<Suspension>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ComponentStateName {
    Accepted,
    Probation,
    Suspended,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RemainingProbation {
    #[serde(rename = "remainingMs", with = "as_milliseconds")]
    seconds: f64,
    remaining_events: u32,
}

#[derive(Serialize, Deserialize)]
struct Suspension {
    reason: String,
    #[serde(rename = "remainingMs", with = "as_milliseconds")]
    seconds: f64,
}

impl From<ComponentState> for ComponentStateMembers {
    fn from(state: ComponentState) -> Self {
        let of = |state, probation, suspension| Self {
            state,
            probation,
            suspension,
        };
        match state {
            ComponentState::Accepted => of(ComponentStateName::Accepted, None, None),
            ComponentState::Probation {
                seconds_left: seconds,
                events_left: remaining_events,
            } => {
                let remaining = RemainingProbation {
                    seconds,
                    remaining_events,
                };
                of(ComponentStateName::Probation, Some(remaining), None)
            }
            ComponentState::Suspended {
                reason,
                seconds_left: seconds,
            } => {
                let suspension = Suspension { reason, seconds };
                of(ComponentStateName::Suspended, None, Some(suspension))
            }
        }
    }
}

impl From<ComponentStateMembers> for ComponentState {
    fn from(members: ComponentStateMembers) -> Self {
        match (members.probation, members.suspension) {
            (Some(remaining), _) => Self::Probation {
                seconds_left: remaining.seconds,
                events_left: remaining.remaining_events,
            },
            (None, Some(suspension)) => Self::Suspended {
                reason: suspension.reason,
                seconds_left: suspension.seconds,
            },
            (None, None) => Self::Accepted,
        }
    }
}
