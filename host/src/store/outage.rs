//! The outage of a disk: its beginning, the pauses between tries, and its end.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::status::StoreStatus;

/// First and longest pause between two tries. Each try reads the database and writes some pages, so that a short one for
/// days would wear out a memory card.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// Time for which the disk must take everything until the outage is over. On a disk that is nearly full, one group fits and
/// the next one does not.
const TRIAL: Duration = Duration::from_secs(10);
/// A failure within this time of the one before continues its pauses.
const SAME_CAUSE: Duration = Duration::from_secs(600);

/// The failures of a disk. An outage begins with the first one, and ends once the disk has worked for [`TRIAL`].
#[derive(Debug, Default)]
pub(super) struct DiskOutage {
    status: StoreStatus,
    began: Option<Instant>,
    /// The time of the last failure, and the pause after it.
    last: Option<(Instant, Duration)>,
    /// The time of the first write after the last failure.
    works_since: Option<Instant>,
}

impl DiskOutage {
    /// Returns the status to show.
    pub(super) fn status(&self) -> &StoreStatus {
        &self.status
    }

    /// Returns true from a failure to the next write.
    pub(super) fn is_failing(&self) -> bool {
        self.began.is_some() && self.works_since.is_none()
    }

    /// Notes a failure. Returns true if an outage begins.
    pub(super) fn failed(&mut self, reason: &str, now: Instant, time: Timestamp) -> bool {
        let (first, longest) = PAUSE;
        let pause = match self.last {
            Some((at, pause)) if now.duration_since(at) < SAME_CAUSE => longest.min(pause * 2),
            _ => first,
        };
        self.last = Some((now, pause));
        self.works_since = None;
        self.status.reason = Some(reason.to_owned());
        self.status.write_failures += 1;
        if self.began.is_some() {
            return false;
        }
        self.began = Some(now);
        self.status.degraded_since = Some(time);
        true
    }

    /// Returns the time of the next try after a failure.
    pub(super) fn next_try(&self) -> Option<Instant> {
        self.last.map(|(at, pause)| at + pause)
    }

    /// Notes that all that waited was written.
    pub(super) fn written(&mut self, now: Instant) {
        if self.began.is_some() {
            self.works_since.get_or_insert(now);
        }
    }

    /// Ends the outage if the disk has worked for long enough. Returns the length of an outage that ends.
    pub(super) fn end(&mut self, now: Instant) -> Option<Duration> {
        let works_since = self.works_since?;
        if now.duration_since(works_since) < TRIAL {
            return None;
        }
        self.works_since = None;
        self.status.degraded_since = None;
        self.status.reason = None;
        let began = self.began.take()?;
        Some(works_since.duration_since(began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Disk {
        outage: DiskOutage,
        now: Instant,
        begun: u32,
        ended: u32,
    }

    impl Disk {
        fn new() -> Self {
            Self {
                outage: DiskOutage::default(),
                now: Instant::now(),
                begun: 0,
                ended: 0,
            }
        }

        /// Fails, and waits for the next try.
        fn fail(&mut self) -> Duration {
            let begins = self
                .outage
                .failed("it is full", self.now, Timestamp::UNIX_EPOCH);
            self.begun += u32::from(begins);
            assert!(self.outage.is_failing());
            let pause = self.outage.next_try().unwrap() - self.now;
            self.now += pause;
            pause
        }

        fn works(&mut self, seconds: u64) {
            for _ in 0..seconds {
                self.outage.written(self.now);
                self.ended += u32::from(self.outage.end(self.now).is_some());
                assert!(!self.outage.is_failing());
                self.now += Duration::from_secs(1);
            }
        }

        fn is_degraded(&self) -> bool {
            self.outage.status().degraded_since.is_some()
        }
    }

    #[test]
    fn a_disk_that_stays_full_is_tried_ever_less_often() {
        let mut disk = Disk::new();
        let pauses: Vec<_> = (0..9).map(|_| disk.fail().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!((disk.begun, disk.outage.status().write_failures), (1, 9));
    }

    #[test]
    fn a_disk_on_which_some_groups_fit_is_one_outage() {
        let mut disk = Disk::new();
        for _ in 0..100 {
            disk.fail();
            disk.works(9);
            assert!(disk.is_degraded());
        }
        assert_eq!((disk.begun, disk.ended), (1, 0));
        disk.works(2);
        assert!(!disk.is_degraded());
        assert_eq!(disk.outage.status().reason, None);
        assert_eq!((disk.begun, disk.ended), (1, 1));
    }

    #[test]
    fn a_disk_that_fails_again_and_again_begins_few_outages() {
        let mut disk = Disk::new();
        let start = disk.now;
        while disk.now - start < Duration::from_secs(3600) {
            disk.fail();
            disk.works(11);
        }
        assert_eq!(disk.begun, disk.ended);
        assert!(disk.begun < 3600 / 60, "{}", disk.begun);
    }

    #[test]
    fn a_later_failure_is_tried_again_at_once() {
        let mut disk = Disk::new();
        for _ in 0..9 {
            disk.fail();
        }
        disk.works(SAME_CAUSE.as_secs());
        assert_eq!(disk.fail().as_secs(), 1);
        assert_eq!((disk.begun, disk.ended), (2, 1));
    }
}
