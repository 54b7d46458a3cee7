//! The two clocks of a device.

use crate::timestamp::Timestamp;

/// The smallest difference between the clocks that counts as the time of day being set, in milliseconds.
const MIN_STEP: i64 = 1000;

/// Both clocks of the host, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The time of day.
    pub now: Timestamp,
    /// Milliseconds since some point in the past. They go on evenly when the time of day is set.
    pub monotonic: i64,
}

impl ClockReading {
    /// Moves a time from before this reading to where it lies now that the time of day reads `later`: if that was set
    /// meanwhile, by as much.
    pub(crate) fn adjust(self, time: Timestamp, later: Self) -> Timestamp {
        let passed = later.monotonic - self.monotonic;
        let step = later.now.as_millis() - self.now.as_millis() - passed;
        match step.abs() >= MIN_STEP {
            true => Timestamp::from_millis(time.as_millis() + step),
            false => time,
        }
    }
}
