//! Options of outbox retention and drain rate.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::duration;
use crate::{
    store::{Retention, WhenFull},
    units,
};

/// Options of outbox retention and drain rate.
#[derive(Debug, Args)]
#[command(next_help_heading = super::STATE)]
pub struct RetentionArgs {
    /// Limit the bytes of queued telemetry, such as 16MiB
    #[arg(long, value_name = "SIZE", env = "HOST_OUTBOX_MAX_BYTES", default_value = "16MiB", value_parser = max_bytes, hide_short_help = true)]
    pub outbox_max_bytes: usize,
    /// Limit the number of queued messages
    #[arg(long, value_name = "COUNT", env = "HOST_OUTBOX_MAX_COUNT", default_value = "50000", value_parser = max_count, hide_short_help = true)]
    pub outbox_max_count: usize,
    /// Limit the age of queued messages, such as 12h or 7d; older ones are evicted
    #[arg(long, value_name = "DURATION", env = "HOST_OUTBOX_MAX_AGE", default_value = "7d", value_parser = max_age, hide_short_help = true)]
    pub outbox_max_age: Duration,
    /// Choose what happens when the outbox is full
    #[arg(
        long,
        value_name = "POLICY",
        env = "HOST_OUTBOX_FULL",
        default_value = "drop-oldest",
        hide_short_help = true
    )]
    pub outbox_full: OutboxFullArg,
    /// Limit the messages per second sent of a backlog after a reconnect; 0 for no limit
    #[arg(
        long,
        value_name = "COUNT",
        env = "HOST_DRAIN_RATE",
        default_value = "100",
        hide_short_help = true
    )]
    pub drain_rate: u32,
}

impl RetentionArgs {
    /// Returns the retention.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            count: self.outbox_max_count,
            bytes: self.outbox_max_bytes,
            age: self.outbox_max_age,
            drain_rate: Some(self.drain_rate).filter(|rate| *rate > 0),
            when_full: match self.outbox_full {
                OutboxFullArg::DropOldest => WhenFull::DropOldest,
                OutboxFullArg::Reject => WhenFull::Reject,
            },
        }
    }
}

/// The policy for a full outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutboxFullArg {
    /// Evict the oldest message
    DropOldest,
    /// Reject new messages: send-telemetry returns `full`
    Reject,
}

fn max_bytes(text: &str) -> Result<usize, String> {
    let bytes =
        units::parse_bytes(text).ok_or("expected a number of bytes, or such as 512KiB or 16MiB")?;
    match usize::try_from(bytes) {
        Ok(bytes) if bytes >= Retention::MIN_BYTES => Ok(bytes),
        Ok(_) => Err("must be at least 256KiB, one message of the largest size".into()),
        Err(_) => Err("more than this machine can address".into()),
    }
}

fn max_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= Retention::MIN_COUNT => Ok(count),
        _ => Err(format!(
            "must be a number of at least {}, to hold the messages in flight",
            Retention::MIN_COUNT
        )),
    }
}

fn max_age(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be longer than 0s".to_owned()),
        age => Ok(age),
    }
}
