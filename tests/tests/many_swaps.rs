//! Many swaps leave nothing behind. `SOAK=1` makes a thousand.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in a test, to panic is to fail"
)]

use std::{env, fs, path::Path, time::Instant};

use end_to_end::{Device, Process, guest};

/// Swaps of the short version, and of the long one. Each is to another version, which is compiled.
const SWAPS: (u32, u32) = (40, 1000);
/// Compiled components a host keeps at most.
const IMAGES: usize = 50;

/// What a process holds.
#[derive(Debug)]
struct Holdings {
    /// Resident memory, in KiB.
    memory: u64,
    descriptors: usize,
    threads: u64,
    processes: usize,
    /// Of the state directory, in bytes.
    state: u64,
    components: usize,
    images: usize,
}

fn holdings(host: &Process, state: &Path, images: &Path) -> Holdings {
    let proc = format!("/proc/{}", host.id());
    let status = fs::read_to_string(format!("{proc}/status")).expect("it runs");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    };
    let count = |path: &Path| fs::read_dir(path).expect("it can be read").count();
    Holdings {
        memory: field("VmRSS:"),
        descriptors: count(format!("{proc}/fd").as_ref()),
        threads: field("Threads:"),
        processes: host.descendants().len(),
        state: bytes(state),
        components: count(&state.join("components")),
        images: count(images),
    }
}

/// How much the files in a folder and its folders are together.
fn bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).expect("it can be read");
    let sizes = entries.map(|entry| {
        let entry = entry.expect("it is there");
        let metadata = entry.metadata().expect("it is there");
        match metadata.is_dir() {
            true => bytes(&entry.path()),
            false => metadata.len(),
        }
    });
    sizes.sum()
}

#[test]
fn memory_descriptors_processes_and_disk_stay_as_they_are() {
    let swaps = match env::var_os("SOAK") {
        Some(_) => SWAPS.1,
        None => SWAPS.0,
    };
    let device = Device::new();
    let images = device.path("images");
    let mut host = device
        .host(&guest("sequence"))
        .env("HOST_CACHE_DIR", &images)
        .set("interval", "20ms")
        .start();
    host.stdout.wait_for("Listening");
    let began = Instant::now();
    let mut early = None;
    for swap in 0..swaps {
        if swap == swaps / 4 {
            early = Some(holdings(&host, &device.state(), &images));
        }
        let version = device.version(&guest("sequence"), swap);
        device.swaps(&version, &[]);
        fs::remove_file(version).expect("it is mine");
    }
    let (early, late) = (
        early.expect("there were swaps"),
        holdings(&host, &device.state(), &images),
    );
    println!(
        "{swaps} swaps in {:?}\nafter a quarter {early:?}\nat the end      {late:?}",
        began.elapsed()
    );
    assert!(late.memory < early.memory + early.memory / 5, "memory");
    // A connection of a `host swap` may not be closed yet.
    assert!(late.descriptors <= early.descriptors + 1, "descriptors");
    assert!(late.threads <= early.threads + 2, "threads");
    assert_eq!(late.processes, 0, "{:?}", host.descendants());
    assert!(late.state <= early.state + early.state / 2, "disk");
    assert!(late.components <= 4, "the versions a device may need");
    assert!(late.images <= IMAGES, "images");
    assert!(device.history().len() <= 100);
}
