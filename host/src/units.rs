//! Parsing and formatting of sizes and durations.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::{Span, SpanRelativeTo};

/// Parses a size in bytes, such as `65536`, `512KiB` or `64MiB`.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    text.parse().ok().map(|size: ByteSize| size.as_u64())
}

/// Parses a duration in days or smaller units, such as `500ms`, `30s` or `7d`; not negative.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let span: Span = text.parse().ok()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Duration::try_from(duration).ok()
}

/// Formats a size in the largest unit in which it is a whole number.
pub(crate) fn format_bytes(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = |(shift, _): &(u32, _)| bytes > 0 && bytes.trailing_zeros() >= *shift;
    match units.into_iter().find(whole) {
        Some((shift, unit)) => format!("{} {unit}", bytes >> shift),
        None => format!("{bytes} bytes"),
    }
}

/// Formats a size with one decimal in a unit of 1024: `18.3 MiB`.
pub(crate) fn format_rounded_bytes(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// Formats a duration in seconds if they are whole, or else in milliseconds.
pub(crate) fn format_duration(time: Duration) -> String {
    match time.subsec_nanos() {
        0 => format!("{} s", time.as_secs()),
        _ => format!("{} ms", time.as_millis()),
    }
}

/// Converts seconds to milliseconds for JSON, rounded to microseconds.
pub(crate) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e3
}

/// Seconds that are milliseconds in JSON.
pub(crate) mod as_milliseconds {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::milliseconds;

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(crate) fn serialize<S: Serializer>(seconds: &f64, to: S) -> Result<S::Ok, S::Error> {
        milliseconds(*seconds).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(f64::deserialize(from)? / 1e3)
    }

    /// The same for seconds that may be missing.
    pub(crate) mod optional {
        use super::{Deserialize, Deserializer, Serialize, Serializer, milliseconds};

        #[expect(clippy::ref_option, reason = "serde passes a reference")]
        pub(crate) fn serialize<S: Serializer>(
            seconds: &Option<f64>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            seconds.map(milliseconds).serialize(to)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<f64>, D::Error> {
            let time = Option::<f64>::deserialize(from)?;
            Ok(time.map(|milliseconds| milliseconds / 1e3))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_with_and_without_a_unit_and_shown_without_rounding() {
        for (text, size) in [("100", 100), ("512KiB", 512 << 10), ("64 MiB", 64 << 20)] {
            assert_eq!(parse_bytes(text), Some(size), "{text}");
        }
        for text in ["", "-1", "64 apples"] {
            assert_eq!(parse_bytes(text), None, "{text}");
        }
        for (size, text) in [
            (0, "0 bytes"),
            (1000, "1000 bytes"),
            (64 << 20, "64 MiB"),
            (1536 << 20, "1536 MiB"),
            (4 << 30, "4 GiB"),
        ] {
            assert_eq!(format_bytes(size), text);
        }
        assert_eq!(format_rounded_bytes(18_454_272), "17.6 MiB");
    }

    #[test]
    fn a_time_is_read_with_its_unit_and_shown_without_rounding() {
        for (text, millis) in [("500ms", 500), ("5s", 5000), ("2 m", 120_000), ("0s", 0)] {
            assert_eq!(
                parse_duration(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in ["", "5", "-5s", "1 month"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
        assert_eq!(format_duration(Duration::from_millis(1500)), "1500 ms");
        assert_eq!(format_duration(Duration::from_secs(120)), "120 s");
    }
}
