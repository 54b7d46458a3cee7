//! How much is kept of what is set aside, and for how long.

use std::sync::Arc;

use host::{
    clock::SystemClock,
    store::{
        self, DeviceStore, Kept, Memory, Retention, StateDir,
        aside::{CloudMessage, Tally},
        batch::{AsideChange, Batch},
        outbox::Outgoing,
        writer::Store,
    },
};
use serde_json::json;

fn report(number: u64, size: usize) -> Outgoing {
    let report = json!({ "number": number, "filler": "x".repeat(size) });
    Outgoing::Report(report.as_object().unwrap().clone())
}

/// Sends a report and sets it aside, in one batch after the other.
fn set_aside(device: &mut DeviceStore, number: u64, size: usize) {
    let clock = SystemClock::new();
    let id = device.outbox().next_id();
    device.commit(
        Batch {
            outgoing: vec![report(number, size)],
            ..Batch::default()
        },
        &clock,
    );
    device.commit(
        Batch {
            aside: vec![AsideChange::Outgoing(id, "refused".to_owned())],
            ..Batch::default()
        },
        &clock,
    );
}

fn ids(device: &DeviceStore) -> Vec<u64> {
    device.aside().entries().map(|(id, _)| id).collect()
}

#[test]
fn beyond_a_hundred_things_or_a_mebibyte_the_oldest_gives_way_and_is_counted() {
    let clock = SystemClock::new();
    let new = || {
        let backend = Box::new(Memory::default());
        DeviceStore::new(backend, Kept::default(), Retention::default(), &clock)
    };
    let mut device = new();
    for number in 1..=110 {
        set_aside(&mut device, number, 10);
    }
    assert_eq!(ids(&device), (11..=110).collect::<Vec<_>>());
    let tally = Tally {
        total: 110,
        given_way: 10,
    };
    assert_eq!(device.aside().tally(), tally);
    assert!(device.outbox().is_empty());

    let mut device = new();
    for number in 1..=50 {
        set_aside(&mut device, number, 30_000);
    }
    let bytes: usize = device.aside().entries().map(|(_, it)| it.what.size()).sum();
    assert!((1 << 20) - 31_000 < bytes && bytes <= 1 << 20, "{bytes}");
    assert_eq!(ids(&device).last(), Some(&50));
}

#[tokio::test]
async fn what_is_set_aside_outlives_the_process_and_its_id_is_never_given_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::new();
    let open = || Store::open(StateDir::take(dir.path()).unwrap()).unwrap();
    let device = |store: &mut Store| {
        let (kept, backend) = store.device(&Arc::from("d"));
        DeviceStore::new(backend, kept, Retention::default(), &clock)
    };
    let mut store = open();
    let mut first = device(&mut store);
    for number in 1..=3 {
        set_aside(&mut first, number, 10);
    }
    let message = AsideChange::Message(
        CloudMessage {
            properties: vec![("k".to_owned(), "v".to_owned())],
            body: [0, 255][..].to_vec().into(),
        },
        "it failed".to_owned(),
    );
    let aside = vec![message, AsideChange::Gone(1), AsideChange::Return(2)];
    first.commit(
        Batch {
            aside,
            ..Batch::default()
        },
        &clock,
    );
    first.safe(&clock).await;
    let before: Vec<_> = first
        .aside()
        .entries()
        .map(|(id, it)| (id, it.clone()))
        .collect();
    assert_eq!(ids(&first), [3, 4]);
    drop((first, store));

    let kept = store::read(dir.path()).unwrap().remove("d").unwrap();
    assert_eq!(kept.aside, before);
    assert_eq!(kept.outgoing.len(), 1);
    let mut store = open();
    let mut second = device(&mut store);
    assert_eq!(ids(&second), [3, 4]);
    let all = vec![AsideChange::Gone(3), AsideChange::Gone(4)];
    second.commit(
        Batch {
            aside: all,
            ..Batch::default()
        },
        &clock,
    );
    second.safe(&clock).await;
    drop((second, store));
    let mut store = open();
    let mut third = device(&mut store);
    set_aside(&mut third, 9, 10);
    assert_eq!(ids(&third), [5]);
}
