//! Formats of dates, times and durations.

/// Returns true for a date: `2026-01-31` (RFC 3339, full-date).
pub(super) fn is_date(text: &str) -> bool {
    read_date(text).is_some_and(str::is_empty)
}

/// Returns true for a date and time with its offset: `2026-01-31T12:00:00.5+01:00` (RFC 3339, date-time).
pub(super) fn is_date_time(text: &str) -> bool {
    let time = read_date(text).and_then(|rest| rest.strip_prefix(['T', 't', ' ']));
    time.and_then(read_time).is_some_and(is_offset)
}

/// Returns true for a time of day with optional offset: `12:00:00`, `12:00:00.5Z` (RFC 3339, partial-time and
/// full-time).
pub(super) fn is_time(text: &str) -> bool {
    read_time(text).is_some_and(|rest| rest.is_empty() || is_offset(rest))
}

/// Returns true for a duration: `P1Y2M3DT4H5M6.5S`, `P2W` (ISO 8601). One part at least, in this order, and a
/// fraction only in the last.
pub(super) fn is_duration(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let Some(text) = text.strip_prefix('P') else {
        return false;
    };
    match text.split_once('T') {
        None => !text.is_empty() && are_parts(text, "YMWD"),
        Some((days, time)) => {
            are_parts(days, "YMWD")
                && !days.contains(['.', ','])
                && !time.is_empty()
                && are_parts(time, "HMS")
        }
    }
}

/// Reads a date. Returns the rest.
fn read_date(text: &str) -> Option<&str> {
    let (year, rest) = read_number(text, 4)?;
    let (month, rest) = read_number(rest.strip_prefix('-')?, 2)?;
    let (day, rest) = read_number(rest.strip_prefix('-')?, 2)?;
    (1..=days_of(year, month)).contains(&day).then_some(rest)
}

/// Reads a time, leap seconds included. Returns the rest.
fn read_time(text: &str) -> Option<&str> {
    let (hour, rest) = read_number(text, 2)?;
    let (minute, rest) = read_number(rest.strip_prefix(':')?, 2)?;
    let (second, rest) = read_number(rest.strip_prefix(':')?, 2)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let Some(fraction) = rest.strip_prefix('.') else {
        return Some(rest);
    };
    let rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    (rest.len() < fraction.len()).then_some(rest)
}

fn is_offset(text: &str) -> bool {
    if matches!(text, "Z" | "z") {
        return true;
    }
    let offset = text.strip_prefix(['+', '-']).and_then(|text| {
        let (hours, rest) = read_number(text, 2)?;
        let (minutes, rest) = read_number(rest.strip_prefix(':')?, 2)?;
        Some(hours <= 23 && minutes <= 59 && rest.is_empty())
    });
    offset.unwrap_or(false)
}

/// Reads a number of `digits` digits. Returns it with the rest.
fn read_number(text: &str, digits: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(digits)?;
    let all_digits = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| all_digits)?, rest))
}

/// Returns true for numbers followed by these letters, each at most once and in this order.
fn are_parts(text: &str, letters: &str) -> bool {
    let mut letters = letters.chars();
    let mut rest = text;
    while !rest.is_empty() {
        let after = rest.trim_start_matches(|digit: char| digit.is_ascii_digit());
        let (after, fraction) = read_fraction(after);
        let Some(letter) = after.chars().next() else {
            return false;
        };
        let number = rest.starts_with(|digit: char| digit.is_ascii_digit());
        let last = after.len() == 1;
        if !number || (fraction && !last) || !letters.any(|next| next == letter) {
            return false;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    true
}

/// Reads an optional fraction. Returns the rest, and true if there was one.
fn read_fraction(text: &str) -> (&str, bool) {
    let Some(digits) = text.strip_prefix(['.', ',']) else {
        return (text, false);
    };
    let rest = digits.trim_start_matches(|digit: char| digit.is_ascii_digit());
    if rest.len() == digits.len() {
        return (text, false);
    }
    (rest, true)
}

fn days_of(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(is: fn(&str) -> bool, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(is(text), "{text:?}");
        }
        for text in bad {
            assert!(!is(text), "{text:?}");
        }
    }

    #[test]
    fn a_date_is_a_day_of_the_calendar() {
        check(
            is_date,
            &["2026-01-31", "2024-02-29", "2000-02-29", "0001-12-31"],
            &[
                "",
                "2026-1-31",
                "2026-02-29",
                "1900-02-29",
                "2026-13-01",
                "2026-00-01",
                "2026-04-31",
                "2026-01-00",
                "26-01-31",
                "2026-01-31Z",
                "+026-01-31",
                "2026-01-3é",
            ],
        );
    }

    #[test]
    fn a_moment_has_an_offset() {
        check(
            is_date_time,
            &[
                "2026-01-31T12:00:00Z",
                "2026-01-31t23:59:60z",
                "2026-01-31T12:00:00.123456+00:00",
                "2026-01-31T12:00:00-08:30",
            ],
            &[
                "2026-01-31T12:00:00",
                "2026-01-31",
                "2026-01-31T24:00:00Z",
                "2026-01-31T12:60:00Z",
                "2026-01-31T12:00Z",
                "2026-01-31T12:00:00.Z",
                "2026-01-31T12:00:00+0100",
                "2026-01-31T12:00:00+24:00",
                "2026-01-31T12:00:00Z ",
            ],
        );
    }

    #[test]
    fn a_time_may_have_an_offset() {
        check(
            is_time,
            &["12:00:00", "00:00:00.5", "12:00:00Z", "12:00:00+01:00"],
            &[
                "12:00",
                "1:00:00",
                "25:00:00",
                "12:00:61",
                "12:00:00 Z",
                "noon",
            ],
        );
    }

    #[test]
    fn a_duration_has_parts_in_order() {
        check(
            is_duration,
            &[
                "P1Y2M3DT4H5M6.5S",
                "PT0S",
                "P2W",
                "P1D",
                "PT36H",
                "-PT5M",
                "PT0,5H",
                "P1Y10D",
                "P0.5D",
            ],
            &[
                "", "P", "PT", "P1DT", "1D", "P1H", "PT1D", "P1D2Y", "PT1S2M", "P-1D", "PT1.5H2M",
                "P0.5DT1H", "PT.5S", "PT5.S", "P1", "PT1H1H", "P1é",
            ],
        );
    }
}
