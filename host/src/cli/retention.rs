//! What is kept of what cannot be sent, and how fast it is sent later.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::any_time;
use crate::{
    store::{Retention, WhenFull},
    units,
};

/// What is kept of what cannot be sent, and how fast it is sent later.
#[derive(Debug, Args)]
pub struct RetentionArgs {
    /// Most bytes of telemetry kept until it is sent, such as 16MiB; beyond, the oldest gives way.
    #[arg(long, value_name = "SIZE", env = "HOST_OUTBOX_MAX_BYTES", default_value = "16MiB", value_parser = max_bytes)]
    pub outbox_max_bytes: usize,
    /// Most messages kept until they are sent; beyond, the oldest gives way.
    #[arg(long, value_name = "NUMBER", env = "HOST_OUTBOX_MAX_COUNT", default_value = "50000", value_parser = max_count)]
    pub outbox_max_count: usize,
    /// Longest time a message is kept until it is sent, such as 12h or 7d; then it gives way.
    #[arg(long, value_name = "TIME", env = "HOST_OUTBOX_MAX_AGE", default_value = "7d", value_parser = time)]
    pub outbox_max_age: Duration,
    /// What happens when a bound in bytes or messages is reached: the oldest gives way, or the component's new message is
    /// refused.
    #[arg(
        long,
        value_name = "WHAT",
        env = "HOST_OUTBOX_FULL",
        default_value = "drop-oldest"
    )]
    pub outbox_full: OutboxFullArg,
    /// Messages a second sent of what waited when the device connects, so that it does not use up what the hub grants
    /// all devices; new ones go before them. 0 for no limit.
    #[arg(
        long,
        value_name = "NUMBER",
        env = "HOST_DRAIN_RATE",
        default_value = "100"
    )]
    pub drain_rate: u32,
}

impl RetentionArgs {
    /// The bounds they set.
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

/// What happens when the outbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutboxFullArg {
    /// The oldest message gives way.
    DropOldest,
    /// The new message is refused.
    Reject,
}

fn max_bytes(text: &str) -> Result<usize, String> {
    let bytes = units::parse_bytes(text)
        .ok_or("write it as a number of bytes, or such as 512KiB or 16MiB")?;
    match usize::try_from(bytes) {
        Ok(bytes) if bytes >= Retention::MIN_BYTES => Ok(bytes),
        Ok(_) => Err("it must be at least 256KiB, which is one message of the largest size".into()),
        Err(_) => Err("it is more than this machine can address".into()),
    }
}

fn max_count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count >= Retention::MIN_COUNT => Ok(count),
        _ => Err(format!(
            "it must be a number of at least {}: so many may be on their way",
            Retention::MIN_COUNT
        )),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    match any_time(text)? {
        Duration::ZERO => Err("it must be longer than nothing".to_owned()),
        time => Ok(time),
    }
}
