//! Files that are no version a device can take.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use end_to_end::{Device, HostCommand, PATIENCE, Process, Signal, guest, large, thermostat};
use rustix::fs::{CWD, FileType, Mode, mknodat};

/// `host swap` with this file ends with 1 and one line with these words on standard error.
fn refused(device: &Device, file: &Path, words: &[&str]) {
    let answer = device.swap(file, &[]);
    assert_eq!(answer.code, 1, "{}{}", answer.stdout, answer.stderr);
    let lines: Vec<_> = answer.stderr.lines().collect();
    let [line] = &lines[..] else {
        panic!("one line, not {lines:#?}")
    };
    for word in [&["error: swap rejected: "], words].concat() {
        assert!(line.contains(word), "no {word:?} in: {line}");
    }
}

#[test]
fn what_cannot_take_over_is_refused_by_name_and_the_device_never_notices() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .start();
    host.stdout.wait_for("Listening");
    let before = device.runs();
    let whole = fs::read(guest("sequence")).expect("it can be read");

    let file = device.path("half.wasm");
    fs::write(&file, &whole[..whole.len() / 2]).expect("it can be written");
    refused(&device, &file, &["half.wasm", "cannot compile"]);
    fs::write(&file, &whole[..100]).expect("it can be written");
    refused(&device, &file, &["half.wasm", "cannot compile"]);
    fs::write(&file, "").expect("it can be written");
    refused(&device, &file, &["not a WebAssembly component"]);
    let large = File::create(&file).expect("it can be made");
    large.set_len(1 << 30).expect("it takes no room");
    refused(&device, &file, &["larger than 64 MiB"]);

    refused(&device, &device.path(""), &["not a file"]);
    let link = device.path("link.wasm");
    symlink(device.path("nowhere"), &link).expect("it can be made");
    refused(&device, &link, &["no such file"]);
    let fifo = device.path("fifo.wasm");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).expect("it can be made");
    refused(&device, &fifo, &["not a file"]);

    refused(
        &device,
        &guest("wrong_world"),
        &["incompatible world", "does not export"],
    );
    let words = ["TemperatureController;1", "--allow-model-change"];
    refused(&device, &guest("components"), &words);
    refused(&device, &guest("init_err"), &["start failed"]);
    refused(
        &device,
        &guest("init_trap"),
        &["start failed", "unreachable"],
    );
    refused(&device, &thermostat(), &["unknown setting"]);

    let same = device.swap(&guest("sequence"), &[]);
    assert_eq!(same.code, 0);
    assert!(
        same.stdout.contains("is already running"),
        "{}",
        same.stdout
    );

    assert_eq!(device.runs(), before);
    let counted = device.cloud.call(&["count"]).payload.as_u64();
    let numbers = events.numbers(counted.expect("a number"));
    assert_eq!(numbers.twice, 0);
    assert_eq!(events.connections(), 1);
}

#[test]
fn a_component_that_compiles_for_too_long_is_refused_and_a_newer_one_does_not_wait_for_it() {
    let device = Device::new();
    let file = device.path("large.wasm");
    fs::write(&file, large(std::process::id())).expect("it can be written");
    let mut host = device
        .host(&guest("sequence"))
        .arg("--limit=compile-time=1s")
        .start();
    host.stdout.wait_for("Listening");
    refused(
        &device,
        &file,
        &["cannot compile", "longer than 1 s", "compile-time"],
    );
    assert_eq!(device.cloud.call(&["count"]).status, 200);
    assert_eq!(host.stop(), Some(0));

    let mut host = device.start(&guest("sequence"));
    let mut older = HostCommand::bare()
        .arg("swap")
        .arg(&file)
        .state_dir(&device.state())
        .start();
    host.stderr.wait_for("compiling component");
    compiles(&host, true);
    let newer = device.version(&guest("sequence"), 1);
    device.swaps(&newer, &[]);
    assert_eq!(older.wait().code(), Some(1));
    older
        .stderr
        .wait_for("a newer version was requested during preparation");
    compiles(&host, false);
}

/// Waits until a compiler runs for the host, or until none does, and returns the processes it has.
fn compiles(host: &Process, wanted: bool) -> Vec<u32> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let descendants = host.descendants();
        let compiling = descendants
            .iter()
            .any(|(_, it)| it.starts_with("host compile "));
        if compiling == wanted {
            return descendants.into_iter().map(|(id, _)| id).collect();
        }
        assert!(Instant::now() < deadline, "{descendants:?}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_compiler_ends_with_a_host_that_is_killed() {
    let device = Device::new();
    let file = device.path("large.wasm");
    fs::write(&file, large(std::process::id() + 1)).expect("it can be written");
    let mut host = device.start(&guest("sequence"));
    let mut swap = HostCommand::bare()
        .arg("swap")
        .arg(&file)
        .state_dir(&device.state())
        .start();
    let compilers = compiles(&host, true);
    // Once it has been given the component, and has bounded itself, it works for a minute.
    let deadline = Instant::now() + PATIENCE;
    let limits = |id: &u32| fs::read_to_string(format!("/proc/{id}/limits"));
    let is_bounded = |id: &u32| {
        limits(id).is_ok_and(|limits| {
            let mut lines = limits.lines();
            lines.any(|line| line.starts_with("Max cpu time") && line.contains(" 120 "))
        })
    };
    while !compilers.iter().any(is_bounded) {
        assert!(Instant::now() < deadline, "it does not bound itself");
        thread::sleep(Duration::from_millis(5));
    }
    host.signal(Signal::KILL);
    host.wait();
    swap.wait();
    // Far less than it would take to end by itself.
    let deadline = Instant::now() + PATIENCE / 20;
    let runs = |id: &u32| {
        let command = fs::read_to_string(format!("/proc/{id}/cmdline"));
        command.is_ok_and(|command| command.starts_with("host\0compile"))
    };
    while compilers.iter().any(runs) {
        assert!(Instant::now() < deadline, "it goes on without a host");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn of_two_swaps_at_once_the_newer_counts_and_the_older_is_told() {
    let device = Device::new();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        // So long that none is accepted before the last has been asked for.
        .env("HOST_PROBATION_TIME", "5s")
        .start();
    host.stdout.wait_for("Listening");
    let files: Vec<_> = (1..=4)
        .map(|number| device.version(&guest("sequence"), number))
        .collect();
    let answers: Vec<_> = thread::scope(|scope| {
        let asking: Vec<_> = files
            .iter()
            .map(|file| scope.spawn(|| device.swap(file, &["--wait"])))
            .collect();
        asking
            .into_iter()
            .map(|asking| asking.join().expect("it ends"))
            .collect()
    });
    let runs = device.runs();
    let mut accepted = 0;
    for (file, answer) in files.iter().zip(&answers) {
        if answer.code == 0 {
            accepted += 1;
            assert_eq!(runs, end_to_end::sha256(file));
        } else {
            assert_eq!(answer.code, 1);
            assert!(answer.stderr.contains("was requested"), "{}", answer.stderr);
        }
    }
    assert_eq!(accepted, 1, "the newest, and it alone");
    let ends = device.history();
    let ends = ends.iter().filter(|entry| entry["step"] == "accepted");
    assert_eq!(ends.count(), 1);
    assert_eq!(host.stop(), Some(0));
}
