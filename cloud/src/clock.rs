//! The clock of the cloud, and times as Azure writes them.

use jiff::Timestamp;

/// Returns the current time to the millisecond, as Azure shows it.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// Formats a time with a fixed length, so that texts sort as times do.
pub(crate) fn format_timestamp(at: Timestamp) -> String {
    format!("{at:.3}")
}
