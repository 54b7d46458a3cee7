//! How much telemetry an outbox keeps, and how fast it sends what has piled up.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

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
    /// What happens to a message that would be one too many.
    pub when_full: WhenFull,
}

/// What happens when an outbox is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest message gives way.
    DropOldest,
    /// The new one is refused: `send-telemetry` returns `full`.
    Reject,
}

/// What an outbox that refuses still takes. Measured before each call into the component, which then draws on it; calls
/// of one device do not overlap.
#[derive(Debug, Default)]
pub struct Room {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Room {
    /// There is room for so many messages and bytes.
    pub(super) fn measure(&self, messages: usize, bytes: usize) {
        self.messages.store(messages, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
    }

    /// Takes room for a message of this size; false if there is none.
    pub fn take(&self, size: usize) -> bool {
        let messages = self.messages.load(Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed);
        let (Some(messages), Some(bytes)) = (messages.checked_sub(1), bytes.checked_sub(size))
        else {
            return false;
        };
        self.measure(messages, bytes);
        true
    }
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
            when_full: WhenFull::DropOldest,
        }
    }
}
