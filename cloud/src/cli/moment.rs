//! Points in time and in the sequence of events, in arguments.

use jiff::{SignedDuration, Timestamp};

/// The start of a selection of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Since {
    /// After the event with this number.
    Sequence(u64),
    /// At this time.
    Time(Timestamp),
}

/// Parses a sequence number, or what [`moment`] takes.
pub(crate) fn since(text: &str) -> Result<Since, String> {
    match text.parse() {
        Ok(sequence) => Ok(Since::Sequence(sequence)),
        Err(_) => moment(text)
            .map(Since::Time)
            .map_err(|error| format!("{error}, or a sequence number")),
    }
}

/// Parses a time of RFC 3339, or a duration before now.
pub(crate) fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let ago: Option<SignedDuration> = text.parse().ok();
    ago.filter(|ago| !ago.is_negative())
        .and_then(|ago| Timestamp::now().checked_sub(ago).ok())
        .ok_or_else(|| {
            "write a time such as 2026-01-31T08:00:00Z, or a duration before now such as 5m or 2h"
                .to_owned()
        })
}

/// The number of stored events to begin with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Tail {
    All,
    Last(u64),
}

/// Parses a number, or `all`.
pub(crate) fn tail(text: &str) -> Result<Tail, String> {
    match text {
        "all" => Ok(Tail::All),
        _ => text
            .parse()
            .map(Tail::Last)
            .map_err(|_| "write a number, or all".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_number_a_time_or_a_duration_before_now() {
        assert_eq!(since("17"), Ok(Since::Sequence(17)));
        let time = "2026-01-31T08:00:00Z";
        assert_eq!(since(time), Ok(Since::Time(time.parse().unwrap())));
        assert_eq!(since("2026-01-31T09:00:00+01:00"), since(time));
        let Ok(Since::Time(ago)) = since("5m") else {
            panic!("5m is a duration");
        };
        let seconds = Timestamp::now().duration_since(ago).as_secs();
        assert!((300..310).contains(&seconds), "{seconds}");
        for wrong in ["noon", "-5m", "5", "2026-01-31"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
        assert_eq!((tail("all"), tail("3")), (Ok(Tail::All), Ok(Tail::Last(3))));
        assert!(tail("-1").is_err());
    }
}
