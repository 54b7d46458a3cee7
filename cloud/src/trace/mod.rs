//! The trace: recent MQTT packets and REST requests.
//!
//! It is in memory only, bounded, and contains no secrets: the password of a CONNECT and the headers of a request are left out.

mod connection_tracer;
mod record;
mod topic;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

pub(crate) use connection_tracer::ConnectionTracer;
use jiff::Timestamp;
pub use record::{PacketDirection, PacketRecord, RequestRecord, Subject, TraceRecord};
use tokio::sync::watch;
pub(crate) use topic::describe_topic;

/// The largest number of records.
const MAX_RECORDS: usize = 20_000;
/// The approximate size of all records, in bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A bounded trace of the newest records. Clones share it.
#[derive(Clone, Default)]
pub struct Trace {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    records: Mutex<RingBuffer>,
    /// The number of the newest record.
    newest: watch::Sender<u64>,
    connections: AtomicU64,
}

#[derive(Default)]
struct RingBuffer {
    records: VecDeque<Arc<TraceRecord>>,
    bytes: usize,
    /// The number of the newest record.
    newest: u64,
}

/// A page of consecutive records.
#[derive(Debug)]
pub struct TracePage {
    /// The records, in order.
    pub records: Vec<Arc<TraceRecord>>,
    /// The number of the oldest record, or of the next one.
    pub oldest: u64,
}

impl Trace {
    /// Adds a record.
    pub(crate) fn add(&self, subject: Subject) {
        let newest = self.records().add(subject, MAX_RECORDS, MAX_BYTES);
        self.inner.newest.send_replace(newest);
    }

    /// Returns at most `limit` records after this number.
    pub fn after(&self, number: u64, limit: usize) -> TracePage {
        self.records().after(number, limit)
    }

    /// Returns the number of the newest record as it advances.
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.inner.newest.subscribe()
    }

    /// Returns a unique number for a connection.
    fn next_connection(&self) -> u64 {
        self.inner.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn records(&self) -> MutexGuard<'_, RingBuffer> {
        let records = self.inner.records.lock();
        records.unwrap_or_else(PoisonError::into_inner)
    }
}

impl RingBuffer {
    fn add(&mut self, subject: Subject, max_records: usize, max_bytes: usize) -> u64 {
        self.newest += 1;
        let record = TraceRecord {
            sequence: self.newest,
            time: Timestamp::now(),
            subject,
        };
        self.bytes += record.size();
        self.records.push_back(Arc::new(record));
        while self.records.len() > max_records || self.bytes > max_bytes {
            let Some(oldest) = self.records.pop_front() else {
                break;
            };
            self.bytes -= oldest.size();
        }
        self.newest
    }

    fn after(&self, number: u64, limit: usize) -> TracePage {
        // Their numbers have no gaps.
        let oldest = self.newest + 1 - self.records.len() as u64;
        let known = (number + 1).saturating_sub(oldest);
        let skipped = usize::try_from(known).unwrap_or(usize::MAX);
        let records = self.records.iter().skip(skipped).take(limit);
        TracePage {
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

    fn numbers(page: &TracePage) -> Vec<u64> {
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
        let mut buffer = RingBuffer::default();
        for _ in 0..5 {
            buffer.add(ended(""), 3, MAX_BYTES);
        }
        let page = buffer.after(0, 10);
        assert_eq!((page.oldest, numbers(&page)), (3, vec![3, 4, 5]));
        let size = buffer.bytes / 3;
        buffer.add(ended(&"x".repeat(size)), 3, 3 * size);
        assert_eq!(numbers(&buffer.after(0, 10)), [5, 6]);
        buffer.add(ended(&"x".repeat(4 * size)), 3, 3 * size);
        assert_eq!((buffer.records.len(), buffer.bytes), (0, 0));
        assert_eq!(buffer.after(0, 10).oldest, 8);
    }
}
