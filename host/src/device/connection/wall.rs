//! The time of day, which a person, a server or an empty battery may change.

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// A change of the time of day that matters to certificates and tokens.
const CHANGE: SignedDuration = SignedDuration::from_secs(30);

/// Watches the time of day against the time that passes.
#[derive(Debug)]
pub(super) struct Wall {
    /// The time of day when monotonic time began, as of the last look.
    origin: Timestamp,
}

impl Wall {
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self {
            origin: origin(clock),
        }
    }

    /// Whether the time of day was set, by more than it drifts, since it last was.
    pub(super) fn was_set(&mut self, clock: &dyn Clock) -> bool {
        let origin = origin(clock);
        let was_set = origin.duration_since(self.origin).abs() > CHANGE;
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
