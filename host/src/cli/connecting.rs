//! Options of the connection.

use std::{ops::RangeInclusive, time::Duration};

use clap::Args;

use super::duration;
use crate::device::ConnectionConfig;

/// The range of IoT Hub: MQTT counts whole seconds, and Azure's load balancers close a silent connection after half an hour.
const KEEP_ALIVE_SECONDS: RangeInclusive<u64> = 1..=1177;
/// Shorter lifetimes would be renewed all the time; longer ones are of no use, because renewing costs nothing.
const TOKEN_TTL_SECONDS: RangeInclusive<u64> = 10..=30 * 86_400;

/// Options of the connection.
#[derive(Debug, Args)]
#[command(next_help_heading = super::CONNECTION)]
pub struct ConnectArgs {
    /// Set the MQTT keep-alive, up to 1177s; a dead connection is detected within twice that
    #[arg(long, value_name = "DURATION", env = "HOST_KEEP_ALIVE", default_value = "60s", value_parser = keep_alive, hide_short_help = true)]
    pub keep_alive: Duration,
    /// Set the lifetime of SAS tokens; they are renewed before they expire
    #[arg(long, value_name = "DURATION", env = "HOST_SAS_TOKEN_TTL", default_value = "1h", value_parser = sas_token_ttl, hide_short_help = true)]
    pub sas_token_ttl: Duration,
}

impl ConnectArgs {
    /// Returns the configuration.
    #[must_use]
    pub fn connecting(&self) -> ConnectionConfig {
        ConnectionConfig {
            keep_alive: self.keep_alive,
            sas_token_ttl: self.sas_token_ttl,
            ..ConnectionConfig::default()
        }
    }
}

fn keep_alive(text: &str) -> Result<Duration, String> {
    within(text, &KEEP_ALIVE_SECONDS)
        .ok_or_else(|| "expected whole seconds from 1s to 1177s, such as 60s or 5m".to_owned())
}

fn sas_token_ttl(text: &str) -> Result<Duration, String> {
    within(text, &TOKEN_TTL_SECONDS)
        .ok_or_else(|| "expected whole seconds from 10s to 30d, such as 1h".to_owned())
}

fn within(text: &str, range: &RangeInclusive<u64>) -> Option<Duration> {
    let time = duration(text).ok()?;
    (time.subsec_nanos() == 0 && range.contains(&time.as_secs())).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_out_of_range_are_refused() {
        assert_eq!(keep_alive("5m").unwrap().as_secs(), 300);
        for wrong in ["0s", "1178s", "1500ms", "-1s", "soon"] {
            assert!(keep_alive(wrong).is_err(), "{wrong}");
        }
        assert_eq!(sas_token_ttl("10s").unwrap().as_secs(), 10);
        assert!(sas_token_ttl("9s").is_err() && sas_token_ttl("31d").is_err());
    }
}
