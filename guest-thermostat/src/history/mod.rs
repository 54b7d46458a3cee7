//! What was measured: exactly for the last measurements, in ever longer stretches for the time before.

mod numbers;
mod tier;

use std::collections::VecDeque;

use tier::Tier;

use crate::temperature::{Statistics, Temperature};
use crate::timestamp::Timestamp;

/// How many of the last measurements are kept one by one.
const EXACT: usize = 60;
/// How long the stretches are in milliseconds, and how many are kept: minutes, hours, days, thirties of days, and one for
/// all that is older. Chosen so that a record stays below 4 KiB with a hundred measurements a second.
const TIERS: [(i64, usize); 5] = [
    (60_000, 30),
    (3_600_000, 24),
    (86_400_000, 14),
    (30 * 86_400_000, 12),
    (i64::MAX, 1),
];

/// All measurements of a device, in bounded room: the last 60 one by one; then 30 minutes, 24 hours, 14 days and 12
/// thirties of days in which something was measured, as statistics; then the rest as one.
///
/// Times never decrease and none is in the future: if the clock is set back, what was measured later than the time it
/// then shows counts as measured at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    /// When the device measured for the first time.
    first: Option<Timestamp>,
    /// Oldest first.
    exact: VecDeque<(Timestamp, Temperature)>,
    /// Shortest stretches first. Every measurement is in exactly one of them or in `exact`.
    tiers: [Tier; TIERS.len()],
}

/// The answer to: what was measured since then?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Every measurement from here on is counted and none before.
    pub(crate) start: Timestamp,
    /// Of all measurements counted.
    pub(crate) statistics: Statistics,
}

impl Default for History {
    fn default() -> Self {
        Self {
            first: None,
            exact: VecDeque::new(),
            tiers: TIERS.map(Tier::new),
        }
    }
}

impl History {
    /// Takes in a measurement made at `now`.
    pub(crate) fn add(&mut self, now: Timestamp, temperature: Temperature) {
        if self.latest().is_some_and(|(last, _)| last > now) {
            self.set_back(now);
        }
        self.first.get_or_insert(now);
        self.exact.push_back((now, temperature));
        if self.exact.len() > EXACT
            && let Some((time, temperature)) = self.exact.pop_front()
        {
            self.archive(time.as_millis(), Statistics::of(temperature));
        }
    }

    /// The last measurement.
    pub(crate) fn latest(&self) -> Option<(Timestamp, Temperature)> {
        self.exact.back().copied()
    }

    /// What was measured at `since` and later; none if nothing was. If `since` lies within a stretch of which only
    /// statistics are kept, the answer begins where that stretch does. It never begins before the first measurement.
    pub(crate) fn since(&self, since: Timestamp) -> Option<Window> {
        let since = since.as_millis();
        let (mut start, mut counted) = (since, None::<Statistics>);
        let mut newer = i64::MAX;
        for (begin, end, statistics) in self.newest_first() {
            // A stretch holds nothing later than what is newer than it.
            if begin < since && end.min(newer) <= since {
                break;
            }
            start = start.min(begin);
            newer = begin;
            counted = Some(counted.map_or(statistics, |sum| sum.merge(statistics)));
        }
        let start = Timestamp::from_millis(start).max(self.first?);
        counted.map(|statistics| Window { start, statistics })
    }

    /// Begin, end and statistics of all that is kept, newest first.
    fn newest_first(&self) -> impl Iterator<Item = (i64, i64, Statistics)> {
        let exact = self.exact.iter().rev().map(|(time, temperature)| {
            let time = time.as_millis();
            (time, time, Statistics::of(*temperature))
        });
        exact.chain(self.tiers.iter().flat_map(Tier::newest_first))
    }

    /// Puts statistics into the tier of minutes, and what falls out of a tier into the next.
    fn archive(&mut self, millis: i64, statistics: Statistics) {
        let mut falling = Some((millis, statistics));
        for tier in &mut self.tiers {
            falling = falling.and_then(|(millis, statistics)| tier.take(millis, statistics));
        }
    }

    fn set_back(&mut self, now: Timestamp) {
        self.first = self.first.map(|first| first.min(now));
        for (time, _) in &mut self.exact {
            *time = now.min(*time);
        }
        for tier in &mut self.tiers {
            tier.set_back(now.as_millis());
        }
    }
}

#[cfg(test)]
mod tests;
