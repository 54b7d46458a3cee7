//! What the cloud bears: 5,000 messages a second of 1,000 devices, and what an operator notices of them.

use std::fs;

use end_to_end::{Cloud, Load};
use serde_json::Value;

const DEVICES: &str = "1000";
const RATE: &str = "5000";
const DURATION: &str = "30s";
/// A twin is shown within this meanwhile, 99 times of 100, in milliseconds.
const GOAL: f64 = 50.0;
/// What the cloud may take at most, in MB.
const MEMORY: f64 = 200.0;

/// A figure of the cloud's memory, in MB: what it takes now, or has taken at most.
fn memory(cloud: &Cloud, figure: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", cloud.process.id()));
    let status = status.expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.expect("a number") * 1024.0 / 1e6
}

fn milliseconds(load: &Load, of: &str, figure: &str) -> f64 {
    load.0
        .pointer(&format!("{of}/{figure}"))
        .and_then(Value::as_f64)
        .expect("a number")
}

fn goal(what: &str, reached: bool) {
    println!("goal: {what}: {}", if reached { "pass" } else { "miss" });
}

fn twin(what: &str, load: &Load) {
    println!(
        "{what:<44}half within {:.1} ms, 99 of 100 within {:.1} ms, the slowest of {} in {:.1} ms",
        milliseconds(load, "/twin/latencyMs", "p50"),
        milliseconds(load, "/twin/latencyMs", "p99"),
        load.0["twin"]["succeeded"],
        milliseconds(load, "/twin/latencyMs", "max"),
    );
}

fn main() {
    let cloud = Cloud::start();
    let begin = memory(&cloud, "VmRSS:");
    let arguments = ["--devices", DEVICES, "--duration"];
    let idle = Load::run(&cloud, &[&arguments[..], &["10s", "--rate", "1"]].concat());
    let load = Load::run(
        &cloud,
        &[&arguments[..], &[DURATION, "--rate", RATE]].concat(),
    );
    let end = memory(&cloud, "VmRSS:");
    let missing = load.missing(&cloud).len();
    println!(
        "{DEVICES} devices, {RATE} messages a second, {DURATION}, on {} processors",
        processors()
    );
    println!(
        "{:<44}{:.0} /s, {} of {}, missing in the store: {missing}",
        "acknowledged",
        load.0["achievedRate"].as_f64().expect("a number"),
        load.count("acknowledged"),
        load.count("due"),
    );
    println!(
        "{:<44}half within {:.1} ms, 99 of 100 within {:.1} ms, all within {:.1} ms",
        "from when a message was due to its PUBACK",
        milliseconds(&load, "/latencyMs", "p50"),
        milliseconds(&load, "/latencyMs", "p99"),
        milliseconds(&load, "/latencyMs", "max"),
    );
    twin("a twin shown, 1 message a second (baseline)", &idle);
    twin("a twin shown meanwhile", &load);
    let most = memory(&cloud, "VmHWM:");
    println!(
        "{:<44}{begin:.0} MB at the start, {end:.0} MB at the end, {most:.0} MB at most",
        "memory"
    );
    goal(
        "every message stored and acknowledged",
        load.count("acknowledged") == load.count("due") && missing == 0,
    );
    let p99 = milliseconds(&load, "/twin/latencyMs", "p99");
    goal(
        &format!("99 of 100 twins shown within {GOAL} ms"),
        p99 <= GOAL,
    );
    goal(&format!("at most {MEMORY} MB"), most <= MEMORY);
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(0, Into::into)
}
