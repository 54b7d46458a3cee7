//! A host that is killed at any moment: what it had accepted is sent by the next one.

use std::{
    collections::BTreeSet,
    env,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use end_to_end::{Cloud, Device, Events, HostCommand, Moments, Process, Signal, guest, sha256};

/// The most messages a killed host may bring twice.
const WINDOW: usize = 32;

/// Kills of the short version, and of the long one (`SOAK=1`).
const KILLS: (usize, usize) = (5, 300);
const KILLS_IN_SWAPS: (usize, usize) = (5, 200);

fn host(cloud: &Cloud, state: &Path) -> Process {
    HostCommand::of(&guest("sequence"))
        .set("interval", "20ms")
        .arg("--drain-rate=0")
        .enrolled(cloud, "s-1")
        .state_dir(state)
        .start()
}

/// Numbers sent before the first swap: no roll-back goes behind them.
const SURE: u64 = 5;

fn of((short, long): (usize, usize)) -> usize {
    match env::var_os("SOAK") {
        Some(_) => long,
        None => short,
    }
}

/// Waits for so many further messages.
fn messages(events: &mut Events, count: u64) {
    for _ in 0..count {
        events.next("telemetry");
    }
}

#[test]
fn a_command_in_hand_at_the_kill_fails_at_the_service_and_is_answered_nowhere() {
    let state = tempfile::tempdir().expect("a directory for the state");
    let cloud = Cloud::start();
    let start = || {
        HostCommand::of(&guest("faulty"))
            .arg("-vv")
            .enrolled(&cloud, "f-1")
            .state_dir(state.path())
            .start()
    };
    let mut host = start();
    host.stdout.wait_for("Listening");
    let mut call = cloud.begin(&["call", "spin"]);
    // It spins for a second before it is stopped.
    host.stderr.wait_for("dispatching command");
    host.signal(Signal::KILL);
    host.wait();
    let mut host = start();
    host.stdout.wait_for("Listening");
    let reply = cloud.call(&["ok"]);
    assert_eq!(reply.payload["done"], "ok");
    assert_ne!(call.wait().code(), Some(0));
    call.stderr.wait_for("disconnected before it responded");
    assert!(!host.stderr.text().contains("spin"), "it is not run again");
}

#[test]
fn numbers_are_gapless_however_often_the_host_is_killed() {
    let kills = of(KILLS);
    let state = tempfile::tempdir().expect("a directory for the state");
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let mut moments = Moments::new();
    let began = Instant::now();
    let mut host_now = host(&cloud, state.path());
    for kill in 1..=kills {
        // From before it is connected to well into its work.
        messages(&mut events, moments.below(30));
        thread::sleep(Duration::from_micros(moments.below(40_000)));
        host_now.signal(Signal::KILL);
        host_now.wait();
        host_now = host(&cloud, state.path());
        if kill % 25 == 0 {
            println!("{kill} kills after {:?}", began.elapsed());
        }
    }
    host_now.stdout.wait_for("Listening");
    let counted = cloud.call(&["count"]).payload.as_u64().expect("a number");
    let numbers = events.numbers(counted);
    println!(
        "{kills} kills: {} numbers, none missing, {} twice, in {:?}",
        numbers.highest,
        numbers.twice,
        began.elapsed()
    );
    assert!(
        numbers.twice <= kills * WINDOW,
        "{} came twice",
        numbers.twice
    );
    assert_eq!(host_now.stop(), Some(0));
}

#[test]
fn a_host_killed_in_a_swap_starts_again_with_a_version_that_works_and_its_state() {
    let kills = of(KILLS_IN_SWAPS);
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut moments = Moments::new();
    let base = guest("sequence");
    // New ones in each run, so that they are compiled.
    let first = moments.below(1 << 20) as u32;
    let versions: Vec<_> = (first..first + 6)
        .map(|number| device.version(&base, number))
        .collect();
    // Half of them are compiled already: a kill ends a compilation, and the next swap begins it anew.
    for file in &versions[..3] {
        let compiled = HostCommand::bare().arg("compile").arg(file).to_its_end();
        assert_eq!(compiled.code, 0, "{}", compiled.stderr);
    }
    let known: Vec<_> = versions
        .iter()
        .chain([&base])
        .map(|file| sha256(file))
        .collect();
    let start = || {
        let host = device.host(&base).set("interval", "20ms");
        let mut host = host.arg("--drain-rate=0").start();
        host.stdout.wait_for("Listening");
        host
    };
    let (mut host, began) = (start(), Instant::now());
    messages(&mut events, SURE);
    let mut counted = SURE;
    let mut last_roll_back = None;
    for kill in 1..=kills {
        let file = &versions[moments.below(6) as usize];
        let mut swap = HostCommand::bare()
            .arg("swap")
            .arg(file)
            // What was withdrawn because it was killed twice is taken all the same.
            .arg("--force")
            .state_dir(&device.state())
            .start();
        // From before it is read to well after it has taken over.
        thread::sleep(Duration::from_micros(moments.below(match kill % 2 {
            0 => 8_000,
            _ => 200_000,
        })));
        host.signal(Signal::KILL);
        host.wait();
        swap.wait();
        host = start();
        assert!(known.contains(&device.runs()));
        let count = device
            .cloud
            .call(&["count"])
            .payload
            .as_u64()
            .expect("a number");
        // A roll-back brings the record of the version before back, and only that.
        let history = device.history();
        let roll_back = history.iter().rfind(|entry| entry["step"] == "rolled-back");
        let roll_back = roll_back.map(|entry| entry["time"].clone());
        let least = match roll_back == last_roll_back {
            true => counted,
            false => SURE,
        };
        assert!(count >= least, "{count} after {counted}: {history:#?}");
        (counted, last_roll_back) = (count, roll_back);
        if kill % 25 == 0 {
            println!("{kill} kills after {:?}", began.elapsed());
        }
    }
    // A roll-back may bring numbers again, but leaves none out.
    let mut numbers: BTreeSet<_> = (1..=SURE).collect();
    events.find("all numbers", |event| {
        numbers.extend(event["body"]["sequence"].as_u64());
        (1..=counted)
            .all(|number| numbers.contains(&number))
            .then_some(())
    });
    let steps = |step| {
        device
            .history()
            .iter()
            .filter(|entry| entry["step"] == step)
            .count()
    };
    println!(
        "{kills} kills: {counted} numbers, none missing; of the last 100 steps {} started, {} resumed, {} rolled back; {:?}",
        steps("started"),
        steps("resumed"),
        steps("rolled-back"),
        began.elapsed()
    );
    if kills >= KILLS_IN_SWAPS.1 {
        // So many kills meet every moment.
        assert!(steps("started") > 0 && steps("resumed") > 0);
    }
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn what_a_killed_host_has_left_can_be_looked_at_before_it_is_started_again() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let dir = tempfile::TempDir::new().expect("a directory");
    let mut host = host(&cloud, dir.path());
    messages(&mut events, 20);
    host.signal(Signal::KILL);
    host.wait();
    for command in ["outbox", "state", "history"] {
        let looked = HostCommand::bare().state_dir(dir.path()).arg(command);
        let answer = looked.to_its_end();
        assert_eq!(answer.code, 0, "{command}: {}", answer.stderr);
    }
}
