//! The history of measurements: exact for the last ones, statistics of ever longer periods before.

mod numbers;
mod tier;

use std::collections::VecDeque;

use tier::Tier;

use crate::{
    temperature::{Statistics, Temperature},
    timestamp::Timestamp,
};

/// The number of exact measurements.
const MAX_EXACT: usize = 60;
/// Lengths of the periods in milliseconds and their number: minutes, hours, days, periods of thirty days, and one for all
/// that is older. A record stays below 4 KiB with a hundred measurements per second.
const TIERS: [(i64, usize); 5] = [
    (60_000, 30),
    (3_600_000, 24),
    (86_400_000, 14),
    (30 * 86_400_000, 12),
    (i64::MAX, 1),
];

/// All measurements of a device in bounded space: the last 60 exactly; then statistics of 30 minutes, 24 hours, 14 days and
/// 12 periods of thirty days with measurements; then of the rest.
///
/// Times never decrease and none is in the future: if the clock is set back, later measurements count as made at the new
/// time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct History {
    /// Time of the first measurement.
    first: Option<Timestamp>,
    /// Oldest first.
    exact: VecDeque<(Timestamp, Temperature)>,
    /// Shortest periods first. Every measurement is in exactly one of them or in `exact`.
    tiers: [Tier; TIERS.len()],
}

/// The measurements since a point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    /// Time from which all measurements are included, and none before.
    pub(crate) start: Timestamp,
    /// Statistics of the measurements.
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
    /// Adds a measurement made at `now`.
    pub(crate) fn add(&mut self, now: Timestamp, temperature: Temperature) {
        if self.latest().is_some_and(|(last, _)| last > now) {
            self.set_back(now);
        }
        self.first.get_or_insert(now);
        self.exact.push_back((now, temperature));
        if self.exact.len() > MAX_EXACT
            && let Some((time, temperature)) = self.exact.pop_front()
        {
            self.archive(time.as_millis(), Statistics::of(temperature));
        }
    }

    /// Returns the last measurement.
    pub(crate) fn latest(&self) -> Option<(Timestamp, Temperature)> {
        self.exact.back().copied()
    }

    /// Returns the measurements at `since` and later, if there are any. If only statistics remain of the period of `since`, the
    /// window starts with that period. It never starts before the first measurement.
    pub(crate) fn since(&self, since: Timestamp) -> Option<Window> {
        let since = since.as_millis();
        let (mut start, mut counted) = (since, None::<Statistics>);
        let mut newer = i64::MAX;
        for (begin, end, statistics) in self.newest_first() {
            // A period contains nothing later than the newer ones.
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

    /// Returns start, end and statistics of all parts, newest first.
    fn newest_first(&self) -> impl Iterator<Item = (i64, i64, Statistics)> {
        let exact = self.exact.iter().rev().map(|(time, temperature)| {
            let time = time.as_millis();
            (time, time, Statistics::of(*temperature))
        });
        exact.chain(self.tiers.iter().flat_map(Tier::newest_first))
    }

    /// Adds statistics to the tier of minutes, and moves overflow of each tier to the next.
    fn archive(&mut self, millis: i64, statistics: Statistics) {
        let mut overflow = Some((millis, statistics));
        for tier in &mut self.tiers {
            overflow = overflow.and_then(|(millis, statistics)| tier.add(millis, statistics));
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
