//! Every fault there is: its name, what it can be told, and what a device sees of it.
//!
//! Operators know the faults by what stands here: `cloud fault` reads it by clap, `/api/faults` by serde.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use jiff::SignedDuration;
use jiff::fmt::serde::unsigned_duration::friendly::compact as friendly;
use serde::{Deserialize, Serialize};

use crate::error::HubError;

/// What a twin may be padded with, in bytes: more would count as not being read by the device.
const OVERSIZE_LIMIT: u32 = 4 * 1024 * 1024;

/// A fault that lasts until it is ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// Nothing listens: connections are refused
    Refuse,
    /// TCP connections are taken, but the TLS handshake is never answered
    TlsStall,
    /// New connections are shown a certificate that must not be accepted
    WrongCertificate {
        /// What is wrong with it
        #[arg(long, env = "CLOUD_FLAW", default_value_t, value_enum)]
        #[serde(default)]
        flaw: Flaw,
    },
    /// CONNECT is taken, but nothing is ever answered
    Silent,
    /// CONNECT is refused
    Connack {
        /// The return code: 1 to 5 [default: 5]
        #[arg(long, env = "CLOUD_CODE", value_name = "CODE")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u8>,
        /// By the provisioning service, and not by the hub
        #[arg(long, env = "CLOUD_DPS")]
        #[serde(default)]
        dps: bool,
    },
    /// Nothing passes in either direction, not even the end of a connection
    BlackHole {
        /// At its end the connections that stood stay dead, as if a router had forgotten them
        #[arg(long, env = "CLOUD_LOSE")]
        #[serde(default)]
        lose: bool,
    },
    /// Everything takes its time, in both directions
    Slow {
        /// How long what is read at once is held before it goes on, such as 200ms
        #[arg(long, env = "CLOUD_LATENCY", value_name = "TIME", value_parser = duration)]
        #[serde(
            default,
            with = "friendly::optional",
            skip_serializing_if = "Option::is_none"
        )]
        latency: Option<Duration>,
        /// How many bytes pass in a second
        #[arg(long, env = "CLOUD_BYTES_PER_SECOND", value_name = "COUNT")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_per_second: Option<u32>,
    },
    /// What devices send is taken, but no PUBACK and no answer to a report is sent
    WithholdAcks,
    /// Each PUBACK comes late
    DelayAcks {
        /// How late [default: 2s]
        #[arg(long, env = "CLOUD_BY", value_name = "TIME", value_parser = duration)]
        #[serde(
            default,
            with = "friendly::optional",
            skip_serializing_if = "Option::is_none"
        )]
        by: Option<Duration>,
    },
    /// Of two PUBACKs the second comes first
    ReorderAcks,
    /// Each PUBACK comes twice
    DuplicateAcks,
    /// Subscriptions are refused: SUBACK 0x80
    RefuseSubscription {
        /// Only those whose topic filter contains this text
        #[arg(long, env = "CLOUD_FILTER", value_name = "TEXT")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filter: Option<String>,
    },
    /// Requests for the twin and reports are answered with 429, and not carried out
    ThrottleTwin,
    /// Requests for the twin and reports are carried out, but the answers are lost
    WithholdTwin,
    /// The twin a device asks for is larger than any twin of Azure's
    OversizeTwin {
        /// By how many bytes [default: 524288]
        #[arg(long, env = "CLOUD_BYTES", value_name = "COUNT")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u32>,
    },
    /// The answer to a request for the twin comes after the next change of desired properties, and without it
    TwinRace,
    /// Changes of desired properties are not pushed: the next one that is has skipped a version
    LoseDesired,
    /// Each cloud-to-device message is delivered twice
    DuplicateC2d,
    /// The SUBACK waits for a method call: one that waits for the device comes before it
    EarlyMethod,
    /// The provisioning service answers with 429
    ThrottleDps {
        /// How many seconds it asks for [default: 3]
        #[arg(long, env = "CLOUD_RETRY_AFTER", value_name = "SECONDS")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// The provisioning service answers 202, assigning, for ever
    KeepAssigning,
    /// The provisioning service assigns another hub
    Reassign {
        /// Its name, with its port [default: another name of this one]
        #[arg(long, env = "CLOUD_HUB", value_name = "NAME")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hub: Option<String>,
    },
}

/// What can be wrong with a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// It is of the right authority, but for another name
    #[default]
    OtherName,
    /// It is for the right name, but of an authority nobody knows
    ForeignAuthority,
    /// It is for another name, and signed by itself
    SelfSigned,
}

/// A fault that happens once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
#[serde(rename_all = "kebab-case")]
pub enum Stroke {
    /// End every device connection with a TCP reset
    Reset,
    /// Close the connections to the hub in good order
    Close,
    /// Close connections in the middle of the next packet to the device
    MidPacket,
    /// Close the connections to the hub as at the end of their token
    ExpireToken,
    /// Close the connections to the hub as if a second client of the same id had connected (400027)
    TakeOver,
    /// Forget the devices' sessions: the next connection finds none, subscriptions are gone
    ForgetSessions,
    /// Begin again as a hub that has lost everything but its registry: twins are new, messages and sessions gone
    RestartEmpty,
    /// Push an earlier change of desired properties again, under its old version
    StaleDesired,
}

impl Fault {
    /// Whether it is the same fault, whatever it is told.
    pub(crate) fn is_kind_of(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Whether it takes effect before a connection has said whose it is.
    fn is_anonymous(&self) -> bool {
        matches!(
            self,
            Self::Refuse | Self::TlsStall | Self::WrongCertificate { .. }
        )
    }

    /// Refuses what makes no sense.
    ///
    /// # Errors
    /// `ArgumentInvalid`.
    pub(crate) fn check(&self, device: Option<&str>) -> Result<(), HubError> {
        let problem = match self {
            Self::Connack {
                code: Some(0 | 6..),
                ..
            } => "a return code that refuses is 1 to 5",
            Self::Slow {
                latency: None,
                bytes_per_second: None,
            } => "slow needs a latency, or a number of bytes a second",
            Self::Slow {
                bytes_per_second: Some(0),
                ..
            } => "nothing passes at 0 bytes a second: that is black-hole",
            Self::OversizeTwin { bytes: Some(bytes) } if *bytes > OVERSIZE_LIMIT => {
                "a twin can be made 4194304 bytes larger at most"
            }
            fault if fault.is_anonymous() && device.is_some() => {
                "this fault comes before a connection says whose it is: it cannot be for one device"
            }
            _ => return Ok(()),
        };
        Err(HubError::ArgumentInvalid(problem.into()))
    }
}

impl Stroke {
    /// Whether it befalls connections of whatever kind, and not what the hub knows.
    pub(crate) fn is_of_the_network(self) -> bool {
        matches!(self, Self::Reset | Self::MidPacket)
    }
}

/// Reads a time such as `200ms`, `10s` or `1m 30s`.
///
/// # Errors
/// It is none, or is negative.
pub fn duration(text: &str) -> Result<Duration, String> {
    let time: Option<SignedDuration> = text.parse().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "write a time such as 200ms, 10s or 1m".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Command;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_command_line_and_rest_know_the_faults_by_the_same_names() {
        let commands = Fault::augment_subcommands(Command::new("fault"));
        for name in commands.get_subcommands().map(Command::get_name) {
            let plain: Result<Fault, _> = serde_json::from_value(json!(name));
            let with_settings: Result<Fault, _> = serde_json::from_value(json!({name: {}}));
            assert!(plain.is_ok() || with_settings.is_ok(), "{name}");
        }
        let commands = Stroke::augment_subcommands(Command::new("stroke"));
        for name in commands.get_subcommands().map(Command::get_name) {
            serde_json::from_value::<Stroke>(json!(name)).unwrap();
        }
    }

    #[test]
    fn every_fault_is_documented() {
        let documented = include_str!("../../../docs/faults.md");
        let faults = Fault::augment_subcommands(Command::new("fault"));
        let all = Stroke::augment_subcommands(faults);
        for name in all.get_subcommands().map(Command::get_name) {
            let row = documented.contains(&format!("\n| `{name}"));
            assert!(row, "{name}");
        }
    }

    #[test]
    fn every_fault_is_on_the_console() {
        let page = include_str!("../../console/src/faults/kit.ts");
        let faults = Fault::augment_subcommands(Command::new("fault"));
        for name in faults.get_subcommands().map(Command::get_name) {
            assert!(page.contains(&format!("fault(\"{name}\",")), "{name}");
        }
        let strokes = Stroke::augment_subcommands(Command::new("stroke"));
        for name in strokes.get_subcommands().map(Command::get_name) {
            assert!(page.contains(&format!("{{ name: \"{name}\",")), "{name}");
        }
    }

    #[test]
    fn settings_are_read_and_shown_alike() {
        let shown = json!({"slow": {"latency": "200ms", "bytesPerSecond": 1000}});
        let fault: Fault = serde_json::from_value(shown.clone()).unwrap();
        assert_eq!(
            fault,
            Fault::Slow {
                latency: Some(Duration::from_millis(200)),
                bytes_per_second: Some(1000),
            }
        );
        assert_eq!(serde_json::to_value(&fault).unwrap(), shown);
        let unknown: Result<Fault, _> = serde_json::from_value(json!({"slow": {"speed": 1}}));
        assert!(unknown.unwrap_err().to_string().contains("speed"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |shown: Value, device| {
            let fault: Fault = serde_json::from_value(shown).unwrap();
            fault.check(device).is_err()
        };
        assert!(refused(json!({"connack": {"code": 0}}), None));
        assert!(refused(json!({"connack": {"code": 6}}), None));
        assert!(!refused(json!({"connack": {"code": 1}}), Some("t-1")));
        assert!(refused(json!({"slow": {}}), None));
        assert!(refused(json!({"slow": {"bytesPerSecond": 0}}), None));
        assert!(refused(
            json!({"oversize-twin": {"bytes": 5_000_000}}),
            None
        ));
        assert!(refused(json!("refuse"), Some("t-1")));
        assert!(!refused(json!("refuse"), None));
    }

    #[test]
    fn a_time_has_a_unit_and_is_not_negative() {
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "5", "-1s", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
