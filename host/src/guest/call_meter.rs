//! The CPU time of a call.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

/// The CPU time of the current call, in the guest and in the host's functions it calls, and whether it has yielded. Shared
/// by the future of the call, which is polled on one thread at a time, and its store.
#[derive(Default)]
pub(super) struct CallMeter {
    /// Nanoseconds of the polls that have ended.
    used: AtomicU64,
    /// The thread's CPU time at the start of the current poll, in nanoseconds.
    started: AtomicU64,
    yielded: AtomicBool,
}

impl CallMeter {
    /// Starts a new call.
    pub(super) fn reset(&self) {
        self.used.store(0, Ordering::Relaxed);
    }

    /// Counts the CPU time of a poll. Returns its result, and whether the call has yielded in it.
    pub(super) fn measure<T>(&self, poll: impl FnOnce() -> Poll<T>) -> (Poll<T>, bool) {
        self.started.store(thread_cpu_time(), Ordering::Relaxed);
        let result = poll();
        if result.is_pending() {
            self.used.store(nanoseconds(self.used()), Ordering::Relaxed);
        }
        (result, self.yielded.swap(false, Ordering::Relaxed))
    }

    /// Returns the CPU time of the call. To be called during a poll.
    pub(super) fn used(&self) -> Duration {
        let current = thread_cpu_time().saturating_sub(self.started.load(Ordering::Relaxed));
        Duration::from_nanos(self.used.load(Ordering::Relaxed).saturating_add(current))
    }

    /// Marks that the current poll ends because the call yields, not because it waits.
    pub(super) fn yields(&self) {
        self.yielded.store(true, Ordering::Relaxed);
    }
}

/// Returns the CPU time of this thread in nanoseconds.
fn thread_cpu_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let (seconds, rest) = (time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs());
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Keeps this thread's processor busy for so long.
    fn work(time: Duration) {
        let end = thread_cpu_time() + nanoseconds(time);
        while thread_cpu_time() < end {}
    }

    #[test]
    fn work_in_all_polls_of_a_call_counts_on_whichever_thread_and_waiting_does_not() {
        let meter = CallMeter::default();
        let slice = Duration::from_millis(5);
        for _ in 0..3 {
            let poll = || {
                work(slice);
                Poll::<()>::Pending
            };
            thread::scope(|threads| {
                threads.spawn(|| meter.measure(poll));
            });
        }
        let mut used = Duration::ZERO;
        let _ = meter.measure(|| {
            thread::sleep(Duration::from_millis(500));
            used = meter.used();
            Poll::Ready(())
        });
        assert!(used >= 3 * slice, "{used:?}");
        assert!(used < Duration::from_millis(500), "{used:?}");
        meter.reset();
        let _ = meter.measure(|| {
            used = meter.used();
            Poll::Ready(())
        });
        assert!(used < slice, "{used:?}");
    }

    #[test]
    fn a_poll_that_yields_is_told_from_one_that_waits() {
        let meter = CallMeter::default();
        let yields = || {
            meter.yields();
            Poll::<()>::Pending
        };
        assert_eq!(meter.measure(yields), (Poll::Pending, true));
        assert_eq!(
            meter.measure(|| Poll::<()>::Pending),
            (Poll::Pending, false)
        );
    }
}
