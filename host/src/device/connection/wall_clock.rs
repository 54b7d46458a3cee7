//! Detection of changes to the wall clock, which a person, a server or an empty battery may set.

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// Smallest change that matters to certificates and tokens.
const MIN_CHANGE: SignedDuration = SignedDuration::from_secs(30);

/// The wall clock, watched against monotonic time.
#[derive(Debug)]
pub(super) struct WallClock {
    /// The wall clock's time at monotonic time zero, as of the last check.
    origin: Timestamp,
}

impl WallClock {
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self {
            origin: origin(clock),
        }
    }

    /// Returns true if the clock was set, by more than it drifts, since the last change.
    pub(super) fn was_set(&mut self, clock: &dyn Clock) -> bool {
        let origin = origin(clock);
        let was_set = origin.duration_since(self.origin).abs() > MIN_CHANGE;
        if was_set {
            self.origin = origin;
        }
        was_set
    }
}

fn origin(clock: &dyn Clock) -> Timestamp {
    let passed = clock.monotonic();
    clock.now().saturating_sub(passed).unwrap_or(Timestamp::MIN)
}
