//! Many swaps leave nothing behind. `SOAK=1` makes a thousand.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in a test, to panic is to fail"
)]

use std::{env, fs, path::Path, time::Instant};

use end_to_end::{Device, Process, guest};

/// Swaps of the short version, and of the long one.
const SWAPS: (u32, u32) = (40, 1000);
/// Different versions among them.
const VERSIONS: u32 = 10;

/// What a process holds.
#[derive(Debug)]
struct Holdings {
    /// Resident memory, in KiB.
    memory: u64,
    descriptors: usize,
    threads: u64,
    children: usize,
    /// Of the state directory, in bytes.
    disk: u64,
    files: usize,
}

fn holdings(host: &Process, state: &Path) -> Holdings {
    let proc = format!("/proc/{}", host.id());
    let status = fs::read_to_string(format!("{proc}/status")).expect("it runs");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .expect("a number")
    };
    let count = |path: String| fs::read_dir(path).expect("it can be read").count();
    let children = fs::read_to_string(format!("{proc}/task/{}/children", host.id()));
    let components = fs::read_dir(state.join("components")).expect("it is there");
    let sizes: Vec<_> = components
        .map(|entry| {
            entry
                .and_then(|entry| entry.metadata())
                .expect("it is there")
                .len()
        })
        .collect();
    Holdings {
        memory: field("VmRSS:"),
        descriptors: count(format!("{proc}/fd")),
        threads: field("Threads:"),
        children: children.map_or(0, |text| text.split_whitespace().count()),
        disk: sizes.iter().sum(),
        files: sizes.len(),
    }
}

#[test]
fn memory_descriptors_children_and_disk_stay_as_they_are() {
    let swaps = match env::var_os("SOAK") {
        Some(_) => SWAPS.1,
        None => SWAPS.0,
    };
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .start();
    host.stdout.wait_for("Listening");
    let versions: Vec<_> = (0..VERSIONS)
        .map(|number| device.version(&guest("sequence"), number))
        .collect();
    let began = Instant::now();
    let mut early = None;
    for swap in 0..swaps {
        if swap == swaps / 4 {
            early = Some(holdings(&host, &device.state()));
        }
        device.swaps(&versions[(swap % VERSIONS) as usize], &[]);
    }
    let (early, late) = (
        early.expect("there were swaps"),
        holdings(&host, &device.state()),
    );
    println!(
        "{swaps} swaps in {:?}\nafter a quarter {early:?}\nat the end      {late:?}",
        began.elapsed()
    );
    assert!(late.memory < early.memory + early.memory / 5, "memory");
    // A connection of a `host swap` may not be closed yet.
    assert!(late.descriptors <= early.descriptors + 1, "descriptors");
    assert!(late.threads <= early.threads + 2, "threads");
    assert_eq!(late.children, 0);
    assert!(late.disk <= early.disk + early.disk / 2, "disk");
    assert!(late.files <= 4, "the versions a device may need");
    assert!(device.history().len() <= 100);
}
