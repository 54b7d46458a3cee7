use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// A history of measurements at these times, and the measurements themselves.
fn history_of(times: impl Iterator<Item = i64>) -> (History, Vec<(i64, i32)>) {
    let (mut history, mut all) = (History::default(), Vec::new());
    for (number, time) in times.enumerate() {
        let hundredths = 1000 + (number as i32).wrapping_mul(7919).rem_euclid(4001);
        history.add(at(time), Temperature::from_hundredths(hundredths));
        all.push((time, hundredths));
    }
    (history, all)
}

/// Counts by hand what a history should answer from `start` on.
fn by_hand(all: &[(i64, i32)], start: i64) -> Option<Statistics> {
    let counted = all.iter().filter(|(time, _)| *time >= start);
    let each =
        counted.map(|(_, hundredths)| Statistics::of(Temperature::from_hundredths(*hundredths)));
    each.reduce(Statistics::merge)
}

#[test]
fn the_last_sixty_measurements_are_answered_exactly() {
    let (history, all) = history_of((0..200).map(|n| START + n * 8000));
    for (time, _) in all.iter().rev().take(60) {
        let window = history.since(at(*time)).unwrap();
        assert_eq!(window.start, at(*time));
        assert_eq!(Some(window.statistics), by_hand(&all, *time));
    }
}

#[test]
fn an_answer_about_the_past_begins_with_the_minute_hour_or_day_asked_for() {
    let (history, all) = history_of((0..20 * 1440).map(|n| START + 700 + n * MINUTE));
    let now = START + 20 * DAY;
    for (since, start) in [
        (now - 80 * MINUTE + 20_000, now - 80 * MINUTE),
        (now - 5 * HOUR + 20 * MINUTE, now - 5 * HOUR),
        (now - 7 * DAY + 3 * HOUR, now - 7 * DAY),
    ] {
        let window = history.since(at(since)).unwrap();
        assert_eq!(window.start, at(start));
        assert_eq!(Some(window.statistics), by_hand(&all, start));
    }
}

#[test]
fn a_question_about_the_time_before_the_first_measurement_begins_there() {
    let (history, all) = history_of((0..5000).map(|n| START + n * 8000));
    for since in [0, START - DAY, START] {
        let window = history.since(at(since)).unwrap();
        assert_eq!(
            (window.start, Some(window.statistics)),
            (at(START), by_hand(&all, 0))
        );
    }
}

#[test]
fn nothing_is_answered_about_a_time_without_measurements() {
    let (history, _) = history_of([START].into_iter());
    assert_eq!(history.since(at(START + 1)), None);
    assert_eq!(History::default().since(at(0)), None);
}

#[test]
fn after_the_clock_is_set_back_no_measurement_lies_in_the_future() {
    let (mut history, all) = history_of((0..100_000).map(|n| START + n * 8000));
    let now = START - 30 * DAY;
    history.add(at(now), Temperature::from_hundredths(2000));
    assert_eq!(history.since(at(now + 1)), None);
    let everything = history.since(at(0)).unwrap();
    let [count, ..] = everything.statistics.to_numbers();
    assert_eq!((everything.start, count), (at(now), all.len() as i64 + 1));
}

/// What a device lives through: measurements for a while, at one interval, then a pause.
fn life() -> impl Strategy<Value = Vec<i64>> {
    let spell = (1..400_usize, 1..3 * HOUR, 1..60 * DAY);
    prop::collection::vec(spell, 1..6).prop_map(|spells| {
        let (mut now, mut times) = (START, Vec::new());
        for (count, interval, pause) in spells {
            times.extend((0..count as i64).map(|n| now + n * interval));
            now += count as i64 * interval + pause;
        }
        times
    })
}

proptest! {
    #[test]
    fn every_answer_counts_just_what_was_measured_from_its_start_on(times in life(), ask in 0.0..1.1f64) {
        let (first, last) = (times[0], times[times.len() - 1]);
        let since = first + ((last - first) as f64 * ask) as i64;
        let (history, all) = history_of(times.into_iter());
        match history.since(at(since)) {
            None => prop_assert!(since > last),
            Some(window) => {
                prop_assert!(window.start <= at(since));
                prop_assert_eq!(Some(window.statistics), by_hand(&all, window.start.as_millis()));
            }
        }
    }

    #[test]
    fn numbers_survive_a_round_trip(times in prop::collection::vec(0..60 * DAY, 0..500)) {
        let (history, _) = history_of(times.into_iter());
        let mut lists: std::collections::HashMap<_, _> = history.to_lists().collect();
        let list = |name: &str| lists.remove(name).ok_or_else(|| name.to_owned());
        prop_assert_eq!(History::from_lists(list), Ok(history));
    }

    #[test]
    fn a_clock_that_jumps_loses_no_measurement(times in prop::collection::vec(0..900 * DAY, 1..500)) {
        let (history, all) = history_of(times.into_iter());
        prop_assert_eq!(Some(history.since(at(0)).unwrap().statistics), by_hand(&all, 0));
    }
}
