//! Which version runs after a start.

use std::fs;

use end_to_end::{Device, Signal, guest, sha256, thermostat, version};

use super::{sequence, steps};

#[test]
fn a_bad_version_goes_back_by_itself_and_stays_away_over_a_restart() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = sequence(&device);
    events.next("telemetry");
    let good = device.runs();
    let bad = device.path("bad.wasm");
    fs::copy(guest("faulty"), &bad).expect("it can be copied");
    device.swaps(&bad, &[]);
    // What made the new version trap is answered by the old one.
    let reply = device.cloud.call(&["trap"]);
    assert_eq!(reply.status, 404, "{reply:?}");
    assert_eq!(device.runs(), good);
    let last = device.entry("rolled-back", "host");
    assert!(
        last["reason"]
            .as_str()
            .expect("a reason")
            .contains("unreachable")
    );
    assert!(last["undoneBatches"].as_u64() >= Some(1));
    host.stderr.wait_for("rolled back");
    assert_eq!(host.stop(), Some(0));

    // Started with the very file and settings, the device stays with the version that works.
    let mut host = device.host(&bad).set("interval", "20ms").start();
    host.stderr.wait_for("swap rejected");
    assert_eq!(device.runs(), good);
    device.swaps(&bad, &["--force"]);
    assert_eq!(device.runs(), sha256(&bad));
}

#[test]
fn a_restart_goes_on_with_what_was_accepted_and_a_new_file_takes_over() {
    let device = Device::new();
    let file = device.path("device.wasm");
    fs::copy(guest("sequence"), &file).expect("it can be copied");
    let mut host = device.start(&file);
    let swapped = device.version(&guest("sequence"), 1);
    device.swaps(&swapped, &["--wait"]);
    assert_eq!(host.stop(), Some(0));

    // The file is as it was: what was accepted goes on.
    let mut host = device.start(&file);
    assert_eq!(device.runs(), sha256(&swapped));
    assert_eq!(host.stop(), Some(0));

    // It is gone, or nothing a host can use: the same.
    fs::remove_file(&file).expect("it is there");
    let mut host = device.start(&file);
    host.stderr.wait_for("running the accepted version");
    assert_eq!(device.runs(), sha256(&swapped));
    assert_eq!(host.stop(), Some(0));
    fs::write(&file, "no component").expect("it can be written");
    let mut host = device.start(&file);
    host.stderr.wait_for("running the accepted version");
    assert_eq!(host.stop(), Some(0));

    // It is a new one: it takes over, on probation.
    fs::write(&file, version(&guest("sequence"), 2)).expect("it can be written");
    let mut host = device.host(&file).start();
    host.stdout.wait_for("Swapped to sequence");
    assert_eq!(device.runs(), sha256(&file));
    device.entry("started", "start");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_version_whose_process_is_killed_twice_on_probation_is_rolled_back() {
    let device = Device::new();
    let start = || {
        let mut host = device
            .host(&guest("sequence"))
            .env("HOST_PROBATION_TIME", "1h")
            .start();
        host.stdout.wait_for("Listening");
        host
    };
    let mut host = start();
    let first = device.runs();
    let candidate = device.version(&guest("sequence"), 1);
    device.swaps(&candidate, &[]);
    // An end that was asked for says nothing against it.
    for _ in 0..3 {
        assert_eq!(host.stop(), Some(0));
        host = start();
        assert_eq!(device.runs(), sha256(&candidate));
    }
    host.signal(Signal::KILL);
    host.wait();

    let mut host = start();
    assert_eq!(device.runs(), sha256(&candidate), "it is tried once more");
    let status = device.status();
    assert!(status["probation"].is_object());
    assert_eq!(status["steps"]["resumed"], 1);
    host.signal(Signal::KILL);
    host.wait();

    let _host = start();
    assert_eq!(device.runs(), first);
    device.entry("rolled-back", "host");
    let resumed = ["resumed"].repeat(4);
    assert_eq!(
        steps(&device),
        [&["started"], &resumed[..], &["rolled-back"]].concat()
    );
    assert_eq!(
        device.status()["quarantined"][0]["sha256"],
        sha256(&candidate)
    );
}

#[test]
fn a_damaged_or_lost_component_is_made_up_for() {
    let device = Device::new();
    let file = guest("sequence");
    let mut host = device.start(&file);
    let candidate = device.version(&file, 1);
    device.swaps(&candidate, &["--wait"]);
    assert_eq!(host.stop(), Some(0));
    let kept = device
        .state()
        .join(format!("components/{}.wasm", sha256(&candidate)));
    fs::write(&kept, "damaged").expect("it is mine");
    let mut host = device.start(&file);
    host.stderr.wait_for("rolled back");
    assert_eq!(device.runs(), sha256(&file), "the version before");
    let status = device.status();
    assert_eq!(
        status["quarantined"],
        serde_json::json!([]),
        "a copy is no version"
    );
    assert_eq!(status["steps"]["rolled-back"], 1, "it is counted");
    assert_eq!(host.stop(), Some(0));
    fs::remove_dir_all(device.state().join("components")).expect("it is mine");
    let host = device.start(&device.version(&file, 2));
    assert_eq!(
        device.runs(),
        sha256(&device.path("sequence-2.wasm")),
        "the file"
    );
    drop(host);
}

#[test]
fn a_version_this_machine_cannot_load_at_the_moment_is_not_withdrawn() {
    let device = Device::new();
    let images = device.path("images");
    let start = || {
        device
            .host(&guest("sequence"))
            .env("HOST_CACHE_DIR", &images)
            .start()
    };
    let mut host = start();
    host.stdout.wait_for("Listening");
    let accepted = device.version(&guest("sequence"), 1);
    device.swaps(&accepted, &["--wait"]);
    assert_eq!(host.stop(), Some(0));

    let away = device.path("away");
    fs::rename(&images, &away).expect("it is mine");
    fs::write(&images, "no directory").expect("it is mine");
    let mut host = start();
    host.stderr.wait_for("cannot load version");
    assert_eq!(host.stop(), Some(0), "it can be ended");
    let mut host = start();
    host.stderr.wait_for("cannot load version");
    fs::remove_file(&images).expect("it is mine");
    fs::rename(&away, &images).expect("it is mine");
    host.stdout.wait_for("Listening");
    assert_eq!(device.runs(), sha256(&accepted));
    assert_eq!(steps(&device), ["started", "accepted"]);
    assert_eq!(
        device.operate(&["rollback"]).code,
        0,
        "the one before is there, too"
    );
}

#[test]
fn settings_the_component_refuses_at_a_restart_cost_nothing_but_a_line() {
    let device = Device::new();
    let host = |interval: &str| {
        device
            .host(&thermostat())
            .set("telemetry-interval", interval)
    };
    let mut first = host("200ms").start();
    first.stdout.wait_for("Sent message");
    assert_eq!(first.stop(), Some(0));

    let mut second = host("soon").start();
    let line = second.stderr.wait_for("refuses its settings");
    for words in ["\"soon\"", "--set", "HOST_SET"] {
        assert!(line.contains(words), "no {words:?} in: {line}");
    }
    // With the interval of before, at most every 8 s otherwise.
    for _ in 0..10 {
        second.stdout.wait_for("Sent message");
    }
    assert_eq!(steps(&device), [""; 0], "that is no failure of the version");
    assert_eq!(second.stop(), Some(0));

    let mut third = host("100ms").start();
    third.stdout.wait_for("Sent message");
    assert_eq!(third.stop(), Some(0));
    assert!(!third.stderr.text().contains("refuses its settings"));
}

#[test]
fn a_new_version_starts_with_the_settings_that_the_old_one_refuses() {
    let device = Device::new();
    let mut first = device.host(&thermostat()).start();
    first.stdout.wait_for("Sent message");
    assert_eq!(first.stop(), Some(0));

    let mut second = device
        .host(&guest("sequence"))
        .set("interval", "50ms")
        .arg("--fresh-state")
        .arg("--allow-model-change")
        .start();
    second.stderr.wait_for("refuses its settings");
    device.entry("started", "start");
    assert_eq!(device.runs(), sha256(&guest("sequence")));
    assert_eq!(second.stop(), Some(0));
}
