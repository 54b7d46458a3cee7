//! Time, as one thing a device is handed, so that a test can hand it another.

use std::time::{Duration, Instant, SystemTime};

use futures::future::BoxFuture;
use jiff::Timestamp;

/// The time a device lives in. Limits on guest code do not use it: they always count real time.
pub trait Clock: Send + Sync + 'static {
    /// The time of day. May jump.
    fn now(&self) -> Timestamp;

    /// Time since some fixed point; never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Ends when [`monotonic`](Self::monotonic) has reached `deadline`; at once if it already has.
    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn monotonic(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep_until((self.start + deadline).into()))
    }
}
