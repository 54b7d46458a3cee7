//! A history as the record keeps it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::tier::{Bucket, Tier};
use super::{EXACT, History, TIERS};
use crate::temperature::{Statistics, Temperature};
use crate::timestamp::Timestamp;

/// A history in plain numbers: temperatures in hundredths of a degree, times and indices of stretches as the difference to
/// the one before, which keeps them short. The first of each list counts from 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HistoryNumbers {
    /// Milliseconds of the first measurement.
    first: Option<i64>,
    /// Milliseconds and temperature of each of the last measurements.
    exact: Vec<[i64; 2]>,
    /// Index, count, sum, lowest and highest of each minute, and of each longer stretch.
    minutes: Vec<[i64; 5]>,
    hours: Vec<[i64; 5]>,
    days: Vec<[i64; 5]>,
    months: Vec<[i64; 5]>,
    older: Vec<[i64; 5]>,
}

impl From<&History> for HistoryNumbers {
    fn from(history: &History) -> Self {
        let [minutes, hours, days, months, older] = history.tiers.each_ref().map(numbers_of);
        let mut previous = 0;
        let exact = history.exact.iter().map(|(time, temperature)| {
            [
                step(&mut previous, time.as_millis()),
                temperature.hundredths().into(),
            ]
        });
        Self {
            first: history.first.map(Timestamp::as_millis),
            exact: exact.collect(),
            minutes,
            hours,
            days,
            months,
            older,
        }
    }
}

impl TryFrom<HistoryNumbers> for History {
    type Error = String;

    /// # Errors
    /// Which list holds numbers that measurements cannot have led to.
    fn try_from(numbers: HistoryNumbers) -> Result<Self, String> {
        let wrong = |list: &str| format!("its list {list} is damaged");
        let [minutes, hours, days, months, older] = TIERS;
        Ok(Self {
            first: numbers.first.map(Timestamp::from_millis),
            exact: exact_of(&numbers.exact).ok_or_else(|| wrong("exact"))?,
            tiers: [
                tier_of(minutes, &numbers.minutes).ok_or_else(|| wrong("minutes"))?,
                tier_of(hours, &numbers.hours).ok_or_else(|| wrong("hours"))?,
                tier_of(days, &numbers.days).ok_or_else(|| wrong("days"))?,
                tier_of(months, &numbers.months).ok_or_else(|| wrong("months"))?,
                tier_of(older, &numbers.older).ok_or_else(|| wrong("older"))?,
            ],
        })
    }
}

/// The difference to the number before, which becomes this one.
fn step(previous: &mut i64, number: i64) -> i64 {
    number - std::mem::replace(previous, number)
}

fn numbers_of(tier: &Tier) -> Vec<[i64; 5]> {
    let mut previous = 0;
    let numbers = tier.buckets().map(|bucket| {
        let [count, sum, min, max] = bucket.statistics.to_numbers();
        [step(&mut previous, bucket.index), count, sum, min, max]
    });
    numbers.collect()
}

fn exact_of(numbers: &[[i64; 2]]) -> Option<VecDeque<(Timestamp, Temperature)>> {
    let mut millis = 0_i64;
    let measurement = |[step, hundredths]: &[i64; 2]| {
        millis = millis.checked_add(*step).filter(|_| *step >= 0)?;
        Some((
            Timestamp::from_millis(millis),
            Temperature::from_hundredths(i32::try_from(*hundredths).ok()?),
        ))
    };
    let exact: Option<VecDeque<_>> = numbers.iter().map(measurement).collect();
    exact.filter(|exact| exact.len() <= EXACT)
}

fn tier_of(limits: (i64, usize), numbers: &[[i64; 5]]) -> Option<Tier> {
    let mut index = 0_i64;
    let bucket = |&[step, count, sum, min, max]: &[i64; 5]| {
        index = index.checked_add(step)?;
        Some(Bucket {
            index,
            statistics: Statistics::from_numbers([count, sum, min, max])?,
        })
    };
    Tier::with(limits, numbers.iter().map(bucket).collect::<Option<_>>()?)
}
