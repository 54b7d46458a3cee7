//! Points in time in ISO 8601.

use std::fmt;

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A point in time between 1970 and 9999, to the millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last millisecond of the year 9999, the last with four digits.
    pub const LAST: Self = Self(253_402_300_799_999);

    /// Makes a point in time of milliseconds since 1970-01-01T00:00:00Z, clamped to the range.
    pub fn from_millis(millis: i64) -> Self {
        Self(millis.clamp(0, Self::LAST.0))
    }

    /// Makes a point in time of the host's clock, which counts milliseconds since 1970.
    pub fn from_clock(millis: f64) -> Self {
        Self::from_millis(millis as i64)
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0
    }

    /// Parses an ISO 8601 date and time with a zone, as in RFC 3339: `2020-10-14T08:00:00Z`,
    /// `2020-10-14T10:00:00.5+02:00`. Digits beyond the millisecond are cut off; times before 1970 become 1970.
    ///
    /// # Errors
    /// The reason, without the text.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const NOT_A_DATE: &str = "expected a date and time such as 2020-10-14T08:00:00Z";
        let mut rest = Cursor(text.as_bytes());
        let local = rest.date_and_time().ok_or(NOT_A_DATE)?;
        if rest.0.is_empty() {
            return Err("missing time zone: append Z or an offset such as +02:00");
        }
        let offset = rest.offset().ok_or(NOT_A_DATE)?;
        if !rest.0.is_empty() {
            return Err(NOT_A_DATE);
        }
        Ok(Self::from_millis(local - offset))
    }
}

impl fmt::Display for Timestamp {
    /// Writes `2020-10-14T08:00:00Z`, with three digits after the point unless they are zeros.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.0 / DAY);
        let (hour, minute) = (self.0 % DAY / HOUR, self.0 % HOUR / MINUTE);
        let (second, millis) = (self.0 % MINUTE / SECOND, self.0 % SECOND);
        write!(
            out,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if millis != 0 {
            write!(out, ".{millis:03}")?;
        }
        out.write_str("Z")
    }
}

/// The unread part of a date.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn date_and_time(&mut self) -> Option<i64> {
        let (year, _) = (self.number(4, 0..=9999)?, self.sign(b"-")?);
        let (month, _) = (self.number(2, 1..=12)?, self.sign(b"-")?);
        let (day, _) = (
            self.number(2, 1..=days_in(year, month))?,
            self.sign(b"Tt ")?,
        );
        let (hour, _) = (self.number(2, 0..=23)?, self.sign(b":")?);
        let (minute, _) = (self.number(2, 0..=59)?, self.sign(b":")?);
        let second = self.number(2, 0..=59)?;
        let clock = hour * HOUR + minute * MINUTE + second * SECOND;
        Some(days_until(year, month, day) * DAY + clock + self.fraction()?)
    }

    /// Reads an optional fraction in milliseconds.
    fn fraction(&mut self) -> Option<i64> {
        if self.sign(b".").is_none() {
            return Some(0);
        }
        let (mut millis, mut unit) = (self.number(1, 0..=9)? * 100, 10);
        while let Some(digit) = self.number(1, 0..=9) {
            millis += digit * unit;
            unit /= 10;
        }
        Some(millis)
    }

    /// Reads an offset, in milliseconds ahead of UTC.
    fn offset(&mut self) -> Option<i64> {
        match self.sign(b"Zz+-")? {
            b'Z' | b'z' => Some(0),
            sign => {
                let hours = self.number(2, 0..=23)?;
                self.sign(b":");
                let minutes = self.number(2, 0..=59)?;
                let ahead = hours * HOUR + minutes * MINUTE;
                Some(if sign == b'-' { -ahead } else { ahead })
            }
        }
    }

    fn number(&mut self, digits: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        if !number.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let value = number
            .iter()
            .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
        self.0 = rest;
        range.contains(&value).then_some(value)
    }

    fn sign(&mut self, allowed: &[u8]) -> Option<u8> {
        let (sign, rest) = self.0.split_first()?;
        allowed.contains(sign).then(|| {
            self.0 = rest;
            *sign
        })
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Returns the days from 1970-01-01 to a Gregorian date. The calculation lets the year begin in March, so that the leap day is
/// its last.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let before_month = (153 * ((month + 9) % 12) + 2) / 5;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + before_month + day - 1 - DAYS_BEFORE_1970
}

/// Days from 0000-03-01 to 1970-01-01.
const DAYS_BEFORE_1970: i64 = 719_468;

/// Returns year, month and day; the inverse of [`days_until`].
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_tutorials_date_is_read() {
        let time = Timestamp::parse("2020-10-14T08:00:00Z").unwrap();
        assert_eq!(time.as_millis(), 1_602_662_400_000);
        assert_eq!(time.to_string(), "2020-10-14T08:00:00Z");
    }

    #[test]
    fn a_time_without_zone_is_refused_with_the_remedy() {
        for text in ["2020-10-14T08:00:00", "2020-10-14T08:00:00.5"] {
            assert!(
                Timestamp::parse(text)
                    .unwrap_err()
                    .contains("missing time zone"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let wrong = [
            "",
            "yesterday",
            "2020-10-14",
            "2020-13-14T08:00:00Z",
            "2021-02-29T08:00:00Z",
            "2020-10-14T24:00:00Z",
            "2020-10-14T08:00:00Zulu",
            "2020-10-14T08:00:00.Z",
            "2020-10-14T08:00:00+2",
            "+020-10-14T08:00:00Z",
            "2020-10-14T08:00:00Ж",
            "1602662400",
            "2020-10-14T08:00Z",
        ];
        for text in wrong {
            assert!(
                Timestamp::parse(text)
                    .unwrap_err()
                    .contains("expected a date and time"),
                "{text}"
            );
        }
    }

    #[test]
    fn clocks_out_of_range_give_the_nearest_time() {
        assert_eq!(Timestamp::from_clock(f64::NAN).as_millis(), 0);
        assert_eq!(Timestamp::from_clock(-1e300).as_millis(), 0);
        assert_eq!(
            Timestamp::from_clock(1e300).to_string(),
            "9999-12-31T23:59:59.999Z"
        );
    }

    proptest! {
        #[test]
        fn reads_what_jiff_writes(millis in 0..=Timestamp::LAST.0 - DAY, minutes in -1439..=1439i32) {
            let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
            let instant = jiff::Timestamp::from_millisecond(millis).unwrap();
            let text = instant.display_with_offset(offset).to_string();
            prop_assume!(!text.starts_with('-'));
            prop_assert_eq!(Timestamp::parse(&text).unwrap().as_millis(), millis);
        }

        #[test]
        fn writes_what_jiff_reads(millis in 0..=253_402_207_200_999i64) {
            let time = Timestamp::from_millis(millis);
            let read: jiff::Timestamp = time.to_string().parse().unwrap();
            prop_assert_eq!(read.as_millisecond(), millis);
            prop_assert_eq!(Timestamp::parse(&time.to_string()), Ok(time));
        }

        #[test]
        fn never_panics(text in ".{0,40}", near in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]{1,12}[Zz+-]?[0-9:]{0,6}") {
            let _ = Timestamp::parse(&text);
            if let Ok(time) = Timestamp::parse(&near) {
                prop_assert!(time <= Timestamp::LAST);
            }
        }
    }
}
