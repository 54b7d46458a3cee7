use proptest::{collection::vec, prelude::*};

use super::{super::retention, *};

#[tokio::test]
async fn the_oldest_events_give_way_and_numbers_go_on() {
    let store = in_memory(Retention {
        age: Duration::MAX,
        bytes: 512 * 1024,
    });
    for _ in 0..200 {
        store.record("a", telemetry(&[0; 8 * 1024]));
        store.flush().await.unwrap();
    }
    let page = store.events(&EventFilter::default(), 0).unwrap();
    assert!(
        (20..=64).contains(&page.events.len()),
        "{}",
        page.events.len()
    );
    assert_eq!(page.events.last().unwrap().sequence, 200);
    assert_eq!(page.complete_after + 1, page.events[0].sequence);
}

#[tokio::test]
async fn the_device_that_takes_most_loses_its_events_and_the_others_none() {
    let store = in_memory(Retention {
        age: Duration::MAX,
        bytes: 1024 * 1024,
    });
    for number in 0..2000 {
        store.record("flood", telemetry(&[0; 8 * 1024]));
        if number % 100 == 0 {
            store.record("neighbour", telemetry(&[0; 1024]));
            store.flush().await.unwrap();
        }
    }
    store.record("", gone());
    store.flush().await.unwrap();

    let of = |devices: &[&str]| EventFilter {
        devices: devices.iter().map(ToString::to_string).collect(),
        ..EventFilter::default()
    };
    let neighbours = numbers(&store, &of(&["neighbour"]), 0);
    assert_eq!(neighbours.len(), 21, "with the one of no device");
    let complete_after = |filter: &EventFilter| store.events(filter, 0).unwrap().complete_after;
    assert_eq!(complete_after(&of(&["neighbour"])), 0);
    let floods = numbers(&store, &of(&["flood"]), 0);
    assert!(floods[0] > 1500, "{floods:?}");
    for filter in [of(&["flood"]), of(&["neighbour", "flood"]), of(&[])] {
        // The number before may be that of a neighbour.
        let end = complete_after(&filter);
        assert!((floods[0] - 2..floods[0]).contains(&end), "{end}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is sent: usage is what the stored events take, nothing is missing after the number said, and who stays
    /// below an equal share loses nothing.
    #[test]
    fn room_is_shared_by_devices(
        events in vec((0..4_usize, 1..4096_usize), 100..400),
        room in 100..400_u64,
        at_a_time in 1..50_usize,
    ) {
        let opened = schema::open(&StoreLocation::Memory).ok().unwrap();
        let database = opened.writing.lock().unwrap();
        let bytes = retention::used(&database).unwrap() + room * 1024;
        let retention = Retention { age: Duration::MAX, bytes };
        let ids = ["", "a", "b", "c"];
        let event = |(number, (device, size)): (usize, &(usize, usize))| Arc::new(Event {
            sequence: number as u64 + 1,
            enqueued: crate::clock::now(),
            device_id: ids[*device].into(),
            kind: telemetry(&vec![b'x'; *size]),
        });
        let events: Vec<_> = events.iter().enumerate().map(event).collect();
        for events in events.chunks(at_a_time) {
            let appended = events::append(&database, events).unwrap();
            retention.enforce_after_append(&database, appended).unwrap();
        }

        let integers = |sql: &str, device: &str| -> Vec<u64> {
            let mut statement = database.prepare(sql).unwrap();
            let rows = statement.query_map((device,), |row| row.get(0)).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let sizes = "SELECT 150 + octet_length(detail) + octet_length(body) FROM event WHERE device = ?1";
        for id in ids {
            let sent: Vec<_> = events.iter().filter(|event| event.device_id == id).collect();
            let stored = integers("SELECT sequence FROM event WHERE device = ?1 ORDER BY sequence", id);
            let taken: u64 = integers(sizes, id).iter().sum();
            let used = integers("SELECT bytes FROM event_usage WHERE device = ?1", id);
            prop_assert_eq!(used.iter().sum::<u64>(), taken, "{:?}", id);
            let filter = [id.to_owned()];
            let complete_after = retention::complete_after(&database, &filter).unwrap();
            let complete = sent.iter().map(|event| event.sequence).filter(|number| *number > complete_after);
            let missing = complete.filter(|number| !stored.contains(number)).count();
            prop_assert_eq!(missing, 0, "{:?} after {}", id, complete_after);
            let size: usize = sent.iter().map(|event| 600 + event_body(event)).sum();
            if (size as u64) < room * 1024 / 5 {
                prop_assert_eq!(stored.len(), sent.len(), "{:?} takes {}", id, size);
            }
        }
    }
}

fn event_body(event: &Event) -> usize {
    match &event.kind {
        EventKind::Telemetry(message) => message.body.len(),
        _ => 0,
    }
}

#[tokio::test]
async fn large_events_find_room_where_there_were_small_ones() {
    let bytes = 1024 * 1024;
    let store = in_memory(Retention {
        age: Duration::MAX,
        bytes,
    });
    for _ in 0..5000 {
        store.record("a", gone());
    }
    for _ in 0..60 {
        store.record("a", telemetry(&[0; 64 * 1024]));
        store.flush().await.unwrap();
        let used = retention::used(&store.reader()).unwrap();
        assert!(used < bytes + 256 * 1024, "{used}");
    }
}

#[tokio::test]
async fn no_more_events_go_than_have_to() {
    let store = in_memory(FOREVER);
    for _ in 0..30 {
        store.record("a", telemetry(&[0; 64 * 1024]));
    }
    store.flush().await.unwrap();
    let database = store.reader();
    let retention = Retention {
        age: Duration::MAX,
        bytes: retention::used(&database).unwrap() - 100 * 1024,
    };
    assert_eq!(retention.enforce(&database, 500).unwrap(), 2);
    assert_eq!(retention.enforce(&database, 500).unwrap(), 0);
}

#[tokio::test]
async fn a_device_whose_usage_is_counted_too_high_holds_nothing_up() {
    let bytes = 512 * 1024;
    let store = in_memory(Retention {
        age: Duration::MAX,
        bytes,
    });
    store.record("gone", gone());
    store.flush().await.unwrap();
    let wrong = "DELETE FROM event WHERE device = 'gone'; UPDATE event_usage SET bytes = 1 << 40";
    store.reader().execute_batch(wrong).unwrap();
    for _ in 0..100 {
        store.record("a", telemetry(&[0; 16 * 1024]));
        store.flush().await.unwrap();
    }
    let used = retention::used(&store.reader()).unwrap();
    assert!(used < bytes + 256 * 1024, "{used}");
}

#[tokio::test]
async fn numbers_go_on_when_no_event_is_left() {
    let dir = TempDir::new().unwrap();
    let nothing = Retention {
        age: Duration::MAX,
        bytes: 0,
    };
    let store = Store::open(&location(&dir), nothing).unwrap();
    store.record("a", gone());
    store.record("a", gone());
    store.close().await;
    let store = Store::open(&location(&dir), nothing).unwrap();
    let page = store.events(&EventFilter::default(), 0).unwrap();
    assert!(page.events.is_empty() && page.is_last);
    assert_eq!(page.complete_after, 2);
    store.record("a", gone());
    assert_eq!(store.last_event(), 3);
}

#[tokio::test]
async fn what_is_too_old_goes_first() {
    let store = in_memory(Retention {
        age: Duration::from_millis(200),
        bytes: u64::MAX,
    });
    store.record("a", gone());
    store.flush().await.unwrap();
    let old = Timestamp::now();
    while Timestamp::now().duration_since(old).as_millis() <= 250 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    store.record("a", gone());
    store.flush().await.unwrap();
    assert_eq!(numbers(&store, &EventFilter::default(), 0), [2]);
}
