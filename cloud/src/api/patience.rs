//! How long a call may take: the two time-outs of methods and commands.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use super::Error;

/// Seconds, as Azure allows them and as it assumes when none are given.
const RESPONSE: (RangeInclusive<u64>, u64) = (5..=300, 30);
const CONNECT: (RangeInclusive<u64>, u64) = (0..=300, 0);

/// How long to wait, within Azure's bounds.
pub(super) struct Patience {
    /// For a device to connect and listen.
    pub(super) connect: Duration,
    /// For its answer.
    pub(super) response: Duration,
}

impl Patience {
    /// Seconds, as numbers or as text: Microsoft's SDKs send the one, its command line the other.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the one that is out of bounds.
    pub(super) fn new(connect: Option<Value>, response: Option<Value>) -> Result<Self, Error> {
        Ok(Self {
            connect: within(connect, CONNECT, "connectTimeoutInSeconds")?,
            response: within(response, RESPONSE, "responseTimeoutInSeconds")?,
        })
    }
}

fn within(
    given: Option<Value>,
    (allowed, default): (RangeInclusive<u64>, u64),
    name: &str,
) -> Result<Duration, Error> {
    let seconds = match given {
        None => Some(default),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(other) => other.as_u64(),
    };
    let seconds = seconds.filter(|seconds| allowed.contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let (from, to) = allowed.into_inner();
        Error::invalid(format!("{name} must be {from} to {to} seconds"))
    })
}
