//! A host that is killed at any moment: what it had accepted is sent by the next one.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "in a test, to panic is to fail"
)]

use std::{
    env,
    path::Path,
    thread,
    time::{Duration, Instant, SystemTime},
};

use end_to_end::{Cloud, Events, HostCommand, Process, Signal, guest};

/// The most messages a killed host may bring twice.
const WINDOW: usize = 32;

/// Kills of the short version, and of the long one (`SOAK=1`).
const KILLS: (usize, usize) = (5, 300);

fn host(cloud: &Cloud, state: &Path) -> Process {
    HostCommand::of(&guest("sequence"))
        .set("interval", "20ms")
        .arg("--drain-rate=0")
        .enrolled(cloud, "s-1")
        .state_dir(state)
        .start()
}

/// Random moments: xorshift, seeded by the clock, because any moment will do.
struct Moments(u64);

impl Moments {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let seed = now.map_or(1, |time| time.as_nanos() as u64) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
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
            .arg("-v")
            .enrolled(&cloud, "f-1")
            .state_dir(state.path())
            .start()
    };
    let mut host = start();
    host.stdout.wait_for("Listening");
    let mut call = cloud.begin(&["call", "spin"]);
    // It spins for a second before it is stopped.
    host.stderr.wait_for("handing a command over");
    host.signal(Signal::KILL);
    host.wait();
    let mut host = start();
    host.stdout.wait_for("Listening");
    let reply = cloud.call(&["ok"]);
    assert_eq!(reply.payload["done"], "ok");
    assert_ne!(call.wait().code(), Some(0));
    call.stderr
        .wait_for("closed its connection before it answered");
    assert!(!host.stderr.text().contains("spin"), "it is not run again");
}

#[test]
fn numbers_are_gapless_however_often_the_host_is_killed() {
    let kills = match env::var_os("SOAK") {
        Some(_) => KILLS.1,
        None => KILLS.0,
    };
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
