//! The clock of a device, virtual in tests.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;

/// The time a device lives in. Limits on guest code do not use it: they always count real time.
pub trait Clock: Send + Sync + 'static {
    /// The time of day. May jump.
    fn now(&self) -> Timestamp;

    /// Time since some fixed point; never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Ends when [`monotonic`](Self::monotonic) has reached `deadline`; at once if it already has.
    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()>;
}

/// The earliest plausible time, 2020-01-01; a machine without a battery for its clock starts in the past.
pub const MIN_PLAUSIBLE_TIME: Timestamp = Timestamp::constant(1_577_836_800, 0);

/// Returns the time at which this program was built.
#[must_use]
pub fn build_time() -> Timestamp {
    let seconds = env!("BUILD_TIME").parse().ok();
    let time = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(MIN_PLAUSIBLE_TIME)
}

/// Returns whether this is a plausible time.
#[must_use]
pub fn is_set(time: Timestamp) -> bool {
    time >= MIN_PLAUSIBLE_TIME
}

/// Returns the id of this boot of the machine; `None` if the kernel does not tell.
#[must_use]
pub fn boot_id() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
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
        Self {
            start: Instant::now(),
        }
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

/// Time that passes only when nothing else is left to do: each sleep ends as soon as every other task has had its turn,
/// and takes the clock to its deadline. For one device on one current-thread runtime; a day passes in a second.
#[derive(Debug)]
pub struct VirtualClock {
    start: Timestamp,
    /// The monotonic time at `start`.
    uptime: Duration,
    until: Duration,
    elapsed: watch::Sender<Duration>,
}

impl VirtualClock {
    /// Creates a clock that shows `start` and stops for good after `until`. Its monotonic time begins at zero.
    #[must_use]
    pub fn new(start: Timestamp, until: Duration) -> Arc<Self> {
        Self::with_uptime(start, Duration::ZERO, until)
    }

    /// Creates a clock that shows `start`, with a monotonic time of `uptime`, and stops for good after `duration`.
    #[must_use]
    pub fn with_uptime(start: Timestamp, uptime: Duration, duration: Duration) -> Arc<Self> {
        Arc::new(Self {
            start,
            uptime,
            until: uptime.saturating_add(duration),
            elapsed: watch::Sender::new(uptime),
        })
    }

    /// Ends when the clock has stopped.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let (mut elapsed, until) = (self.elapsed.subscribe(), self.until);
        async move {
            // The clock outlives whoever waits for it, so this is no error.
            let _ = elapsed.wait_for(|elapsed| *elapsed >= until).await;
        }
    }
}

/// Turns given to other tasks before time passes: enough for an answer to an answer.
const TURNS: usize = 4;

impl Clock for Arc<VirtualClock> {
    fn now(&self) -> Timestamp {
        self.start
            .saturating_add(self.monotonic().saturating_sub(self.uptime))
            .unwrap_or(self.start)
    }

    fn monotonic(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep_until(&self, deadline: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        Box::pin(async move {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            clock.elapsed.send_if_modified(|elapsed| {
                let later = deadline.min(clock.until).max(*elapsed);
                std::mem::replace(elapsed, later) != later
            });
            if deadline > clock.until {
                std::future::pending().await
            }
        })
    }
}
