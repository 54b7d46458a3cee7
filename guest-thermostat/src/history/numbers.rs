//! Conversion of a history to lists of integers, for the record.

use std::collections::VecDeque;

use super::{
    History, MAX_EXACT, TIERS,
    tier::{Bucket, Tier},
};
use crate::{
    temperature::{Statistics, Temperature},
    timestamp::Timestamp,
};

/// Names of the lists of the tiers.
const TIER_NAMES: [&str; TIERS.len()] = ["minutes", "hours", "days", "months", "older"];

impl History {
    /// Returns the history as named lists. Temperatures are in hundredths of a degree; times (in milliseconds) and indices of
    /// stretches are the difference to the one before, which keeps them short, and the first counts from 1970.
    pub(crate) fn to_lists(&self) -> impl Iterator<Item = (&'static str, Vec<i64>)> {
        let first = self.first.iter().map(|first| first.as_millis()).collect();
        let mut previous = 0;
        let exact = self.exact.iter().flat_map(|(time, temperature)| {
            [
                delta(&mut previous, time.as_millis()),
                temperature.hundredths().into(),
            ]
        });
        let tiers = self.tiers.iter().map(numbers_of);
        [("first", first), ("exact", exact.collect())]
            .into_iter()
            .chain(TIER_NAMES.into_iter().zip(tiers))
    }

    /// Makes a history of the lists of [`History::to_lists`]; `list` returns the list of a name.
    ///
    /// # Errors
    /// The error of `list`, or the name of a list with impossible numbers.
    pub(crate) fn from_lists(
        mut list: impl FnMut(&str) -> Result<Vec<i64>, String>,
    ) -> Result<Self, String> {
        let invalid = |name: &str| format!("invalid member {name}");
        let first = match list("first")?.as_slice() {
            [] => None,
            [millis] => Some(Timestamp::from_millis(*millis)),
            _ => return Err(invalid("first")),
        };
        let exact = exact_of(&list("exact")?).ok_or_else(|| invalid("exact"))?;
        let mut history = Self {
            first,
            exact,
            ..Self::default()
        };
        for ((tier, limits), name) in history.tiers.iter_mut().zip(TIERS).zip(TIER_NAMES) {
            *tier = tier_of(limits, &list(name)?).ok_or_else(|| invalid(name))?;
        }
        Ok(history)
    }
}

/// Returns the difference to the previous number, and replaces that.
fn delta(previous: &mut i64, number: i64) -> i64 {
    number - std::mem::replace(previous, number)
}

fn numbers_of(tier: &Tier) -> Vec<i64> {
    let mut previous = 0;
    let numbers = tier.buckets().flat_map(|bucket| {
        let [count, sum, min, max] = bucket.statistics.to_numbers();
        [delta(&mut previous, bucket.index), count, sum, min, max]
    });
    numbers.collect()
}

fn exact_of(numbers: &[i64]) -> Option<VecDeque<(Timestamp, Temperature)>> {
    let (measurements, []) = numbers.as_chunks() else {
        return None;
    };
    let mut millis = 0_i64;
    let measurement = |[step, hundredths]: &[i64; 2]| {
        millis = millis.checked_add(*step).filter(|_| *step >= 0)?;
        let temperature = Temperature::from_hundredths(i32::try_from(*hundredths).ok()?);
        Some((Timestamp::from_millis(millis), temperature))
    };
    let exact: Option<VecDeque<_>> = measurements.iter().map(measurement).collect();
    exact.filter(|exact| exact.len() <= MAX_EXACT)
}

fn tier_of(limits: (i64, usize), numbers: &[i64]) -> Option<Tier> {
    let (buckets, []) = numbers.as_chunks() else {
        return None;
    };
    let mut index = 0_i64;
    let bucket = |[step, statistics @ ..]: &[i64; 5]| {
        index = index.checked_add(*step)?;
        Some(Bucket {
            index,
            statistics: Statistics::from_numbers(*statistics)?,
        })
    };
    Tier::with(limits, buckets.iter().map(bucket).collect::<Option<_>>()?)
}
