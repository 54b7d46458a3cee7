//! Order of sending, and eviction.

use serde_json::json;

use super::{
    reports::{MAX_REPORT_SIZE, MAX_REPORTS_SIZE, MAX_UNMERGED_REPORTS},
    *,
};

fn message(body: &str) -> Outgoing {
    Outgoing::Telemetry(TelemetryMessage {
        id: body.to_owned(),
        created: jiff::Timestamp::UNIX_EPOCH,
        component: None,
        content_type: String::new(),
        content_encoding: String::new(),
        properties: vec![],
        body: body.to_owned().into(),
    })
}

fn report(report: Value) -> Outgoing {
    Outgoing::Report(report.as_object().unwrap().clone())
}

const NOW: Duration = Duration::from_secs(1000);

/// An outbox of a device that is connected.
fn outbox(count: usize, bytes: usize) -> Outbox {
    let mut outbox = Outbox::new(Retention {
        count,
        bytes,
        ..Retention::default()
    });
    outbox.connection_started();
    outbox
}

fn unbounded() -> Outbox {
    outbox(usize::MAX, usize::MAX)
}

fn send_next(outbox: &mut Outbox, now: Duration) -> Option<(u64, String)> {
    let (id, shown) = match outbox.next(u64::MAX, true, now)? {
        Next::Telemetry(id, message) => (id, message.id.clone()),
        Next::Report(id, report) => (id, Value::Object(report.clone()).to_string()),
    };
    outbox.sent(id, now);
    Some((id, shown))
}

/// Sends what may be sent now; ids of messages and values of reports, in order.
fn sent(outbox: &mut Outbox) -> Vec<String> {
    std::iter::from_fn(|| send_next(outbox, NOW))
        .map(|(_, shown)| shown)
        .collect()
}

#[test]
fn things_leave_in_the_order_they_were_accepted_and_again_after_a_lost_connection() {
    let mut outbox = unbounded();
    outbox.push(1, report(json!({"max": 1})), NOW);
    outbox.push(1, message("a"), NOW);
    outbox.push(2, message("b"), NOW);
    assert_eq!(sent(&mut outbox), ["{\"max\":1}", "a", "b"]);
    assert_eq!(outbox.next(u64::MAX, true, NOW), None);
    outbox.acknowledge(1);
    outbox.rewind(false);
    outbox.connection_started();
    assert_eq!(sent(&mut outbox), ["{\"max\":1}", "b"]);
}

#[test]
fn nothing_leaves_before_its_batch_is_accepted() {
    let mut outbox = unbounded();
    outbox.push(7, message("a"), NOW);
    assert_eq!(outbox.next(6, true, NOW), None);
    assert!(outbox.next(7, true, NOW).is_some());
}

#[test]
fn a_report_that_must_wait_holds_up_no_telemetry() {
    let mut outbox = unbounded();
    outbox.push(1, report(json!({"max": 1})), NOW);
    outbox.push(1, message("a"), NOW);
    let next = outbox.next(1, false, NOW);
    assert!(matches!(next, Some(Next::Telemetry(..))));
}

#[test]
fn at_most_a_window_of_messages_may_come_twice_whenever_it_ends() {
    let mut outbox = unbounded();
    for n in 0..100 {
        outbox.push(1, message(&n.to_string()), NOW);
    }
    assert_eq!(sent(&mut outbox).len(), WINDOW);
    for id in 0..10 {
        outbox.acknowledge(id);
    }
    // Acknowledged, but not kept: after a kill they would be sent again.
    assert_eq!(sent(&mut outbox).len(), 0);
    outbox.mark_persisted(2);
    assert_eq!(sent(&mut outbox).len(), 0);
    outbox.accepted(2);
    assert_eq!(sent(&mut outbox).len(), 10);
}

#[test]
fn new_messages_go_before_a_backlog_which_keeps_its_pace_and_its_order() {
    let mut outbox = unbounded();
    for n in 0..100 {
        outbox.push(1, message(&format!("old {n}")), NOW);
    }
    outbox.rewind(false);
    outbox.connection_started();
    let (mut old, mut new, mut now) = (vec![], vec![], NOW);
    for n in 0..50 {
        outbox.push(1, message(&format!("new {n}")), NOW);
        let mut first = true;
        while let Some((id, shown)) = send_next(&mut outbox, now) {
            assert_eq!(shown.starts_with("new"), first, "{shown} at {n}");
            first = false;
            match shown.starts_with("new") {
                true => new.push(shown),
                false => old.push(shown),
            }
            outbox.acknowledge(id);
            outbox.mark_persisted(2);
            outbox.accepted(2);
        }
        now += Duration::from_millis(10);
        assert!(outbox.deadline(u64::MAX).is_none_or(|at| at <= now));
    }
    let numbered = |word, count| -> Vec<_> { (0..count).map(|n| format!("{word} {n}")).collect() };
    assert_eq!(new, numbered("new", 50));
    // 100 a second for half a second, and the burst at its beginning.
    assert!((50..=61).contains(&old.len()), "{}", old.len());
    assert_eq!(old, numbered("old", old.len()));
}

#[test]
fn a_full_outbox_gives_up_its_oldest_telemetry_that_cannot_have_arrived_and_counts_it() {
    let mut outbox = outbox(2, 1 << 20);
    outbox.push(1, message("on its way"), NOW);
    outbox.sent(0, NOW);
    let evicted: Vec<_> = ["b", "c", "d"]
        .map(|body| {
            outbox.push(1, message(body), NOW);
            outbox.evict(NOW);
            outbox.evictions().total
        })
        .into();
    assert_eq!(evicted, [0, 1, 2]);
    outbox.rewind(false);
    outbox.push(1, message("e"), NOW);
    outbox.evict(NOW);
    outbox.connection_started();
    assert_eq!(sent(&mut outbox), ["on its way", "e"]);
    assert_eq!(outbox.evictions().total, 3);
}

#[test]
fn the_bound_in_bytes_counts_bodies_and_properties() {
    let size = match message("12345678") {
        Outgoing::Telemetry(message) => message.size(),
        Outgoing::Report(_) => 0,
    };
    let mut outbox = outbox(100, 3 * size);
    for _ in 0..10 {
        outbox.push(1, message("12345678"), NOW);
    }
    outbox.evict(NOW);
    assert_eq!((outbox.len(), outbox.evictions().total), (3, 7));
}

#[test]
fn what_is_too_old_gives_way() {
    let mut outbox = unbounded();
    outbox.push(1, message("a"), NOW);
    let age = Retention::default().age;
    outbox.evict(NOW + age);
    assert_eq!(outbox.len(), 1);
    outbox.evict(NOW + age + Duration::from_secs(1));
    assert_eq!((outbox.len(), outbox.evictions().total), (0, 1));
}

#[test]
fn many_reports_are_merged_and_none_is_lost() {
    let mut outbox = unbounded();
    for n in 0..1000 {
        outbox.push(1, report(json!({"max": n, format!("p{}", n % 3): n})), NOW);
    }
    assert!(outbox.len() <= MAX_UNMERGED_REPORTS);
    let mut seen = Map::new();
    for text in sent(&mut outbox) {
        seen.extend(serde_json::from_str::<Map<String, Value>>(&text).unwrap());
    }
    assert_eq!(
        Value::Object(seen),
        json!({"max": 999, "p0": 999, "p1": 997, "p2": 998})
    );
}

#[test]
fn reports_without_end_stay_bounded_and_each_one_fits_the_hub() {
    let mut outbox = unbounded();
    for n in 0..500 {
        outbox.push(1, report(json!({format!("p{n}"): "x".repeat(10_000)})), NOW);
        outbox.evict(NOW);
    }
    let sizes: Vec<_> = sent(&mut outbox).iter().map(String::len).collect();
    assert!(
        sizes.iter().all(|size| *size <= MAX_REPORT_SIZE),
        "{sizes:?}"
    );
    assert!(sizes.iter().sum::<usize>() <= MAX_REPORTS_SIZE);
}
