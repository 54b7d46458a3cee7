//! The fixed limits on a component, most of them limits of IoT Hub.

use super::{Limits, Unit};
use crate::hub::message;

/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_REPORT: usize = 32 << 10;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_ACKNOWLEDGMENTS: usize = 256 << 10;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_RANDOM: u32 = 64 << 10;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_TIMER_NAME: usize = 128;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_REASON: usize = 1 << 10;

/// A limit that cannot be set.
pub struct FixedLimit {
    /// The name.
    pub name: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The value, in its unit.
    pub number: u64,
    /// The limited thing and the reason, in one line.
    pub reason: &'static str,
}

impl Limits {
    /// All fixed limits.
    pub const FIXED: &[FixedLimit] = &[
        bytes(
            "message",
            message::MAX_SIZE as u64,
            "Size of a message with its properties. It is the limit of IoT Hub.",
        ),
        bytes(
            "report",
            MAX_REPORT as u64,
            "Reported properties of one call. It is the limit of IoT Hub.",
        ),
        bytes(
            "acknowledgments",
            MAX_ACKNOWLEDGMENTS as u64,
            "Acknowledgments of desired properties in one call. The 32 KB of desired properties that IoT Hub keeps are no more as JSON.",
        ),
        bytes(
            "random",
            MAX_RANDOM as u64,
            "Random bytes of one call into the host. The host allocates memory for them.",
        ),
        bytes(
            "timer-name",
            MAX_TIMER_NAME as u64,
            "Name of a timer. It is written whenever a timer changes.",
        ),
        bytes(
            "error",
            MAX_REASON as u64,
            "Error message of a call. It goes into logs and replies; the rest is cut off.",
        ),
    ];
}

const fn bytes(name: &'static str, number: u64, reason: &'static str) -> FixedLimit {
    FixedLimit {
        name,
        unit: Unit::Bytes,
        number,
        reason,
    }
}

impl FixedLimit {
    /// Formats the value for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.unit.format(self.number)
    }
}
