//! The two timeouts of a method call.

use std::{ops::RangeInclusive, time::Duration};

use serde_json::Value;

use super::Error;

/// Allowed seconds and default, as in Azure.
const RESPONSE_TIMEOUT: (RangeInclusive<u64>, u64) = (5..=300, 30);
const CONNECT_TIMEOUT: (RangeInclusive<u64>, u64) = (0..=300, 0);

/// The timeouts of a method call, within Azure's bounds.
pub(super) struct MethodTimeouts {
    /// Time for the device to connect and subscribe to methods.
    pub(super) connect: Duration,
    /// Time for its response.
    pub(super) response: Duration,
}

impl MethodTimeouts {
    /// Parses seconds, which Microsoft's SDKs send as numbers and its command line as text.
    ///
    /// # Errors
    /// `ArgumentInvalid`, which names the one that is out of bounds.
    pub(super) fn parse(connect: Option<Value>, response: Option<Value>) -> Result<Self, Error> {
        Ok(Self {
            connect: within(connect, CONNECT_TIMEOUT, "connectTimeoutInSeconds")?,
            response: within(response, RESPONSE_TIMEOUT, "responseTimeoutInSeconds")?,
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
