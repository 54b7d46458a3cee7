//! What crosses the wire: the last packets of devices and requests of operators, for who wants to watch.
//!
//! It is kept in memory alone, within bounds, and holds no key: of a CONNECT the password is left out, of a request its headers.

mod record;
mod tap;
mod topic;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

pub use record::{Exchange, Packeted, Record, Subject, Way};
pub(crate) use tap::Tap;
pub(crate) use topic::meaning;

/// So many of the newest records are kept.
const RECORDS: usize = 20_000;
/// So many bytes of what they hold, about.
const BYTES: usize = 16 * 1024 * 1024;

/// The newest records. Clones are the same trace.
#[derive(Clone, Default)]
pub struct Trace {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    kept: Mutex<Kept>,
    /// The number of the newest record.
    newest: watch::Sender<u64>,
    connections: AtomicU64,
}

#[derive(Default)]
struct Kept {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// The number of the newest record.
    newest: u64,
}

/// Some records, one after the other.
#[derive(Debug)]
pub struct Page {
    /// In their order.
    pub records: Vec<Arc<Record>>,
    /// The number of the oldest record that is kept, or of the next if there is none.
    pub oldest: u64,
}

impl Trace {
    /// Adds a record.
    pub(crate) fn add(&self, subject: Subject) {
        let newest = self.kept().add(subject, RECORDS, BYTES);
        self.inner.newest.send_replace(newest);
    }

    /// The records after the one of this number, at most so many.
    pub fn after(&self, number: u64, limit: usize) -> Page {
        self.kept().after(number, limit)
    }

    /// The number of the newest record, each time there is one.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.inner.newest.subscribe()
    }

    /// A number of its own for a connection.
    fn connection(&self) -> u64 {
        self.inner.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        let kept = self.inner.kept.lock();
        kept.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn add(&mut self, subject: Subject, records: usize, bytes: usize) -> u64 {
        self.newest += 1;
        let record = Record {
            sequence: self.newest,
            time: Timestamp::now(),
            subject,
        };
        self.bytes += record.size();
        self.records.push_back(Arc::new(record));
        while self.records.len() > records || self.bytes > bytes {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= oldest.size();
        }
        self.newest
    }

    fn after(&self, number: u64, limit: usize) -> Page {
        // Their numbers have no gaps.
        let oldest = self.newest + 1 - self.records.len() as u64;
        let known = (number + 1).saturating_sub(oldest);
        let skipped = usize::try_from(known).unwrap_or(usize::MAX);
        let records = self.records.iter().skip(skipped).take(limit);
        Page {
            records: records.cloned().collect(),
            oldest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(reason: &str) -> Subject {
        Subject::Ended {
            connection: 1,
            client: "t-1".into(),
            reason: reason.into(),
        }
    }

    fn numbers(page: &Page) -> Vec<u64> {
        page.records.iter().map(|record| record.sequence).collect()
    }

    #[test]
    fn records_are_read_in_order_after_the_last_that_was_seen() {
        let trace = Trace::default();
        assert_eq!(numbers(&trace.after(0, 10)), Vec::<u64>::new());
        for _ in 0..5 {
            trace.add(ended(""));
        }
        assert_eq!(numbers(&trace.after(0, 3)), [1, 2, 3]);
        assert_eq!(numbers(&trace.after(3, 3)), [4, 5]);
        assert_eq!(numbers(&trace.after(5, 3)), Vec::<u64>::new());
        assert_eq!(numbers(&trace.after(u64::MAX - 1, 3)), Vec::<u64>::new());
        assert_eq!(*trace.newest().borrow(), 5);
    }

    #[test]
    fn the_oldest_records_give_way_to_number_and_to_size() {
        let mut kept = Kept::default();
        for _ in 0..5 {
            kept.add(ended(""), 3, BYTES);
        }
        let page = kept.after(0, 10);
        assert_eq!((page.oldest, numbers(&page)), (3, vec![3, 4, 5]));
        let size = kept.bytes / 3;
        kept.add(ended(&"x".repeat(size)), 3, 3 * size);
        assert_eq!(numbers(&kept.after(0, 10)), [5, 6]);
        kept.add(ended(&"x".repeat(4 * size)), 3, 3 * size);
        assert_eq!((kept.records.len(), kept.bytes), (0, 0));
        assert_eq!(kept.after(0, 10).oldest, 8);
    }
}
