//! Outbox retention and drain rate.

use std::time::Duration;

/// The retention of an outbox, and its drain rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Messages.
    pub count: usize,
    /// Bytes of bodies and properties.
    pub bytes: usize,
    /// Age of a message.
    pub age: Duration,
    /// Messages of the backlog sent per second; `None` for no limit.
    pub drain_rate: Option<u32>,
    /// The policy for a full outbox.
    pub when_full: WhenFull,
}

/// The policy for a full outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest message is evicted.
    DropOldest,
    /// The new message is rejected: `send-telemetry` returns `full`.
    Reject,
}

impl Retention {
    /// The least limit in bytes: one message of the largest size.
    pub const MIN_BYTES: usize = 256 << 10;
    /// The least limit in messages: more than are in flight, which are not evicted.
    pub const MIN_COUNT: usize = 64;
}

impl Default for Retention {
    /// About a day of one message every two seconds, in memory a gateway can spare; a week, because older measurements
    /// are rarely worth the money they cost; and about what one unit of IoT Hub S1 takes at once.
    fn default() -> Self {
        Self {
            count: 50_000,
            bytes: 16 << 20,
            age: Duration::from_secs(7 * 86_400),
            drain_rate: Some(100),
            when_full: WhenFull::DropOldest,
        }
    }
}
