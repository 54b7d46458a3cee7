//! A simulated temperature sensor.

use crate::temperature::Temperature;

/// The range of the sensor in hundredths of a degree, as in Microsoft's sample.
const MIN_TEMPERATURE: i32 = 1000;
const MAX_TEMPERATURE: i32 = 5000;
/// The largest random deviation on the way to the target, in hundredths of a degree.
const MAX_NOISE: i32 = 50;

/// Measures. Without a target the temperature is random from 10 to 50 °C, as in Microsoft's sample; with one, it moves a
/// quarter of the way to the target, plus or minus half a degree, within the same range.
///
/// `random` is a uniformly random number and `last` the previous measurement.
pub(crate) fn measure(random: u32, target: Option<f64>, last: Option<Temperature>) -> Temperature {
    let (Some(target), Some(last)) = (target, last) else {
        return Temperature::from_hundredths(between(MIN_TEMPERATURE, MAX_TEMPERATURE, random));
    };
    let distance = ((target * 100.0) as i32).saturating_sub(last.hundredths());
    let temperature = last.hundredths() + distance / 4 + between(-MAX_NOISE, MAX_NOISE, random);
    Temperature::from_hundredths(temperature.clamp(MIN_TEMPERATURE, MAX_TEMPERATURE))
}

/// Returns a number from `low` to `high`, both inclusive, selected by `random`.
fn between(low: i32, high: i32, random: u32) -> i32 {
    let choices = i64::from(high - low) + 1;
    low + ((i64::from(random) * choices) >> 32) as i32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_whole_range_is_measured() {
        assert_eq!(measure(0, None, None).degrees(), 10.0);
        assert_eq!(measure(u32::MAX, None, None).degrees(), 50.0);
    }

    #[test]
    fn the_room_reaches_its_target_and_stays_there() {
        let mut now = Temperature::from_hundredths(1000);
        for step in 0..40u32 {
            now = measure(step.wrapping_mul(2_654_435_761), Some(32.5), Some(now));
        }
        assert!((30.0..35.0).contains(&now.degrees()), "{now}");
    }

    proptest! {
        #[test]
        fn no_measurement_leaves_the_range(random: u32, target: f64, last in -20_000..20_000i32) {
            let measured = measure(random, Some(target), Some(Temperature::from_hundredths(last)));
            prop_assert!((10.0..=50.0).contains(&measured.degrees()));
        }
    }
}
