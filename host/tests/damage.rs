//! A damaged database: it is moved away, or what it holds is true.

use std::{fs, panic, path::Path, sync::Arc, thread};

use host::{
    clock::{Clock, SystemClock},
    contract::effect::Schedule,
    hub::message::TelemetryMessage,
    store::{
        DeviceStore, PersistedState, Retention, StateDir,
        batch::{Batch, TimerChange},
        outbox::Outgoing,
        writer::{Store, THREAD_NAME},
    },
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;

const DEVICES: [&str; 3] = ["a", "b", "c"];
const BATCHES: u64 = 40;
const FILE: &str = "store.redb";

fn open(dir: &Path) -> Store {
    Store::open(StateDir::open(dir).unwrap()).unwrap()
}

fn message(device: &str, number: u64) -> TelemetryMessage {
    TelemetryMessage {
        id: format!("{device}-{number}"),
        created: "2026-01-02T03:04:05Z".parse().unwrap(),
        component: None,
        content_type: "application/json".to_owned(),
        content_encoding: "utf-8".to_owned(),
        properties: vec![],
        body: json!({ "number": number, "filler": "x".repeat(100) })
            .to_string()
            .into(),
    }
}

/// The batch of this number changes the record, a timer, and what is to be sent.
fn batch(device: &str, number: u64) -> Batch {
    let report = json!({ "max": number });
    Batch {
        record: Some(json!({ "device": device, "number": number }).to_string()),
        outgoing: vec![
            Outgoing::Telemetry(message(device, number)),
            Outgoing::Report(report.as_object().unwrap().clone()),
        ],
        timers: vec![TimerChange::Set(
            format!("timer {}", number % 5),
            Schedule::Every(std::time::Duration::from_secs(number + 1)),
        )],
        ..Batch::default()
    }
}

fn device(store: &mut Store, name: &str, clock: &dyn Clock) -> (PersistedState, DeviceStore) {
    let (kept, backend) = store.device(&Arc::from(name));
    let device = DeviceStore::new(backend, kept.clone(), Retention::default(), clock);
    (kept, device)
}

/// A directory with what three devices have left, each batch a commit of its own; and the database as it was while it
/// was open, as a loss of power leaves it.
async fn written(dir: &Path) -> Vec<u8> {
    let clock = SystemClock::new();
    let mut store = open(dir);
    let mut devices = DEVICES.map(|name| (name, device(&mut store, name, &clock).1));
    for number in 1..=BATCHES {
        for (name, device) in &mut devices {
            device.commit(batch(name, number), &clock);
            device.flush(&clock).await;
        }
    }
    fs::read(dir.join(FILE)).unwrap()
}

/// Whether this is what a device had left after one of its batches; a device that has nothing has begun anew.
fn is_true(name: &str, kept: &PersistedState) -> bool {
    let Some(record) = &kept.record else {
        return *kept == PersistedState::default();
    };
    let record: serde_json::Value = serde_json::from_str(record).unwrap();
    let number = record["number"].as_u64().unwrap();
    let messages: Vec<_> = kept
        .outbox
        .outgoing
        .iter()
        .filter_map(|(_, it)| match it {
            Outgoing::Telemetry(message) => Some(message.clone()),
            Outgoing::Report(_) => None,
        })
        .collect();
    let expected: Vec<_> = (1..=number).map(|number| message(name, number)).collect();
    record["device"] == name && messages == expected && kept.timers.len() as u64 == number.min(5)
}

/// Damages a file in one of the ways files are damaged.
fn damage(file: &mut Vec<u8>, random: &mut StdRng) -> &'static str {
    const PAGE: usize = 4096;
    let pages = file.len() / PAGE;
    let some_pages = |random: &mut StdRng| {
        let from = random.random_range(0..pages);
        let to = (from + random.random_range(1..=8)).min(pages);
        from * PAGE..to * PAGE
    };
    match random.random_range(0..6) {
        0 => {
            let range = some_pages(random);
            file[range].fill(0);
            "pages of zeros"
        }
        1 => {
            let range = some_pages(random);
            random.fill(&mut file[range]);
            "pages of garbage"
        }
        2 => {
            file.truncate(random.random_range(0..file.len()));
            "a lost tail"
        }
        3 => {
            for _ in 0..random.random_range(1..100) {
                let at = random.random_range(0..file.len());
                file[at] ^= 1 << random.random_range(0..8);
            }
            "flipped bits"
        }
        4 => {
            let at = random.random_range(0..512);
            file[at] ^= 1 << random.random_range(0..8);
            "a flipped bit in the header"
        }
        _ => {
            // A sector of another page: a write that went astray.
            let from = random.random_range(0..file.len() / 512) * 512;
            let to = random.random_range(0..file.len() / 512) * 512;
            file.copy_within(from..from + 512, to);
            "a stray sector"
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_is_moved_away_or_true_and_the_host_runs() {
    // The store's own thread deals with its panics.
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if thread::current().name() != Some(THREAD_NAME) {
            usual(panic);
        }
    }));
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    let open_file = written(&original).await;
    let closed_file = fs::read(original.join(FILE)).unwrap();
    let clock = SystemClock::new();
    let (mut moved, mut anew) = (0, 0);
    for seed in 0..300 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut file = match seed % 2 {
            0 => open_file.clone(),
            _ => closed_file.clone(),
        };
        let how = damage(&mut file, &mut random);
        let path = dir.path().join(seed.to_string());
        drop(StateDir::open(&path).unwrap());
        fs::write(path.join(FILE), &file).unwrap();

        let mut store = open(&path);
        let moved_away = fs::read_dir(&path).unwrap().any(|entry| {
            entry
                .unwrap()
                .file_name()
                .to_string_lossy()
                .contains("damaged")
        });
        moved += u32::from(moved_away);
        for name in DEVICES {
            let (kept, mut device) = device(&mut store, name, &clock);
            assert!(is_true(name, &kept), "seed {seed}, {how}: {kept:?}");
            let empty = kept == PersistedState::default();
            anew += u32::from(empty);
            assert!(
                empty == moved_away || file.is_empty(),
                "seed {seed}, {how}: moved away {moved_away}, anew {empty}"
            );
            device.commit(batch(name, 1), &clock);
            device.flush(&clock).await;
        }
        drop(store);
        let mut store = open(&path);
        for name in DEVICES {
            assert!(device(&mut store, name, &clock).0.record.is_some());
        }
        drop(store);
        fs::remove_dir_all(&path).unwrap();
    }
    println!("300 damaged databases: {moved} moved away, {anew} devices began anew");
    assert!(moved > 100, "{moved}");
}
