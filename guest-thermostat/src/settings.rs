//! Settings of the thermostat.

/// The names of all settings.
const KNOWN: &str = "telemetry-interval";
/// The allowed time between two measurements, in milliseconds.
const ALLOWED_INTERVALS: std::ops::RangeInclusive<u64> = 10..=86_400_000;
/// The default time between two measurements, as in Microsoft's sample.
const DEFAULT_INTERVAL_MS: u32 = 8000;

/// The settings of a thermostat, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Time between two measurements in milliseconds, 10 ms to 24 hours.
    pub(crate) interval_ms: u32,
}

impl Settings {
    /// Parses settings given as names and values; of equal names, the last is used.
    ///
    /// # Errors
    /// A message for the owner if a name is unknown or a value invalid.
    pub(crate) fn parse(given: &[(String, String)]) -> Result<Self, String> {
        let mut interval_ms = DEFAULT_INTERVAL_MS;
        for (name, value) in given {
            match name.as_str() {
                "telemetry-interval" => interval_ms = interval(value)?,
                _ => {
                    return Err(format!(
                        "unknown setting {name:?}: only {KNOWN} is supported"
                    ));
                }
            }
        }
        Ok(Self { interval_ms })
    }
}

/// Parses a duration in milliseconds, such as `500ms`, `8s`, `2m` or `1h`.
fn interval(text: &str) -> Result<u32, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let (Ok(number), 1..) = (number.parse::<u64>(), unit) else {
        return Err(format!(
            "invalid telemetry-interval {text:?}: expected an integer with ms, s, m or h, such as 8s"
        ));
    };
    match number.checked_mul(unit) {
        Some(millis) if ALLOWED_INTERVALS.contains(&millis) => {
            u32::try_from(millis).map_err(|error| error.to_string())
        }
        _ => Err(format!(
            "invalid telemetry-interval {text:?}: expected 10ms to 24h"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&str, &str)]) -> Result<u32, String> {
        let given: Vec<_> = given
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        Settings::parse(&given).map(|settings| settings.interval_ms)
    }

    #[test]
    fn the_interval_is_eight_seconds_unless_set() {
        assert_eq!(read(&[]), Ok(8000));
        assert_eq!(
            read(&[
                ("telemetry-interval", "1h"),
                ("telemetry-interval", "500ms")
            ]),
            Ok(500)
        );
    }

    #[test]
    fn durations_have_units() {
        for (text, millis) in [
            ("10ms", 10),
            ("8s", 8000),
            ("2m", 120_000),
            ("24h", 86_400_000),
        ] {
            assert_eq!(read(&[("telemetry-interval", text)]), Ok(millis));
        }
    }

    #[test]
    fn a_value_that_cannot_be_used_is_quoted_with_the_remedy() {
        for text in [
            "",
            "8",
            "s",
            "8 s",
            "-8s",
            "1.5s",
            "8S",
            "8d",
            "99999999999999999999s",
            "٣s",
        ] {
            let error = read(&[("telemetry-interval", text)]).unwrap_err();
            assert!(
                error.contains(&format!("{text:?}")) && error.contains("such as 8s"),
                "{error}"
            );
        }
        for text in ["0s", "9ms", "25h", "18446744073709551615h"] {
            let error = read(&[("telemetry-interval", text)]).unwrap_err();
            assert!(error.contains("10ms to 24h"), "{error}");
        }
    }

    #[test]
    fn an_unknown_setting_is_named_along_with_the_known_ones() {
        let error = read(&[("color", "red")]).unwrap_err();
        assert!(
            error.contains("\"color\"") && error.contains("telemetry-interval"),
            "{error}"
        );
    }
}
