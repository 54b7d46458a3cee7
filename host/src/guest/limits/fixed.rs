//! The bounds on a component nobody has reason to move, most of them because IoT Hub has them.

use super::{Limits, Unit};
use crate::hub::message;

/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_REPORT: usize = 32 << 10;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_ACKNOWLEDGMENTS: usize = 32 << 10;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_RANDOM: u32 = 64 << 10;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_TIMER_NAME: usize = 128;
/// See [`Limits::FIXED`].
pub(in crate::guest) const MAX_REASON: usize = 1 << 10;

/// A limit that cannot be set.
pub struct FixedLimit {
    /// What a person calls it.
    pub name: &'static str,
    /// What it counts.
    pub unit: Unit,
    /// How much it is, in its unit.
    pub number: u64,
    /// What it limits, and why so. One line.
    pub reason: &'static str,
}

impl Limits {
    /// Those that cannot be set.
    pub const FIXED: &[FixedLimit] = &[
        bytes(
            "message",
            message::LARGEST as u64,
            "Message with its properties. IoT Hub takes no more.",
        ),
        bytes(
            "report",
            MAX_REPORT as u64,
            "Reported properties of one call. IoT Hub keeps no more.",
        ),
        bytes(
            "acknowledgments",
            MAX_ACKNOWLEDGMENTS as u64,
            "Answer to desired properties. IoT Hub keeps no more.",
        ),
        bytes(
            "random",
            MAX_RANDOM as u64,
            "Random bytes of one call into the host. More is a mistake, and the host allocates them.",
        ),
        bytes(
            "timer-name",
            MAX_TIMER_NAME as u64,
            "Name of a timer. It is written whenever a timer changes.",
        ),
        bytes(
            "error",
            MAX_REASON as u64,
            "Error it returns. It goes into logs and answers; the rest is cut off.",
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
    /// How much it is, for people.
    #[must_use]
    pub fn shown(&self) -> String {
        self.unit.show(self.number)
    }
}
