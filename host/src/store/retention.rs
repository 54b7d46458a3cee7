//! How much telemetry an outbox keeps, and how fast it sends what has piled up.

use std::time::Duration;

/// The bounds of an outbox, and its pace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Messages.
    pub count: usize,
    /// Bytes of bodies and properties.
    pub bytes: usize,
    /// Age of a message.
    pub age: Duration,
    /// Messages a second that are sent of what waited when a connection began; none for no limit.
    pub drain_rate: Option<u32>,
}

impl Retention {
    /// Fewer bytes than these do not hold one message of the largest size.
    pub const LEAST_BYTES: usize = 256 << 10;
    /// Fewer messages than these are on their way at a time, and what is on its way does not give way.
    pub const LEAST_COUNT: usize = 64;
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
        }
    }
}
