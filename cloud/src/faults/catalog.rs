//! The catalog of faults: names, settings, and the effect on a device.
//!
//! One definition serves both interfaces: `cloud fault` reads it with clap, `/api/faults` with serde.

use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use jiff::{SignedDuration, fmt::serde::unsigned_duration::friendly::compact as friendly};
use serde::{Deserialize, Serialize};

/// The largest padding of a twin, in bytes. With more, the hub would take the device for one that does not read.
const MAX_TWIN_PADDING: u32 = 4 * 1024 * 1024;

/// A lasting fault: active from its start until it is cleared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// Refuse TCP connections
    Refuse,
    /// Accept TCP connections, never answer the TLS handshake
    TlsStall,
    /// Present an invalid certificate on new connections
    WrongCertificate {
        /// Defect of the certificate
        #[arg(long, env = "CLOUD_FLAW", default_value_t, value_enum)]
        #[serde(default)]
        flaw: CertificateFlaw,
    },
    /// Accept CONNECT, never answer anything
    Silent,
    /// Refuse CONNECT with a return code
    Connack {
        /// Return code, 1 to 5 [default: 5]
        #[arg(long, env = "CLOUD_CODE", value_name = "CODE")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<u8>,
        /// Refuse at the provisioning service only, not at the hub
        #[arg(long, env = "CLOUD_DPS")]
        #[serde(default)]
        dps: bool,
    },
    /// Drop all traffic in both directions, including RST and FIN
    BlackHole {
        /// Keep existing connections dead after the fault ends, as a NAT that lost its table
        #[arg(long, env = "CLOUD_DROP_CONNECTIONS")]
        #[serde(default)]
        drop_connections: bool,
    },
    /// Add latency or limit the bandwidth, in both directions
    Slow {
        /// Latency added to each chunk of bytes, such as 200ms
        #[arg(long, env = "CLOUD_LATENCY", value_name = "DURATION", value_parser = duration)]
        #[serde(
            default,
            with = "friendly::optional",
            skip_serializing_if = "Option::is_none"
        )]
        latency: Option<Duration>,
        /// Bandwidth, in bytes per second
        #[arg(long, env = "CLOUD_BYTES_PER_SECOND", value_name = "COUNT")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes_per_second: Option<u32>,
    },
    /// Accept messages and reported properties, never acknowledge them
    WithholdAcks,
    /// Delay each PUBACK
    DelayAcks {
        /// Delay [default: 2s]
        #[arg(long, env = "CLOUD_DELAY", value_name = "DURATION", value_parser = duration)]
        #[serde(
            default,
            with = "friendly::optional",
            skip_serializing_if = "Option::is_none"
        )]
        delay: Option<Duration>,
    },
    /// Swap the order of PUBACKs, in pairs
    ReorderAcks,
    /// Send each PUBACK twice
    DuplicateAcks,
    /// Refuse subscriptions with SUBACK 0x80
    RefuseSubscription {
        /// Refuse only topic filters that contain this text
        #[arg(long, env = "CLOUD_FILTER", value_name = "TEXT")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        filter: Option<String>,
    },
    /// Answer twin requests and reported patches with 429, without effect
    ThrottleTwin,
    /// Carry out twin requests and reported patches, lose the answers
    WithholdTwin,
    /// Pad the twin beyond Azure's size limit
    OversizeTwin {
        /// Padding, in bytes [default: 524288]
        #[arg(long, env = "CLOUD_BYTES", value_name = "COUNT")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u32>,
    },
    /// Answer a twin GET after the next desired change, with the state before it
    TwinRace,
    /// Drop pushes of desired properties; the next push skips a version
    DropDesired,
    /// Deliver each cloud-to-device message twice
    DuplicateC2d,
    /// Delay each SUBACK until a direct method was called
    EarlyMethod,
    /// Answer registrations with 429
    ThrottleDps {
        /// Retry-after, in seconds [default: 3]
        #[arg(long, env = "CLOUD_RETRY_AFTER", value_name = "SECONDS")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
    },
    /// Answer registrations with 202 (assigning) forever
    KeepAssigning,
    /// Assign devices to another hub
    Reassign {
        /// Host name and port of that hub [default: another name of this hub]
        #[arg(long, env = "CLOUD_HUB", value_name = "NAME:PORT")]
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hub: Option<String>,
    },
}

/// A defect of a server certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateFlaw {
    /// Issued by the trusted authority, for another host name
    #[default]
    NameMismatch,
    /// Issued for the right host name, by an unknown authority
    UnknownCa,
    /// Self-signed, for another host name
    SelfSigned,
}

/// A fault that takes effect once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Subcommand)]
#[serde(rename_all = "kebab-case")]
pub enum OneShotFault {
    /// Reset connections (TCP RST)
    Reset,
    /// Close connections to the hub cleanly
    Close,
    /// Close connections in the middle of the next packet to the device
    MidPacket,
    /// Close connections to the hub as on token expiry
    ExpireToken,
    /// Close connections to the hub as if a duplicate client had connected (400027)
    TakeOver,
    /// Discard MQTT sessions; the next CONNACK has no session present
    ForgetSessions,
    /// Restart the hub with its registry only: new twins, no messages, no sessions
    RestartEmpty,
    /// Push an earlier desired patch again, with its old $version
    StaleDesired,
}

impl Fault {
    /// Returns true if both are the same fault, with whatever settings.
    pub(crate) fn is_same_kind(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }

    /// Returns true if the fault takes effect before CONNECT names the device.
    fn precedes_connect(&self) -> bool {
        matches!(
            self,
            Self::Refuse | Self::TlsStall | Self::WrongCertificate { .. }
        )
    }

    /// Validates the settings.
    ///
    /// # Errors
    /// The reason if they make no sense.
    pub(crate) fn check(&self, device: Option<&str>) -> Result<(), &'static str> {
        let problem = match self {
            Self::Connack {
                code: Some(0 | 6..),
                ..
            } => "the return code of connack must be 1 to 5",
            Self::Slow {
                latency: None,
                bytes_per_second: None,
            } => "slow needs a latency or a bandwidth",
            Self::Slow {
                bytes_per_second: Some(0),
                ..
            } => {
                "the bandwidth of slow must be at least 1 byte per second; use black-hole to drop all traffic"
            }
            Self::OversizeTwin { bytes: Some(bytes) } if *bytes > MAX_TWIN_PADDING => {
                "oversize-twin adds at most 4194304 bytes"
            }
            fault if fault.precedes_connect() && device.is_some() => {
                "this fault takes effect before CONNECT names the device, so it cannot be limited to one device"
            }
            _ => return Ok(()),
        };
        Err(problem)
    }
}

impl OneShotFault {
    /// Returns true if the fault hits network connections, of the hub and of DPS alike, and not the state of the hub.
    pub(crate) fn affects_network(self) -> bool {
        matches!(self, Self::Reset | Self::MidPacket)
    }
}

/// Parses a duration such as `200ms`, `10s` or `1m 30s`.
///
/// # Errors
/// If the text is not a duration, or is negative.
pub fn duration(text: &str) -> Result<Duration, String> {
    let time: Option<SignedDuration> = text.parse().ok();
    time.and_then(|time| Duration::try_from(time).ok())
        .ok_or_else(|| "write a duration such as 200ms, 10s or 1m".to_owned())
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
        let commands = OneShotFault::augment_subcommands(Command::new("one-shot"));
        for name in commands.get_subcommands().map(Command::get_name) {
            serde_json::from_value::<OneShotFault>(json!(name)).unwrap();
        }
    }

    #[test]
    fn every_fault_is_documented() {
        let documented = include_str!("../../../docs/faults.md");
        let faults = Fault::augment_subcommands(Command::new("fault"));
        let all = OneShotFault::augment_subcommands(faults);
        for name in all.get_subcommands().map(Command::get_name) {
            let row = documented.contains(&format!("\n| `{name}` |"));
            assert!(row, "{name}");
        }
    }

    #[test]
    fn every_fault_is_on_the_console() {
        let page = include_str!("../../console/src/faults/faultCatalog.ts");
        // The formatter breaks lines.
        let page: String = page.split_whitespace().collect();
        let faults = Fault::augment_subcommands(Command::new("fault"));
        for name in faults.get_subcommands().map(Command::get_name) {
            assert!(page.contains(&format!("fault(\"{name}\",")), "{name}");
        }
        let one_shot = OneShotFault::augment_subcommands(Command::new("one-shot"));
        for name in one_shot.get_subcommands().map(Command::get_name) {
            assert!(page.contains(&format!("{{name:\"{name}\",")), "{name}");
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
