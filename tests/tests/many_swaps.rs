//! Many swaps leave nothing behind. `SOAK=1` makes a thousand.

use std::{env, fs, path::Path, time::Instant};

use end_to_end::{Device, Holdings, guest};

/// Swaps of the short version, and of the long one. Each is to another version, which is compiled.
const SWAPS: (u32, u32) = (40, 1000);
/// Compiled components a host keeps at most.
const IMAGES: usize = 50;

fn count(path: &Path) -> usize {
    fs::read_dir(path).expect("it can be read").count()
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
            early = Some(Holdings::of(&host, &device.state()));
        }
        let version = device.version(&guest("sequence"), swap);
        device.swaps(&version, &[]);
        fs::remove_file(version).expect("it is mine");
    }
    let (early, late) = (
        early.expect("there were swaps"),
        Holdings::of(&host, &device.state()),
    );
    println!(
        "{swaps} swaps in {:?}\nafter a quarter {early:?}\nat the end      {late:?}",
        began.elapsed()
    );
    late.is_no_more_than(&early);
    let components = count(&device.state().join("components"));
    assert!(components <= 4, "the versions a device may need");
    assert!(count(&images) <= IMAGES, "images");
    assert!(device.history().len() <= 100);
}
