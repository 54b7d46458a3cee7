//! Versions of a component in each other's place while the device runs.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in a test, to panic is to fail"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use end_to_end::{Device, HostCommand, Process, Signal, guest, sha256, thermostat, version};

/// Runs `sequence` with a message every 20 ms.
fn sequence(device: &Device) -> Process {
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .start();
    host.stdout.wait_for("Listening");
    host
}

fn steps(device: &Device) -> Vec<String> {
    let history = device.history();
    let steps = history
        .iter()
        .map(|entry| entry["step"].as_str().expect("a step"));
    steps.map(str::to_owned).collect()
}

#[test]
fn back_and_forth_nothing_is_lost_and_the_connection_stays() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = sequence(&device);
    let (a, b) = (
        device.version(&guest("sequence"), 1),
        device.version(&guest("sequence"), 2),
    );
    let done = AtomicBool::new(false);
    let answered = thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let mut answered = 0_u32;
            while !done.load(Ordering::Relaxed) {
                let number = answered.to_string();
                let reply = device.cloud.call(&["echo", &number]);
                assert_eq!((reply.status, reply.payload), (200, answered.into()));
                answered += 1;
            }
            answered
        });
        for file in [&a, &b, &a, &b] {
            device.swaps(file, &["--wait"]);
            assert_eq!(device.runs(), sha256(file));
        }
        done.store(true, Ordering::Relaxed);
        calling.join().expect("every command is answered")
    });
    assert!(answered > 10, "{answered} commands");
    let counted = device.cloud.call(&["count"]).payload.as_u64();
    let numbers = events.numbers(counted.expect("a number"));
    assert_eq!(numbers.twice, 0);
    let seen = events.seen();
    let sent: Vec<_> = seen
        .iter()
        .filter_map(|event| event["body"]["sequence"].as_u64())
        .collect();
    assert!(sent.is_sorted(), "in order");
    let connections = seen.iter().filter(|event| event["type"] == "connected");
    assert_eq!(
        connections.count(),
        1,
        "one connection from beginning to end"
    );
    assert_eq!(steps(&device), ["begun", "accepted"].repeat(4));
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_watched_file_takes_over_when_it_is_replaced_and_the_statistics_go_on() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let file = device.path("device.wasm");
    fs::copy(thermostat(), &file).expect("it can be copied");
    let mut host = device
        .host(&file)
        .arg("--watch")
        .arg("--telemetry-interval=100ms")
        .start();
    for _ in 0..5 {
        events.next("telemetry");
    }
    let before = device.cloud.call(&["getMaxMinReport"]).payload;
    let new = device.version(&thermostat(), 1);
    fs::rename(&new, &file).expect("it can be moved");
    host.stdout.wait_for("Swapped to thermostat");
    assert_eq!(device.runs(), sha256(&file));
    host.stdout.wait_for("Accepted thermostat");
    let after = device.cloud.call(&["getMaxMinReport"]).payload;
    assert_eq!(before["startTime"], after["startTime"]);
    assert!(after["maxTemp"].as_f64() >= before["maxTemp"].as_f64());

    // The same content again is no other version; written to instead of moved, it is.
    let bytes = fs::read(&file).expect("it can be read");
    fs::write(&file, &bytes).expect("it can be written");
    host.stderr.wait_for("this version runs already");
    fs::write(&file, version(&thermostat(), 2)).expect("it can be written");
    host.stdout.wait_for("Swapped to thermostat");
    assert_eq!(host.stop(), Some(0));
    let connections = events
        .seen()
        .into_iter()
        .filter(|event| event["type"] == "connected");
    assert_eq!(connections.count(), 1);
}

#[test]
fn a_hang_up_signal_takes_the_file_anew() {
    let device = Device::new();
    let file = device.path("device.wasm");
    fs::copy(guest("sequence"), &file).expect("it can be copied");
    let mut host = device.start(&file);
    fs::write(&file, version(&guest("sequence"), 1)).expect("it can be written");
    host.signal(Signal::HUP);
    host.stdout.wait_for("Swapped to sequence");
    assert_eq!(device.runs(), sha256(&file));
    device.entry("begun", "signal");
}

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
    assert!(last["undone"].as_u64() >= Some(1));
    host.stderr.wait_for("rolled back");
    assert_eq!(host.stop(), Some(0));

    // Started with the very file, the device stays with the version that works.
    let mut host = device.start(&bad);
    host.stderr.wait_for("the new version is refused");
    assert_eq!(device.runs(), good);
    device.swaps(&bad, &["--force"]);
    assert_eq!(device.runs(), sha256(&bad));
}

#[test]
fn roll_back_goes_to_the_version_before_and_says_so() {
    let device = Device::new();
    let _host = sequence(&device);
    let first = device.runs();
    let refused = device.operate(&["rollback"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("no earlier version"),
        "{}",
        refused.stderr
    );
    device.swaps(&device.version(&guest("sequence"), 1), &["--wait"]);
    assert_ne!(device.runs(), first);
    let back = device.operate(&["rollback"]);
    assert_eq!(back.code, 0, "{}", back.stderr);
    assert!(
        back.stdout.starts_with("back from sequence 0.1.0"),
        "{}",
        back.stdout
    );
    assert_eq!(device.runs(), first);
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
    host.stderr.wait_for("the version that ran goes on");
    assert_eq!(device.runs(), sha256(&swapped));
    assert_eq!(host.stop(), Some(0));
    fs::write(&file, "no component").expect("it can be written");
    let mut host = device.start(&file);
    host.stderr.wait_for("the version that ran goes on");
    assert_eq!(host.stop(), Some(0));

    // It is a new one: it takes over, on probation.
    fs::write(&file, version(&guest("sequence"), 2)).expect("it can be written");
    let mut host = device.host(&file).start();
    host.stdout.wait_for("Swapped to sequence");
    assert_eq!(device.runs(), sha256(&file));
    device.entry("begun", "start");
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
    assert!(device.status()["state"]["probation"].is_object());
    host.signal(Signal::KILL);
    host.wait();

    let _host = start();
    assert_eq!(device.runs(), first);
    device.entry("rolled-back", "host");
    let continued = ["continued"].repeat(4);
    assert_eq!(
        steps(&device),
        [&["begun"], &continued[..], &["rolled-back"]].concat()
    );
    assert_eq!(
        device.status()["quarantined"][0]["sha256"],
        sha256(&candidate)
    );
}

#[test]
fn a_record_that_is_not_understood_refuses_the_swap_unless_the_state_may_go() {
    let device = Device::new();
    let _host = device.start(&guest("sequence"));
    let refused = device.swap(&thermostat(), &[]);
    assert_eq!(refused.code, 1);
    for words in ["the record cannot be used", "--fresh-state"] {
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    device.swaps(&thermostat(), &["--fresh-state"]);
    assert_eq!(device.runs(), sha256(&thermostat()));
    let reply = device.cloud.call(&["getMaxMinReport"]);
    assert_eq!(reply.status, 200);
}

#[test]
fn a_new_version_takes_over_a_record_of_an_older_shape_and_an_older_version_does_not_misread_a_newer_one()
 {
    let device = Device::new();
    let mut events = device.cloud.events();
    let _host = sequence(&device);
    for _ in 0..5 {
        events.next("telemetry");
    }
    device.swaps(&guest("sequence_v2"), &["--wait"]);
    let counted = device.cloud.call(&["count"]).payload.as_u64();
    let numbers = events.numbers(counted.expect("a number") + 1);
    assert_eq!(numbers.twice, 0);
    let refused = device.operate(&["rollback"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("not of schema 1"),
        "{}",
        refused.stderr
    );
    assert_eq!(device.runs(), sha256(&guest("sequence_v2")));
}

#[test]
fn a_host_whose_program_was_replaced_still_compiles() {
    let device = Device::new();
    let program = device.path("host");
    fs::copy(HostCommand::program(), &program).expect("it can be copied");
    let mut host = device.host(&guest("sequence")).run_by(&program).start();
    host.stdout.wait_for("Listening");
    fs::remove_file(&program).expect("it is mine");
    // A version no other run has used, so that it is compiled.
    let new = device.version(&guest("sequence"), 1_000_000 + std::process::id());
    device.swaps(&new, &[]);
    assert_eq!(device.runs(), sha256(&new));
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
fn the_socket_is_for_its_owner_and_one_left_behind_is_no_harm() {
    let device = Device::new();
    let mut host = sequence(&device);
    let socket = device.state().join("control");
    let mode = fs::metadata(&socket)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    host.signal(Signal::KILL);
    host.wait();
    assert!(socket.exists(), "the host had no time to remove it");
    let unheard = device.operate(&["status"]);
    assert_eq!(unheard.code, 2);
    assert!(
        unheard
            .stderr
            .starts_with("error: no host runs with its state in"),
        "{}",
        unheard.stderr
    );
    let mut host = sequence(&device);
    assert_eq!(device.operate(&["status"]).code, 0);
    assert_eq!(host.stop(), Some(0));
    assert!(!socket.exists());

    // Something else in its place: the device runs without.
    fs::write(&socket, "mine").expect("it can be written");
    let mut host = sequence(&device);
    host.stderr.wait_for("cannot listen on the control socket");
    let unheard = device.operate(&["status"]);
    assert_eq!(unheard.code, 2);
    assert!(
        unheard.stderr.contains("no socket of this user's"),
        "{}",
        unheard.stderr
    );
    assert_eq!(host.stop(), Some(0));
    assert_eq!(fs::read_to_string(&socket).expect("it is there"), "mine");
}

#[test]
fn status_and_history_are_for_people_too() {
    let device = Device::new();
    let _host = sequence(&device);
    device.swaps(&device.version(&guest("sequence"), 1), &["--wait"]);
    let status = device.operate(&["status"]).stdout;
    for line in [
        "device     swapped-1",
        "hub        localhost:",
        "state      accepted",
        "runs       sequence 0.1.0 (",
    ] {
        assert!(status.contains(line), "{status}");
    }
    let history = device.operate(&["history"]).stdout;
    let lines: Vec<_> = history.lines().collect();
    assert_eq!(lines.len(), 2, "{history}");
    assert!(
        lines[0].contains("begun") && lines[0].contains("has taken over in"),
        "{history}"
    );
    assert!(lines[1].contains("is accepted"), "{history}");
}

#[test]
fn the_twin_is_told_what_runs_after_the_device_has_reported_its_own() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let _host = device
        .host(&thermostat())
        .arg("--report-host")
        .arg("--telemetry-interval=20ms")
        .start();
    let first = events.next("reported");
    assert!(
        first["patch"]["maxTempSinceLastReboot"].is_number(),
        "{first}"
    );
    let host = events.reported("host");
    assert_eq!(host["name"], "thermostat");
    assert_eq!(host["sha256"], sha256(&thermostat()));
    assert_eq!(host["__t"], "c");

    let new = device.version(&thermostat(), 1);
    device.swaps(&new, &["--wait"]);
    let begun = events.reported("host");
    assert_eq!(
        (&begun["lastSwapResult"], &begun["sha256"]),
        (&"begun".into(), &sha256(&new).into())
    );
    assert!(begun["lastSwapPause"].is_number());
    assert_eq!(events.reported("host")["lastSwapResult"], "accepted");
    assert_eq!(device.operate(&["rollback"]).code, 0);
    let back = events.reported("host");
    assert_eq!(back["lastSwapResult"], "rolled-back");
    assert_eq!(back["lastSwapReason"], "a roll-back was asked for");
    assert_eq!(back["sha256"], sha256(&thermostat()));
}
