//! Temperatures and their statistics.

use std::fmt;

/// A measured temperature in hundredths of a degree Celsius. An integer, so that telemetry, sums and record agree to the last
/// digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Temperature(i32);

impl Temperature {
    /// Makes a temperature of hundredths of a degree.
    pub(crate) const fn from_hundredths(hundredths: i32) -> Self {
        Self(hundredths)
    }

    /// Returns hundredths of a degree.
    pub(crate) const fn hundredths(self) -> i32 {
        self.0
    }

    /// Returns degrees, equal to the text of this temperature.
    pub(crate) fn degrees(self) -> f64 {
        f64::from(self.0) / 100.0
    }
}

impl fmt::Display for Temperature {
    /// Formats degrees as JSON does: `21.5`, `-0.07`, `30`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (degrees, hundredths) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match (hundredths, hundredths % 10) {
            (0, _) => write!(out, "{sign}{degrees}"),
            (_, 0) => write!(out, "{sign}{degrees}.{}", hundredths / 10),
            _ => write!(out, "{sign}{degrees}.{hundredths:02}"),
        }
    }
}

/// Count, sum, minimum and maximum of one or more temperatures, exact for any number of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statistics {
    count: i64,
    sum: i64,
    min: Temperature,
    max: Temperature,
}

impl Statistics {
    /// Makes the statistics of one temperature.
    pub(crate) fn of(temperature: Temperature) -> Self {
        Self {
            count: 1,
            sum: temperature.0.into(),
            min: temperature,
            max: temperature,
        }
    }

    /// Combines two statistics.
    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            count: self.count.saturating_add(other.count),
            sum: self.sum.saturating_add(other.sum),
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    /// Returns the lowest temperature.
    pub(crate) fn min(&self) -> Temperature {
        self.min
    }

    /// Returns the highest temperature.
    pub(crate) fn max(&self) -> Temperature {
        self.max
    }

    /// Returns the arithmetic mean in degrees.
    pub(crate) fn mean(&self) -> f64 {
        self.sum as f64 / 100.0 / self.count as f64
    }

    /// Returns the numbers for the record: count, sum, lowest and highest, the last three in hundredths of a degree.
    pub(crate) fn to_numbers(self) -> [i64; 4] {
        [self.count, self.sum, self.min.0.into(), self.max.0.into()]
    }

    /// Makes statistics of these numbers; `None` if they are impossible.
    pub(crate) fn from_numbers([count, sum, min, max]: [i64; 4]) -> Option<Self> {
        let (min, max) = (i32::try_from(min).ok()?, i32::try_from(max).ok()?);
        let possible = i64::from(min).checked_mul(count)?..=i64::from(max).checked_mul(count)?;
        (count > 0 && min <= max && possible.contains(&sum)).then_some(Self {
            count,
            sum,
            min: Temperature(min),
            max: Temperature(max),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn statistics_of_known_temperatures_are_right() {
        let each = [1100, 2350, -50].map(|hundredths| Statistics::of(Temperature(hundredths)));
        let statistics = each.into_iter().reduce(Statistics::merge).unwrap();
        assert_eq!(
            (statistics.min().degrees(), statistics.max().degrees()),
            (-0.5, 23.5)
        );
        assert!((statistics.mean() - 34.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn numbers_no_temperatures_have_are_refused() {
        for wrong in [
            [0, 0, 0, 0],
            [-1, 0, 0, 0],
            [1, 5, 6, 7],
            [2, 30, 5, 7],
            [1, 5, 7, 5],
            [1, i64::MAX, 5, i64::MAX],
        ] {
            assert_eq!(Statistics::from_numbers(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn the_text_is_the_number(hundredths in -100_000..100_000i32) {
            let temperature = Temperature(hundredths);
            prop_assert_eq!(temperature.to_string().parse::<f64>().unwrap(), temperature.degrees());
        }

        #[test]
        fn numbers_survive_a_round_trip(all in prop::collection::vec(-20_000..20_000i32, 1..50)) {
            let each = all.iter().map(|hundredths| Statistics::of(Temperature(*hundredths)));
            let sum = each.reduce(Statistics::merge).unwrap();
            prop_assert_eq!(Statistics::from_numbers(sum.to_numbers()), Some(sum));
        }
    }
}
