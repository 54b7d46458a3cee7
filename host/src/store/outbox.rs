//! What a device has accepted and the hub has not acknowledged yet.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::hub::{message::Message, twin::merge_report};

/// With more unsent reports than these they are merged, so that a device that was long away does not tell its twin the
/// whole past.
const MANY_REPORTS: usize = 32;
/// What the hub takes as one change of reported properties, in bytes.
const LARGEST_REPORT: usize = 32 << 10;
/// Reports together, in bytes. A twin holds 32 KB, so what is beyond is of a component that reports without end.
const ALL_REPORTS: usize = 1 << 20;

/// How much telemetry an outbox holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Messages.
    pub count: usize,
    /// Bytes of bodies and properties.
    pub bytes: usize,
}

impl Default for Bounds {
    /// About a day of one message every two seconds, in memory a gateway can spare.
    fn default() -> Self {
        Self {
            count: 50_000,
            bytes: 16 << 20,
        }
    }
}

/// One thing to send, in the order in which it was accepted.
#[derive(Clone, Debug, PartialEq)]
pub enum Outgoing {
    /// A telemetry message.
    Telemetry(Message),
    /// A reported PATCH, ready to send.
    Report(Map<String, Value>),
}

/// Messages and reports on their way to the hub. Both leave in order; a report that must wait holds up no telemetry.
#[derive(Debug)]
pub struct Outbox {
    bounds: Bounds,
    next_id: u64,
    telemetry: Queue<Message>,
    reports: Queue<Map<String, Value>>,
    evicted: u64,
}

/// Entries by id, which is their order. Those before `unsent` are with the server.
#[derive(Debug)]
struct Queue<T> {
    entries: BTreeMap<u64, Entry<T>>,
    unsent: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<T> {
    /// The number of the batch it came with.
    batch: u64,
    size: usize,
    item: T,
}

/// What leaves next.
#[derive(Debug, PartialEq)]
pub enum Next<'a> {
    /// A message, with its id in the outbox.
    Telemetry(u64, &'a Message),
    /// A report, with its id in the outbox.
    Report(u64, &'a Map<String, Value>),
}

impl Outbox {
    /// An empty outbox.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            next_id: 0,
            telemetry: Queue::new(),
            reports: Queue::new(),
            evicted: 0,
        }
    }

    /// Takes what came with a batch. Over the bounds the oldest unsent telemetry gives way; returns how many messages that
    /// were. Many unsent reports are merged; they give way only where together they are far more than a twin holds.
    pub fn push(&mut self, batch: u64, outgoing: Outgoing) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        match outgoing {
            Outgoing::Telemetry(message) => {
                let size = message.size();
                self.telemetry.insert(
                    id,
                    Entry {
                        batch,
                        size,
                        item: message,
                    },
                );
            }
            Outgoing::Report(report) => {
                self.reports.insert(
                    id,
                    Entry {
                        batch,
                        size: size_of_report(&report),
                        item: report,
                    },
                );
                if self.reports.entries.len() > MANY_REPORTS {
                    self.merge_reports();
                }
            }
        }
        self.evict()
    }

    /// What leaves next among the batches up to `accepted`; reports only if `reports` is set.
    #[must_use]
    pub fn next(&self, accepted: u64, reports: bool) -> Option<Next<'_>> {
        let message = self.telemetry.next(accepted);
        let report = self.reports.next(accepted).filter(|_| reports);
        match (message, report) {
            (Some((id, _)), Some((earlier, report))) if earlier < id => {
                Some(Next::Report(earlier, report))
            }
            (Some((id, message)), _) => Some(Next::Telemetry(id, message)),
            (None, Some((id, report))) => Some(Next::Report(id, report)),
            (None, None) => None,
        }
    }

    /// The message or report of this id is with the server.
    pub fn sent(&mut self, id: u64) {
        if self.telemetry.entries.contains_key(&id) {
            self.telemetry.unsent = id + 1;
        } else {
            self.reports.unsent = id + 1;
        }
    }

    /// The connection is gone: what was not acknowledged is to be sent again.
    pub fn rewind(&mut self) {
        self.telemetry.unsent = 0;
        self.reports.unsent = 0;
    }

    /// The report in hand was not taken: it is to be sent again.
    pub fn rewind_reports(&mut self) {
        self.reports.unsent = 0;
    }

    /// The server has it, or it is given up.
    pub fn remove(&mut self, id: u64) {
        if !self.telemetry.remove(id) {
            self.reports.remove(id);
        }
    }

    /// How many messages and reports it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.telemetry.entries.len() + self.reports.entries.len()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many messages have given way so far.
    #[must_use]
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Merges unsent reports, as far as that leaves their effect as it is and the hub takes the result.
    fn merge_reports(&mut self) {
        let unsent: Vec<_> = self.reports.take_unsent();
        let mut kept: Option<(u64, Entry<Map<String, Value>>)> = None;
        for (id, newer) in unsent {
            let Some((first, mut pending)) = kept.take() else {
                kept = Some((id, newer));
                continue;
            };
            let fits = pending.size + newer.size <= LARGEST_REPORT;
            let merged = if fits {
                merge_report(&mut pending.item, newer.item)
            } else {
                Err(newer.item)
            };
            kept = Some(match merged {
                Ok(()) => {
                    let size = size_of_report(&pending.item);
                    (
                        id,
                        Entry {
                            batch: newer.batch,
                            size,
                            item: pending.item,
                        },
                    )
                }
                Err(item) => {
                    self.reports.insert(first, pending);
                    (
                        id,
                        Entry {
                            batch: newer.batch,
                            size: newer.size,
                            item,
                        },
                    )
                }
            });
        }
        if let Some((id, entry)) = kept {
            self.reports.insert(id, entry);
        }
    }

    fn evict(&mut self) -> u64 {
        while self.reports.bytes > ALL_REPORTS && self.reports.evict() {
            tracing::error!("more was reported than a twin holds; the oldest report is given up");
        }
        let before = self.evicted;
        while self.telemetry.entries.len() > self.bounds.count
            || self.telemetry.bytes > self.bounds.bytes
        {
            if !self.telemetry.evict() {
                break;
            }
            self.evicted += 1;
        }
        self.evicted - before
    }
}

fn size_of_report(report: &Map<String, Value>) -> usize {
    serde_json::to_vec(report).map_or(0, |text| text.len())
}

impl<T> Queue<T> {
    fn new() -> Self {
        Self {
            entries: BTreeMap::new(),
            unsent: 0,
            bytes: 0,
        }
    }

    fn insert(&mut self, id: u64, entry: Entry<T>) {
        self.bytes += entry.size;
        self.entries.insert(id, entry);
    }

    fn remove(&mut self, id: u64) -> bool {
        let removed = self.entries.remove(&id);
        if let Some(entry) = &removed {
            self.bytes -= entry.size;
        }
        removed.is_some()
    }

    fn take_unsent(&mut self) -> Vec<(u64, Entry<T>)> {
        let unsent = self.entries.split_off(&self.unsent);
        self.bytes -= unsent.values().map(|entry| entry.size).sum::<usize>();
        unsent.into_iter().collect()
    }

    /// Drops the oldest that is not with the server; false if there is none.
    fn evict(&mut self) -> bool {
        let oldest = self.entries.range(self.unsent..).next().map(|(id, _)| *id);
        oldest.is_some_and(|id| self.remove(id))
    }

    fn next(&self, accepted: u64) -> Option<(u64, &T)> {
        let (id, entry) = self.entries.range(self.unsent..).next()?;
        (entry.batch <= accepted).then_some((*id, &entry.item))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(body: &str) -> Outgoing {
        Outgoing::Telemetry(Message {
            id: body.to_owned(),
            created: jiff::Timestamp::UNIX_EPOCH,
            component: None,
            content_type: String::new(),
            content_encoding: String::new(),
            properties: vec![],
            body: body.to_owned().into(),
        })
    }

    fn report(report: Value) -> Outgoing {
        Outgoing::Report(report.as_object().unwrap().clone())
    }

    /// Sends everything; ids of messages and values of reports, in order.
    fn sent(outbox: &mut Outbox) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(next) = outbox.next(u64::MAX, true) {
            let (id, shown) = match next {
                Next::Telemetry(id, message) => (id, message.id.clone()),
                Next::Report(id, report) => (id, Value::Object(report.clone()).to_string()),
            };
            sent.push(shown);
            outbox.sent(id);
        }
        sent
    }

    #[test]
    fn things_leave_in_the_order_they_were_accepted_and_again_after_a_lost_connection() {
        let mut outbox = Outbox::new(Bounds::default());
        outbox.push(1, report(json!({"max": 1})));
        outbox.push(1, message("a"));
        outbox.push(2, message("b"));
        assert_eq!(sent(&mut outbox), ["{\"max\":1}", "a", "b"]);
        assert_eq!(outbox.next(u64::MAX, true), None);
        outbox.remove(1);
        outbox.rewind();
        assert_eq!(sent(&mut outbox), ["{\"max\":1}", "b"]);
    }

    #[test]
    fn nothing_leaves_before_its_batch_is_accepted() {
        let mut outbox = Outbox::new(Bounds::default());
        outbox.push(7, message("a"));
        assert_eq!(outbox.next(6, true), None);
        assert!(outbox.next(7, true).is_some());
    }

    #[test]
    fn a_report_that_must_wait_holds_up_no_telemetry() {
        let mut outbox = Outbox::new(Bounds::default());
        outbox.push(1, report(json!({"max": 1})));
        outbox.push(1, message("a"));
        assert!(matches!(outbox.next(1, false), Some(Next::Telemetry(..))));
    }

    #[test]
    fn a_full_outbox_gives_up_its_oldest_unsent_telemetry_and_counts_it() {
        let mut outbox = Outbox::new(Bounds {
            count: 2,
            bytes: 1 << 20,
        });
        outbox.push(1, message("on its way"));
        outbox.sent(0);
        let evicted: Vec<_> = ["b", "c", "d"]
            .map(|body| outbox.push(1, message(body)))
            .into();
        assert_eq!(evicted, [0, 1, 1]);
        assert_eq!(outbox.evicted(), 2);
        outbox.rewind();
        assert_eq!(sent(&mut outbox), ["on its way", "d"]);
    }

    #[test]
    fn the_bound_in_bytes_counts_bodies_and_properties() {
        let size = match message("12345678") {
            Outgoing::Telemetry(message) => message.size(),
            Outgoing::Report(_) => 0,
        };
        let mut outbox = Outbox::new(Bounds {
            count: 100,
            bytes: 3 * size,
        });
        for _ in 0..10 {
            outbox.push(1, message("12345678"));
        }
        assert_eq!((outbox.len(), outbox.evicted()), (3, 7));
    }

    #[test]
    fn many_reports_are_merged_and_none_is_lost() {
        let mut outbox = Outbox::new(Bounds::default());
        for n in 0..1000 {
            outbox.push(1, report(json!({"max": n, format!("p{}", n % 3): n})));
        }
        assert!(outbox.len() <= MANY_REPORTS);
        let mut seen = Map::new();
        for text in sent(&mut outbox) {
            seen.extend(serde_json::from_str::<Map<String, Value>>(&text).unwrap());
        }
        assert_eq!(
            Value::Object(seen),
            json!({"max": 999, "p0": 999, "p1": 997, "p2": 998})
        );
    }

    #[test]
    fn reports_without_end_stay_bounded_and_each_one_fits_the_hub() {
        let mut outbox = Outbox::new(Bounds::default());
        for n in 0..500 {
            outbox.push(1, report(json!({format!("p{n}"): "x".repeat(10_000)})));
        }
        let sizes: Vec<_> = sent(&mut outbox).iter().map(String::len).collect();
        assert!(
            sizes.iter().all(|size| *size <= LARGEST_REPORT),
            "{sizes:?}"
        );
        assert!(sizes.iter().sum::<usize>() <= ALL_REPORTS);
    }
}
