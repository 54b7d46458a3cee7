//! The database beside what happens to it: a reader while a host writes, and much space that is not used any more.

use std::fs;

use host::store::{
    self, Contents, Database, StateDir,
    row::Row,
    writer::{Disk, Rows},
};

/// Rows of messages with these ids; those of the second group are gone.
fn messages(kept: std::ops::Range<u64>, gone: std::ops::Range<u64>) -> Rows {
    let body = vec![b'x'; 10_000];
    let report = serde_json::json!({ "filler": String::from_utf8(body).unwrap() });
    let report = report.as_object().unwrap();
    let mut rows = Rows::new();
    for id in kept {
        rows.insert(
            ("d".into(), Row::Report(id, report).kind_and_id().0, id),
            Row::Report(id, report).text(),
        );
    }
    for id in gone {
        rows.insert(
            ("d".into(), Row::OutgoingRemoved(id).kind_and_id().0, id),
            None,
        );
    }
    rows
}

#[test]
fn what_is_written_can_be_read_while_the_database_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let (mut database, contents) = Database::open(StateDir::open(dir.path()).unwrap()).unwrap();
    assert_eq!(contents, Contents::new());
    assert_eq!(store::read(dir.path()).unwrap(), Contents::new());
    for count in 1..=3 {
        database.write(&messages(0..count, 0..0)).unwrap();
        let read = store::read(dir.path()).unwrap();
        let device = read.values().next().unwrap();
        assert_eq!(device.outbox.outgoing.len() as u64, count);
    }
}

#[test]
fn a_database_that_is_mostly_empty_gives_its_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut database, _) = Database::open(StateDir::open(dir.path()).unwrap()).unwrap();
    let size = || fs::metadata(dir.path().join("store.redb")).unwrap().len();
    database.write(&messages(0..3000, 0..0)).unwrap();
    let full = size();
    assert!(!database.compact().unwrap(), "it is full");
    database.write(&messages(0..0, 10..3000)).unwrap();
    assert!(database.compact().unwrap());
    let left = size();
    println!("{full} bytes, {left} after it");
    assert!(left < full / 4, "{left} of {full}");
    assert!(
        !database.compact().unwrap(),
        "there is nothing more to give"
    );
    let read = store::read(dir.path()).unwrap();
    assert_eq!(read.values().next().unwrap().outbox.outgoing.len(), 10);
    database.write(&messages(0..20, 0..0)).unwrap();
}
