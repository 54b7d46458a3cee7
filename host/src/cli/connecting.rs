//! How a device connects.

use std::{ops::RangeInclusive, time::Duration};

use clap::Args;

use super::any_time;
use crate::device::ConnectionConfig;

/// What IoT Hub takes: MQTT counts whole seconds, and Azure's load balancers forget a silent connection after half an hour.
const KEEP_ALIVE_SECONDS: RangeInclusive<u64> = 1..=1177;
/// Shorter ones would be renewed all the time; longer ones are of no use, because renewing costs nothing.
const TOKEN_TTL_SECONDS: RangeInclusive<u64> = 10..=30 * 86_400;

/// How a device connects.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// Longest silence on the wire; a hub that is gone without a word is found out within twice that. Longer ones save
    /// data, up to 1177s.
    #[arg(long, value_name = "TIME", env = "HOST_KEEP_ALIVE", default_value = "60s", value_parser = keep_alive)]
    pub keep_alive: Duration,
    /// How long the device's tokens are good for. They are renewed before they end, without anything getting lost.
    #[arg(long, value_name = "TIME", env = "HOST_TOKEN_LIFE", default_value = "1h", value_parser = sas_token_ttl)]
    pub sas_token_ttl: Duration,
}

impl ConnectArgs {
    /// What they come to.
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
        .ok_or_else(|| "write it in whole seconds from 1s to 1177s, such as 60s or 5m".to_owned())
}

fn sas_token_ttl(text: &str) -> Result<Duration, String> {
    within(text, &TOKEN_TTL_SECONDS)
        .ok_or_else(|| "write it in whole seconds from 10s to 30d, such as 1h".to_owned())
}

fn within(text: &str, range: &RangeInclusive<u64>) -> Option<Duration> {
    let time = any_time(text).ok()?;
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
