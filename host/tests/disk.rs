//! Disks that are slow, that fail and that come back: what devices notice of them, and what is on them in the end.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        mpsc::{self, Receiver, Sender},
    },
    time::{Duration, Instant},
};

use host::{
    clock::SystemClock,
    hub::message::TelemetryMessage,
    store::{
        Contents, DeviceStore, Retention,
        batch::{Batch, DeadLetterChange},
        dead_letter::CloudMessage,
        outbox::Outgoing,
        writer::{Disk, DiskError, Reopened, Rows, Store},
    },
};

/// What a write or a reopening comes to.
#[derive(Clone, Copy)]
enum Fate {
    Well,
    Fails,
}

/// A disk in memory. Each write waits for its fate; each reopening has one prepared.
struct Scripted {
    fates: Receiver<Fate>,
    begun: Sender<usize>,
    reopened: Arc<Mutex<VecDeque<Reopened>>>,
    holds: Arc<Mutex<Rows>>,
}

/// The other end of it.
struct Script {
    fates: Sender<Fate>,
    /// The number of rows of each write that has begun.
    begun: Receiver<usize>,
    reopened: Arc<Mutex<VecDeque<Reopened>>>,
    holds: Arc<Mutex<Rows>>,
}

fn disk() -> (Scripted, Script) {
    let (fates, wanted) = mpsc::channel();
    let (begun, writes) = mpsc::channel();
    let (reopened, holds) = (Arc::default(), Arc::default());
    let disk = Scripted {
        fates: wanted,
        begun,
        reopened: Arc::clone(&reopened),
        holds: Arc::clone(&holds),
    };
    let script = Script {
        fates,
        begun: writes,
        reopened,
        holds,
    };
    (disk, script)
}

impl Disk for Scripted {
    fn write(&mut self, rows: &Rows) -> Result<(), DiskError> {
        self.begun.send(rows.len()).unwrap();
        match self.fates.recv().unwrap() {
            Fate::Well => {
                let mut holds = self.holds.lock().unwrap();
                for (key, text) in rows {
                    match text {
                        Some(_) => holds.insert(key.clone(), text.clone()),
                        None => holds.remove(key),
                    };
                }
                Ok(())
            }
            Fate::Fails => Err(DiskError("no space left".to_owned())),
        }
    }

    fn reopen(&mut self) -> Result<Reopened, DiskError> {
        match self.reopened.lock().unwrap().pop_front() {
            Some(Reopened::Recreated) => {
                self.holds.lock().unwrap().clear();
                Ok(Reopened::Recreated)
            }
            Some(found) => Ok(found),
            None => Err(DiskError("no space left".to_owned())),
        }
    }

    fn check(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn compact(&mut self) -> Result<bool, DiskError> {
        Ok(false)
    }
}

impl Script {
    fn write_begins(&self) -> usize {
        self.begun.recv_timeout(Duration::from_secs(60)).unwrap()
    }

    /// The texts it holds that have this in them.
    fn holding(&self, part: &str) -> Vec<String> {
        let holds = self.holds.lock().unwrap();
        let texts = holds.values().flatten();
        texts
            .map(|text| String::from_utf8(text.clone()).unwrap())
            .filter(|text| text.contains(part))
            .collect()
    }
}

fn device(store: &mut Store, retention: Retention) -> DeviceStore {
    let (kept, backend) = store.device(&Arc::from("d"));
    DeviceStore::new(backend, kept, retention, &SystemClock::new())
}

fn batch(number: u64) -> Batch {
    Batch {
        record: Some(format!("{{\"record\":{number}}}")),
        outgoing: vec![Outgoing::Telemetry(TelemetryMessage {
            id: number.to_string(),
            created: jiff::Timestamp::now(),
            component: None,
            content_type: String::new(),
            content_encoding: String::new(),
            properties: vec![],
            body: "x".into(),
        })],
        ..Batch::default()
    }
}

/// A batch that dead-letters a cloud-to-device message.
fn dead_letter(number: u64) -> Batch {
    let message = CloudMessage {
        properties: vec![],
        body: number.to_string().into(),
    };
    Batch {
        dead_letters: vec![DeadLetterChange::Message(message, "it failed".to_owned())],
        ..Batch::default()
    }
}

/// Ends once the device's progress is this.
async fn comes_to(device: &mut DeviceStore, accepted: u64, durable: u64) {
    let clock = SystemClock::new();
    loop {
        let progress = device.sync(&clock);
        if (progress.accepted, progress.durable) == (accepted, durable) {
            return;
        }
        device.progressed().await;
    }
}

#[tokio::test]
async fn no_commit_waits_for_the_disk_and_what_came_meanwhile_is_one_group() {
    let (disk, script) = disk();
    let mut store = Store::on(disk, Contents::new());
    let mut device = device(&mut store, Retention::default());
    let clock = SystemClock::new();
    device.commit(batch(0), &clock);
    assert_eq!(script.write_begins(), 2);
    // That write has not ended while these are committed.
    let mut took: Vec<_> = (1..=10_000)
        .map(|number| {
            let began = Instant::now();
            device.commit(batch(number), &clock);
            began.elapsed()
        })
        .collect();
    took.sort();
    println!(
        "commit beside a blocked disk: p50 {:?}, p99 {:?}",
        took[5000], took[9900]
    );
    assert_eq!(device.sync(&clock).accepted, 0);
    script.fates.send(Fate::Well).unwrap();
    // One record for all of them.
    assert_eq!(script.write_begins(), 10_001);
    script.fates.send(Fate::Well).unwrap();
    comes_to(&mut device, 10_001, 10_001).await;
    assert_eq!(script.holding("record"), ["{\"record\":10000}"]);
}

#[tokio::test]
async fn a_failing_disk_keeps_no_batch_back_and_has_everything_once_it_works() {
    let (disk, script) = disk();
    let mut store = Store::on(disk, Contents::new());
    let mut device = device(&mut store, Retention::default());
    let clock = SystemClock::new();
    device.commit(batch(1), &clock);
    script.write_begins();
    device.commit(batch(2), &clock);
    script.fates.send(Fate::Fails).unwrap();
    comes_to(&mut device, 2, 0).await;
    device.commit(batch(3), &clock);
    comes_to(&mut device, 3, 0).await;
    script
        .reopened
        .lock()
        .unwrap()
        .push_back(Reopened::Intact(Contents::new()));
    // Three messages and one record.
    assert_eq!(script.write_begins(), 4);
    script.fates.send(Fate::Well).unwrap();
    comes_to(&mut device, 3, 3).await;
    assert_eq!(script.holding("telemetry").len(), 3);
    assert_eq!(script.holding("record"), ["{\"record\":3}"]);
}

#[tokio::test]
async fn a_disk_that_lost_everything_is_given_everything() {
    let (disk, script) = disk();
    let mut store = Store::on(disk, Contents::new());
    let mut device = device(&mut store, Retention::default());
    let clock = SystemClock::new();
    device.commit(batch(1), &clock);
    script.write_begins();
    script.fates.send(Fate::Well).unwrap();
    comes_to(&mut device, 1, 1).await;
    device.commit(dead_letter(1), &clock);
    script.write_begins();
    script.fates.send(Fate::Well).unwrap();
    comes_to(&mut device, 2, 2).await;
    device.commit(batch(2), &clock);
    script.write_begins();
    script.fates.send(Fate::Fails).unwrap();
    script
        .reopened
        .lock()
        .unwrap()
        .push_back(Reopened::Recreated);
    script.fates.send(Fate::Well).unwrap();
    // The fourth batch is everything once more.
    comes_to(&mut device, 4, 4).await;
    assert_eq!(script.holding("it failed").len(), 1);
    assert_eq!(script.holding("total").len(), 1);
    assert_eq!(script.holding("telemetry").len(), 2);
    assert_eq!(script.holding("record"), ["{\"record\":2}"]);
}

#[tokio::test]
async fn what_gave_way_before_it_was_written_leaves_no_trace() {
    let (disk, script) = disk();
    let mut store = Store::on(disk, Contents::new());
    let retention = Retention {
        count: 100,
        ..Retention::default()
    };
    let mut device = device(&mut store, retention);
    let clock = SystemClock::new();
    device.commit(batch(0), &clock);
    script.write_begins();
    for number in 1..=100_000 {
        device.commit(batch(number), &clock);
    }
    script.fates.send(Fate::Well).unwrap();
    // The messages left, the record, how many gave way, and that the first one is gone.
    assert_eq!(script.write_begins(), 103);
    script.fates.send(Fate::Well).unwrap();
    comes_to(&mut device, 100_001, 100_001).await;
    assert_eq!(script.holding("telemetry").len(), 100);
}

#[tokio::test]
async fn a_dead_letter_evicted_before_it_was_written_leaves_no_trace() {
    let (disk, script) = disk();
    let mut store = Store::on(disk, Contents::new());
    let mut device = device(&mut store, Retention::default());
    let clock = SystemClock::new();
    device.commit(batch(0), &clock);
    script.write_begins();
    for number in 1..=1000 {
        device.commit(dead_letter(number), &clock);
    }
    script.fates.send(Fate::Well).unwrap();
    // The newest hundred, and how many there ever were.
    assert_eq!(script.write_begins(), 101);
    script.fates.send(Fate::Well).unwrap();
    comes_to(&mut device, 1001, 1001).await;
    assert_eq!(script.holding("total"), [r#"{"total":1000,"evicted":900}"#]);
}

#[tokio::test]
async fn a_disk_that_stays_full_is_not_left_with_a_row_for_each_evicted_message() {
    let (disk, script) = disk();
    let mut store = Store::on(disk, Contents::new());
    let retention = Retention {
        count: 100,
        ..Retention::default()
    };
    let mut device = device(&mut store, retention);
    let clock = SystemClock::new();
    device.commit(batch(0), &clock);
    script.write_begins();
    for round in 0..3 {
        for number in 1..=1000 {
            device.commit(batch(1000 * round + number), &clock);
        }
        script
            .reopened
            .lock()
            .unwrap()
            .push_back(Reopened::Intact(Contents::new()));
        script.fates.send(Fate::Fails).unwrap();
        // The messages left, the record, and how many were evicted.
        assert!(script.write_begins() <= 103);
    }
    let failed = device.disk_status();
    assert!(failed.degraded_since.is_some());
    assert_eq!(failed.reason.as_deref(), Some("no space left"));
    script.fates.send(Fate::Well).unwrap();
    comes_to(&mut device, 3001, 3001).await;
    assert_eq!(script.holding("telemetry").len(), 100);
    assert_eq!(script.holding("record"), ["{\"record\":3000}"]);
}

#[tokio::test]
async fn a_store_whose_disk_fails_can_be_closed() {
    let (disk, script) = disk();
    let mut store = Store::on(disk, Contents::new());
    let mut device = device(&mut store, Retention::default());
    device.commit(batch(1), &SystemClock::new());
    script.write_begins();
    script.fates.send(Fate::Fails).unwrap();
    comes_to(&mut device, 1, 0).await;
    drop(store);
}
