//! What happens to a device in a storm.

use std::fs;

use end_to_end::{Device, HostCommand, Signal, guest};

use super::Storm;

/// Lets something happen.
type Action = fn(&mut Storm);

/// What happens, and how often beside the rest.
pub(crate) const ACTIONS: &[(u64, Action)] = &[
    (6, good_swap),
    (5, bad_swap),
    (1, garbage_swap),
    (1, rollback),
    (1, retry),
    (2, kill),
    (1, restart),
    (3, lasting_fault),
    (3, one_shot_fault),
    (5, messages),
    (3, messages_on_probation),
    (3, desired),
    (2, command),
    (4, deadly_command),
];

/// Flaws of bad versions. With some goes the call that shows it.
const FLAWS: &[&str] = &[
    "init-error",
    "init-trap",
    "error",
    "leak",
    "trap:",
    "spin:",
    "flood:",
    "misapply:",
];
/// The calls of a run that show a flaw are below this one: before the probation can end.
const LAST_CALL: u64 = 12;
/// The most messages accepted versions queue in a round, and less than a flood.
const OUTBOX: &str = "700";
const LASTING: &[&[&str]] = &[
    &["black-hole"],
    &["black-hole", "--drop-connections"],
    &["withhold-acks"],
    &["delay-acks", "--delay", "300ms"],
    &["withhold-twin"],
    &["throttle-twin"],
    &["drop-desired"],
    &["duplicate-c2d"],
    &["refuse"],
    &["slow", "--latency", "100ms"],
];
const DURATIONS: &[&str] = &["500ms", "1500ms", "3s"];
const ONE_SHOT: &[&str] = &[
    "reset",
    "close",
    "mid-packet",
    "forget-sessions",
    "take-over",
    "expire-token",
    "stale-desired",
];
const DEADLY: &[&[&str]] = &[&["parse", "x"], &["error"], &["spin"]];

/// The host of the device, which begins with version 0.
pub(crate) fn host(device: &Device) -> HostCommand {
    device
        .host(&device.path("storm-0.wasm"))
        .set("interval", "50ms")
        .arg("--drain-rate=0")
        .env("HOST_PROBATION_TIME", "700ms")
        .env("HOST_PROBATION_EVENTS", "15")
        .env("HOST_OUTBOX_MAX_COUNT", OUTBOX)
        .env("HOST_KEEP_ALIVE", "5s")
        // Where other tests keep the machine busy, the time a call takes is no measure of what it computes.
        .arg("--limit=wall=60s")
}

/// Begins a command of the operator's at the device.
fn operate(storm: &mut Storm, host: HostCommand) {
    let host = host.state_dir(&storm.device.state());
    storm.pending.push(host.start());
}

fn swap(storm: &mut Storm, flaw: &str) {
    storm.version += 1;
    storm.tell(&format!("swap to {}: {flaw}", storm.version));
    let file = storm.device.storm(flaw, storm.version);
    operate(storm, HostCommand::bare().arg("swap").arg(file));
}

fn good_swap(storm: &mut Storm) {
    swap(storm, "none");
}

fn bad_swap(storm: &mut Storm) {
    let flaw = *storm.moments.one(FLAWS);
    let call = 2 + storm.moments.below(LAST_CALL - 2);
    match flaw.ends_with(':') {
        true => swap(storm, &format!("{flaw}{call}")),
        false => swap(storm, flaw),
    }
}

fn garbage_swap(storm: &mut Storm) {
    let length = storm.moments.below(100_000) as usize;
    storm.tell(&format!("swap to {length} bytes of a component"));
    let mut bytes = fs::read(guest("storm")).expect("it can be read");
    bytes.truncate(length);
    let file = storm.device.path("garbage.wasm");
    fs::write(&file, bytes).expect("it can be written");
    operate(storm, HostCommand::bare().arg("swap").arg(file));
}

fn rollback(storm: &mut Storm) {
    storm.tell("rollback");
    operate(storm, HostCommand::bare().arg("rollback"));
}

fn retry(storm: &mut Storm) {
    storm.tell("outbox --retry all");
    operate(
        storm,
        HostCommand::bare().arg("outbox").arg("--retry").arg("all"),
    );
}

fn kill(storm: &mut Storm) {
    storm.tell("kill");
    storm.host.signal(Signal::KILL);
    storm.host.wait();
    storm.host = host(&storm.device).start();
}

fn restart(storm: &mut Storm) {
    storm.tell("restart");
    storm.host.stop();
    storm.host = host(&storm.device).start();
}

fn lasting_fault(storm: &mut Storm) {
    let fault = *storm.moments.one(LASTING);
    let duration = *storm.moments.one(DURATIONS);
    storm.tell(&format!("{} for {duration}", fault.join(" ")));
    storm
        .device
        .cloud
        .fault(&[fault, &["--duration", duration]].concat());
}

fn one_shot_fault(storm: &mut Storm) {
    let fault = *storm.moments.one(ONE_SHOT);
    storm.tell(fault);
    storm.device.cloud.fault(&[fault]);
}

fn messages(storm: &mut Storm) {
    let count = 1 + storm.moments.below(4);
    storm.tell(&format!("{count} messages after {}", storm.sent));
    for _ in 0..count {
        storm.device.cloud.send(&[&(storm.sent + 1).to_string()]);
        storm.sent += 1;
    }
}

/// Sends messages once a swap has come to its end, in time for a version on probation, which is withdrawn or not.
fn messages_on_probation(storm: &mut Storm) {
    let flaw = *storm.moments.one(&["none", "trap:12", "forget:12"]);
    swap(storm, flaw);
    if let Some(mut swap) = storm.pending.pop() {
        swap.wait();
    }
    messages(storm);
    if flaw.starts_with("forget") {
        // The next swap would take over the record in which the messages are not counted.
        storm.decided();
    }
}

fn desired(storm: &mut Storm) {
    storm.desired += 1;
    let name = format!("goal{}", storm.moments.below(4));
    storm.tell(&format!("desired {name}: {}", storm.desired));
    let value = storm.desired.to_string();
    let set = ["set", "--no-wait", &name, &value];
    assert_eq!(storm.device.cloud.operate(&set).code, 0);
}

fn call(storm: &mut Storm, command: &[&str]) {
    storm.tell(&format!("command {}", command.join(" ")));
    let call = [&["call", "--timeout", "5"], command].concat();
    storm.pending.push(storm.device.cloud.begin(&call));
}

fn command(storm: &mut Storm) {
    call(storm, &["parse", "1"]);
}

fn deadly_command(storm: &mut Storm) {
    let command = *storm.moments.one(DEADLY);
    call(storm, command);
}
