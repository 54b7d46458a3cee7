//! The growth of an instance's memory over the events of a dry run.

use crate::units::format_bytes;

/// The number of moments at which the memory is noted, evenly over all events.
const MARKS: usize = 10;

/// The memory after each tenth of the events, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Growth {
    events: u64,
    marks: Vec<usize>,
}

/// A memory that grows steadily.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leak {
    /// Events until the first figure.
    pub(super) first_event: u64,
    /// Bytes after the first tenth of the events.
    pub(super) first: usize,
    /// Events until the last figure.
    pub(super) last_event: u64,
    /// Bytes after all events.
    pub(super) last: usize,
    /// Events from the last figure until the limit.
    pub(super) events_left: u64,
}

impl Growth {
    /// Starts to observe this number of events.
    pub(super) fn new(events: u64) -> Self {
        Self {
            events,
            marks: Vec::new(),
        }
    }

    /// Notes the memory after an event, counted from 1.
    pub(super) fn note(&mut self, event: u64, memory: usize) {
        let mark = self.marks.len() as u64 + 1;
        if event >= self.at(mark) && self.marks.len() < MARKS {
            self.marks.push(memory);
        }
    }

    fn at(&self, mark: u64) -> u64 {
        (self.events * mark / MARKS as u64).max(1)
    }

    /// Returns the last figure, in bytes.
    pub(super) fn last(&self) -> Option<usize> {
        self.marks.last().copied()
    }

    /// Returns the leak, if the memory grows in both halves of the time after the first tenth. An allocator that has
    /// warmed up does not; a buffer that doubles does in each half.
    pub(super) fn leak(&self, limit: usize) -> Option<Leak> {
        let [first, .., last] = *self.marks.as_slice() else {
            return None;
        };
        let middle = *self.marks.get(MARKS / 2 - 1)?;
        if self.marks.len() < MARKS || middle <= first || last <= middle {
            return None;
        }
        let (first_event, last_event) = (self.at(1), self.events);
        let left = limit.saturating_sub(last) as u64;
        let events_left = left.saturating_mul(last_event - first_event) / (last - first) as u64;
        Some(Leak {
            first_event,
            first,
            last_event,
            last,
            events_left,
        })
    }
}

impl Leak {
    /// Describes the leak for a person.
    pub(super) fn describe(&self, limit: usize) -> String {
        let bytes = |bytes: usize| format_bytes(bytes as u64);
        format!(
            "memory grows steadily: {} after {} events, {} after {}; the limit of {} is reached after about {} more events",
            bytes(self.first),
            self.first_event,
            bytes(self.last),
            self.last_event,
            bytes(limit),
            self.events_left
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 10_000;

    fn leak(memory_after: impl Fn(u64) -> usize) -> Option<Leak> {
        let mut growth = Growth::new(1000);
        for event in 1..=1000 {
            growth.note(event, memory_after(event));
        }
        growth.leak(LIMIT)
    }

    #[test]
    fn a_memory_that_grows_with_each_event_is_a_leak_with_the_events_it_has_left() {
        let leak = leak(|event| event as usize).unwrap();
        assert_eq!((leak.first_event, leak.first), (100, 100));
        assert_eq!((leak.last_event, leak.last), (1000, 1000));
        assert_eq!(leak.events_left, 9000);
    }

    #[test]
    fn a_buffer_that_doubles_is_a_leak() {
        assert!(leak(|event| event.next_power_of_two() as usize).is_some());
    }

    #[test]
    fn a_memory_that_settles_is_no_leak() {
        assert_eq!(leak(|_| 500), None);
        assert_eq!(leak(|event| event.min(300) as usize), None);
        assert_eq!(leak(|event| if event < 900 { 100 } else { 200 }), None);
    }

    #[test]
    fn a_few_events_show_nothing() {
        let mut growth = Growth::new(5);
        for event in 1..=5 {
            growth.note(event, event as usize);
        }
        assert_eq!(growth.leak(LIMIT), None);
    }
}
