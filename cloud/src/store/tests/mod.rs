use std::{os::unix::fs::PermissionsExt, time::Duration};

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::events::D2cMessage;

mod retention;

const FOREVER: Retention = Retention {
    age: Duration::MAX,
    bytes: u64::MAX,
};

fn in_memory(retention: Retention) -> Store {
    Store::open(&StoreLocation::Memory, retention).unwrap()
}

fn location(dir: &TempDir) -> StoreLocation {
    StoreLocation::File(dir.path().join("cloud.db"))
}

fn telemetry(body: &[u8]) -> EventKind {
    EventKind::Telemetry(D2cMessage {
        message_id: Some("m".into()),
        properties: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
        body: body.to_vec().into(),
        ..D2cMessage::default()
    })
}

fn gone() -> EventKind {
    EventKind::Disconnected {
        reason: "x".into(),
        since: None,
    }
}

fn device(id: &str) -> Row {
    Row::Device(id.into())
}

fn content(text: &str) -> Content {
    Content::json(&text)
}

/// The numbers of all events a filter takes, read page by page.
fn numbers(store: &Store, filter: &EventFilter, mut after: u64) -> Vec<u64> {
    let mut numbers = Vec::new();
    loop {
        let page = store.events(filter, after).unwrap();
        numbers.extend(page.events.iter().map(|event| event.sequence));
        if page.is_last {
            return numbers;
        }
        assert!(page.reached > after, "a page leads further");
        after = page.reached;
    }
}

#[tokio::test]
async fn what_is_committed_is_there_after_a_restart() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&location(&dir), FOREVER).unwrap();
    store.put(device("a"), content("first"));
    store.put(device("a"), content("second"));
    store.put(device("b"), content("gone"));
    store.remove(device("b"));
    store.put(
        Row::Message("a".into(), 2),
        content("late").with_body("2".into()),
    );
    store.put(
        Row::Message("a".into(), 1),
        content("early").with_body("1".into()),
    );
    store.record("a", telemetry(b"\xff"));
    store.close().await;

    let store = Store::open(&location(&dir), FOREVER).unwrap();
    assert_eq!(store.devices().unwrap(), ["\"second\""]);
    let messages = store.messages().unwrap();
    let numbers: Vec<_> = messages.iter().map(|message| message.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(messages[1].body, b"2");
    let page = store.events(&EventFilter::default(), 0).unwrap();
    assert_eq!(page.events.len(), 1);
    let EventKind::Telemetry(message) = &page.events[0].kind else {
        panic!("{:?}", page.events);
    };
    assert_eq!(EventKind::Telemetry(message.clone()).name(), "telemetry");
    assert_eq!(message.body.as_ref(), b"\xff");
    assert_eq!(message.properties[0].0, "b");
    store.record("a", gone());
    assert_eq!(store.last_event(), 2);
}

#[tokio::test]
async fn nothing_is_committed_before_it_is_written() {
    let dir = TempDir::new().unwrap();
    let store = Store::open(&location(&dir), FOREVER).unwrap();
    let StoreLocation::File(path) = location(&dir) else {
        panic!("a file");
    };
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut subscriber = store.subscribe();
    store.record("a", gone());
    let waited = tokio::time::timeout(Duration::from_millis(100), store.flush()).await;
    assert!(waited.is_err());
    assert!(subscriber.try_recv().is_err());
    other.execute_batch("COMMIT").unwrap();
    store.flush().await.unwrap();
    assert_eq!(subscriber.recv().await.unwrap().sequence, 1);
    assert_eq!(numbers(&store, &EventFilter::default(), 0), [1]);
}

#[tokio::test]
async fn without_its_writer_a_store_says_so_and_waits_for_nothing() {
    let open = in_memory(FOREVER);
    let inner = &*open.inner;
    let store = Store {
        inner: Arc::new(Inner {
            path: inner.path.clone(),
            journal: Arc::new(Journal::new(0)),
            reader: Arc::clone(&inner.reader),
            last_alive: None,
            // The writer's end is gone.
            committed: watch::channel(0).1,
            failure: watch::channel(None).1,
            events: inner.events.clone(),
        }),
    };
    store.record("a", gone());
    for result in [store.flush().await, store.check_writable()] {
        let error = result.unwrap_err().to_string();
        assert!(
            error.contains("the thread that writes it has ended"),
            "{error}"
        );
    }
    store.ended().await;
    store.close().await;
}

#[tokio::test]
async fn a_full_disk_holds_everything_up_until_there_is_room() {
    let store = in_memory(FOREVER);
    let limit = |pages: u32| {
        let database = store.reader();
        let set = database.pragma_update(None, "max_page_count", pages);
        set.unwrap();
    };
    limit(1);
    store.record("a", telemetry(&[0; 64 * 1024]));
    store.put(device("a"), content("x"));
    let error = store.flush().await.unwrap_err().to_string();
    assert!(error.contains("disk is full"), "{error}");
    assert_eq!(store.check_writable(), store.flush().await, "it still is");
    limit(1_000_000);
    let mut committed = store.committed();
    let position = store.position();
    committed.wait_for(|done| *done >= position).await.unwrap();
    assert_eq!(store.flush().await, Ok(()));
    assert_eq!(store.check_writable(), Ok(()));
    assert_eq!(store.devices().unwrap().len(), 1);
    assert_eq!(numbers(&store, &EventFilter::default(), 0), [1]);
}

#[tokio::test]
async fn a_filter_takes_by_device_kind_and_time() {
    let store = in_memory(FOREVER);
    for number in 1..=5000 {
        let id = if number % 1000 == 0 { "rare" } else { "often" };
        store.record(
            id,
            if number % 500 == 0 {
                gone()
            } else {
                telemetry(b"1")
            },
        );
    }
    store.record("", gone());
    store.flush().await.unwrap();
    let all = numbers(&store, &EventFilter::default(), 0);
    assert_eq!(all, (1..=5001).collect::<Vec<_>>());
    let of = |devices: &[&str], kinds: &[&str]| EventFilter {
        devices: devices.iter().map(ToString::to_string).collect(),
        kinds: kinds.iter().map(ToString::to_string).collect(),
        ..EventFilter::default()
    };
    let rare = of(&["rare"], &[]);
    assert_eq!(
        numbers(&store, &rare, 0),
        [1000, 2000, 3000, 4000, 5000, 5001]
    );
    assert_eq!(numbers(&store, &rare, 3000), [4000, 5000, 5001]);
    let often: Vec<_> = (1..=5001).filter(|number| number % 1000 != 0).collect();
    assert_eq!(numbers(&store, &of(&["often"], &[]), 0), often);
    let often_gone = of(&["often"], &["disconnected"]);
    assert_eq!(
        numbers(&store, &often_gone, 0),
        [500, 1500, 2500, 3500, 4500, 5001]
    );
    assert_eq!(
        numbers(&store, &of(&["rare", "often"], &[]), 4999),
        [5000, 5001]
    );
    assert!(numbers(&store, &of(&[], &["tags"]), 0).is_empty());

    let third = store.events(&rare, 2000).unwrap().events[0].enqueued;
    let since = EventFilter {
        from: Some(third),
        ..EventFilter::default()
    };
    let start = store.before_time(third).unwrap();
    assert!(start < 3000);
    assert_eq!(*numbers(&store, &since, start).last().unwrap(), 5001);
    let until = EventFilter {
        to: Some(third),
        ..EventFilter::default()
    };
    assert!(*numbers(&store, &until, 0).last().unwrap() < 3000);
}

#[tokio::test]
async fn the_last_are_found_however_far_back_they_are() {
    let store = in_memory(FOREVER);
    store.record("rare", gone());
    for _ in 0..10_000 {
        store.record("often", telemetry(b"1"));
    }
    store.flush().await.unwrap();
    let kinds = |kind: &str| EventFilter {
        kinds: vec![kind.into()],
        ..EventFilter::default()
    };
    assert_eq!(
        store
            .before_last(&EventFilter::default(), 10_001, 10)
            .unwrap(),
        9991
    );
    assert_eq!(
        store
            .before_last(&EventFilter::default(), 10_001, 0)
            .unwrap(),
        10_001
    );
    assert_eq!(
        store
            .before_last(&kinds("disconnected"), 10_001, 1)
            .unwrap(),
        0
    );
    assert_eq!(store.before_last(&kinds("tags"), 10_001, 1).unwrap(), 0);
}

#[tokio::test]
async fn a_page_is_bounded_by_what_its_events_take() {
    let store = in_memory(FOREVER);
    for _ in 0..20 {
        store.record("a", telemetry(&[0; 256 * 1024]));
    }
    store.flush().await.unwrap();
    let page = store.events(&EventFilter::default(), 0).unwrap();
    // With what is beside the bodies, four are over a megabyte.
    let seen = (page.events.len(), page.reached, page.is_last);
    assert_eq!(seen, (4, 4, false));
}

#[test]
fn the_files_are_for_their_owner_alone() {
    let dir = TempDir::new().unwrap();
    let _store = Store::open(&location(&dir), FOREVER).unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", file.path());
    }
}

#[test]
fn what_is_no_store_or_of_a_newer_version_is_refused_with_the_remedy() {
    let dir = TempDir::new().unwrap();
    let StoreLocation::File(path) = location(&dir) else {
        panic!("a file");
    };
    std::fs::write(&path, "what is this? ".repeat(1000)).unwrap();
    let refusal = Store::open(&location(&dir), FOREVER)
        .err()
        .unwrap()
        .to_string();
    assert!(
        refusal.contains("is corrupt") && refusal.contains("move it away"),
        "{refusal}"
    );

    std::fs::remove_file(&path).unwrap();
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 1000).unwrap();
    let refusal = Store::open(&location(&dir), FOREVER)
        .err()
        .unwrap()
        .to_string();
    assert!(
        refusal.contains("newer version") && refusal.contains("--dir"),
        "{refusal}"
    );
}
