//! The bounds of dead letters, and how long they are kept.

use std::sync::Arc;

use host::{
    clock::SystemClock,
    store::{
        self, DeviceStore, MemoryBackend, PersistedState, Retention, StateDir,
        batch::{Batch, DeadLetterChange},
        dead_letter::{CloudMessage, DeadLetterCounts},
        outbox::Outgoing,
        writer::Store,
    },
};
use serde_json::json;

fn report(number: u64, size: usize) -> Outgoing {
    let report = json!({ "number": number, "filler": "x".repeat(size) });
    Outgoing::Report(report.as_object().unwrap().clone())
}

/// Adds a report to the outbox and dead-letters it, in one batch after the other.
fn dead_letter(device: &mut DeviceStore, number: u64, size: usize) {
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
            dead_letters: vec![DeadLetterChange::Outgoing(id, "refused".to_owned())],
            ..Batch::default()
        },
        &clock,
    );
}

fn ids(device: &DeviceStore) -> Vec<u64> {
    device.dead_letters().entries().map(|(id, _)| id).collect()
}

#[test]
fn beyond_a_hundred_things_or_a_mebibyte_the_oldest_gives_way_and_is_counted() {
    let clock = SystemClock::new();
    let new = || {
        let backend = Box::new(MemoryBackend::default());
        DeviceStore::new(
            backend,
            PersistedState::default(),
            Retention::default(),
            &clock,
        )
    };
    let mut device = new();
    for number in 1..=110 {
        dead_letter(&mut device, number, 10);
    }
    assert_eq!(ids(&device), (11..=110).collect::<Vec<_>>());
    let counts = DeadLetterCounts {
        total: 110,
        evicted: 10,
    };
    assert_eq!(device.dead_letters().counts(), counts);
    assert!(device.outbox().is_empty());

    let mut device = new();
    for number in 1..=50 {
        dead_letter(&mut device, number, 30_000);
    }
    let bytes: usize = device
        .dead_letters()
        .entries()
        .map(|(_, it)| it.item.size())
        .sum();
    assert!((1 << 20) - 31_000 < bytes && bytes <= 1 << 20, "{bytes}");
    assert_eq!(ids(&device).last(), Some(&50));
}

#[tokio::test]
async fn dead_letters_outlive_the_process_and_their_ids_are_never_reused() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SystemClock::new();
    let open = || Store::open(StateDir::open(dir.path()).unwrap()).unwrap();
    let device = |store: &mut Store| {
        let (kept, backend) = store.device(&Arc::from("d"));
        DeviceStore::new(backend, kept, Retention::default(), &clock)
    };
    let mut store = open();
    let mut first = device(&mut store);
    for number in 1..=3 {
        dead_letter(&mut first, number, 10);
    }
    let message = DeadLetterChange::Message(
        CloudMessage {
            properties: vec![("k".to_owned(), "v".to_owned())],
            body: [0, 255][..].to_vec().into(),
        },
        "it failed".to_owned(),
    );
    let changes = vec![
        message,
        DeadLetterChange::Remove(1),
        DeadLetterChange::Requeue(2),
    ];
    first.commit(
        Batch {
            dead_letters: changes,
            ..Batch::default()
        },
        &clock,
    );
    first.flush(&clock).await;
    let before: Vec<_> = first
        .dead_letters()
        .entries()
        .map(|(id, it)| (id, it.clone()))
        .collect();
    assert_eq!(ids(&first), [3, 4]);
    drop((first, store));

    let kept = store::read(dir.path()).unwrap().remove("d").unwrap();
    assert_eq!(kept.dead_letters, before);
    assert_eq!(kept.outbox.outgoing.len(), 1);
    let mut store = open();
    let mut second = device(&mut store);
    assert_eq!(ids(&second), [3, 4]);
    let all = vec![DeadLetterChange::Remove(3), DeadLetterChange::Remove(4)];
    second.commit(
        Batch {
            dead_letters: all,
            ..Batch::default()
        },
        &clock,
    );
    second.flush(&clock).await;
    drop((second, store));
    let mut store = open();
    let mut third = device(&mut store);
    dead_letter(&mut third, 9, 10);
    assert_eq!(ids(&third), [5]);
}
