//! Statistics of periods of equal length.

use std::collections::VecDeque;

use crate::{temperature::Statistics, timestamp::Timestamp};

/// The measurements of one minute, hour or other period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bucket {
    /// Number of the period since 1970, from 0.
    pub(super) index: i64,
    pub(super) statistics: Statistics,
}

/// Buckets of one length, oldest first, at most one per period and within the capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tier {
    period_ms: i64,
    capacity: usize,
    buckets: VecDeque<Bucket>,
}

impl Tier {
    pub(super) fn new((period_ms, capacity): (i64, usize)) -> Self {
        Self {
            period_ms,
            capacity,
            buckets: VecDeque::new(),
        }
    }

    /// Makes a tier of these buckets; `None` if they are impossible.
    pub(super) fn with(limits: (i64, usize), buckets: VecDeque<Bucket>) -> Option<Self> {
        let tier = Self {
            buckets,
            ..Self::new(limits)
        };
        let last = Timestamp::LAST.as_millis() / tier.period_ms;
        let ordered = tier.buckets.iter().is_sorted_by(|a, b| a.index < b.index);
        let in_range = tier
            .buckets
            .iter()
            .all(|bucket| (0..=last).contains(&bucket.index));
        (ordered && in_range && tier.buckets.len() <= tier.capacity).then_some(tier)
    }

    pub(super) fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.iter()
    }

    /// Adds measurements in the period of `millis`, none older than those before. Returns the oldest bucket with its start if
    /// it exceeds the capacity.
    pub(super) fn add(&mut self, millis: i64, statistics: Statistics) -> Option<(i64, Statistics)> {
        let index = millis / self.period_ms;
        match self.buckets.back_mut() {
            Some(newest) if newest.index >= index => {
                newest.statistics = newest.statistics.merge(statistics)
            }
            _ => self.buckets.push_back(Bucket { index, statistics }),
        }
        if self.buckets.len() <= self.capacity {
            return None;
        }
        let oldest = self.buckets.pop_front()?;
        Some((oldest.index * self.period_ms, oldest.statistics))
    }

    /// Moves measurements of later periods into that of `millis`.
    pub(super) fn set_back(&mut self, millis: i64) {
        let kept = self
            .buckets
            .partition_point(|bucket| bucket.index <= millis / self.period_ms);
        let later = self.buckets.drain(kept..).map(|bucket| bucket.statistics);
        if let Some(statistics) = later.reduce(Statistics::merge) {
            self.add(millis, statistics);
        }
    }

    /// Returns start, end and statistics of each bucket, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (i64, i64, Statistics)> {
        self.buckets.iter().rev().map(|bucket| {
            let start = bucket.index * self.period_ms;
            (
                start,
                start.saturating_add(self.period_ms),
                bucket.statistics,
            )
        })
    }
}
