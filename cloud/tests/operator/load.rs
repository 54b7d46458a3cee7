use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Service, code, signal, stderr, stdout};

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The numbers that arrived of each device, in their order.
fn arrived(service: &Service) -> BTreeMap<String, Vec<u64>> {
    let mut numbers = BTreeMap::<_, Vec<_>>::new();
    for event in service.shown(&["events", "--json"]).lines().map(parsed) {
        if let Some(number) = event["body"]["sequence"].as_u64() {
            assert_eq!(event["body"]["device"], event["device"]);
            let device = event["device"].as_str().unwrap().to_owned();
            numbers.entry(device).or_default().push(number);
        }
    }
    numbers
}

/// A load that would go on for a long time, once so many events of this type have come.
fn begun(service: &Service, kind: &str, count: usize) -> Child {
    let mut follow = service
        .command(&["events", "--follow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let arguments = ["load", "--devices", "5", "--rate", "50", "--duration", "1h"];
    let load = service
        .command(&[&arguments[..], &["--json"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let events = BufReader::new(follow.stdout.take().unwrap()).lines();
    let kinds = events.map(|line| parsed(&line.unwrap())["type"].clone());
    assert_eq!(kinds.filter(|of| of == kind).take(count).count(), count);
    signal(&follow, Signal::TERM);
    follow.wait().unwrap();
    load
}

#[test]
fn a_load_arrives_whole_is_measured_and_leaves_no_device() {
    let service = Service::start();
    let shown = service.shown(&[
        "load",
        "--devices",
        "20",
        "--rate",
        "200",
        "--duration",
        "1s",
        "--json",
    ]);
    let report = parsed(&shown);
    for count in ["due", "sent", "acknowledged"] {
        assert_eq!(report[count], 200, "{count}");
    }
    assert_eq!(report["lostConnections"], 0);
    assert!(report["latencyMs"]["p50"].as_f64() > Some(0.0));
    assert!(report["twin"]["succeeded"].as_u64() > Some(0));
    let arrived = arrived(&service);
    let devices = report["devices"].as_array().unwrap();
    assert_eq!((arrived.len(), devices.len()), (20, 20));
    for device in devices {
        assert_eq!(
            arrived[device["id"].as_str().unwrap()],
            (1..=10).collect::<Vec<_>>()
        );
        assert_eq!(device["sent"], 10);
    }
    assert_eq!(service.shown(&["devices"]), "");
}

#[test]
fn a_message_that_had_to_wait_counts_from_when_it_was_due() {
    let service = Service::start();
    service.shown(&["fault", "delay-acks", "--delay", "150ms"]);
    let shown = service.shown(&[
        "load",
        "--devices",
        "1",
        "--rate",
        "10",
        "--duration",
        "1s",
        "--window",
        "1",
        "--json",
    ]);
    // The last of ten is due after 0.9 s, and leaves after the acknowledgments of nine.
    let longest = parsed(&shown)["latencyMs"]["max"].as_f64().unwrap();
    assert!((550.0..10_000.0).contains(&longest), "{longest}");
}

#[test]
fn a_load_that_is_interrupted_lets_arrive_what_is_on_its_way() {
    let service = Service::start();
    let load = begun(&service, "telemetry", 10);
    signal(&load, Signal::INT);
    let output = load.wait_with_output().unwrap();
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let report = parsed(&stdout(&output));
    assert!(report["acknowledged"].as_u64() >= Some(10));
    assert_eq!(report["acknowledged"], report["due"]);
    assert_eq!(service.shown(&["devices"]), "");
}

#[test]
fn a_load_whose_connections_are_lost_ends_and_says_what_is_missing() {
    let service = Service::start();
    let load = begun(&service, "telemetry", 10);
    service.shown(&["fault", "reset"]);
    let output = load.wait_with_output().unwrap();
    assert_eq!(code(&output), 1);
    assert!(
        stderr(&output).contains("messages not acknowledged"),
        "{}",
        stderr(&output)
    );
    let report = parsed(&stdout(&output));
    assert_eq!(report["lostConnections"], 5);
    assert_eq!(service.shown(&["devices"]), "");
}

#[test]
fn devices_of_a_load_stay_if_they_are_to_be_kept() {
    let service = Service::start();
    let load = [
        "load",
        "--devices",
        "2",
        "--rate",
        "10",
        "--duration",
        "100ms",
        "--keep-devices",
    ];
    let shown = service.shown(&load);
    assert!(shown.contains("1 due, 1 sent, 1 acknowledged"), "{shown}");
    assert_eq!(service.shown(&["devices"]).lines().count(), 2);
}

/// This command where a process may have no more than so many files and sockets.
fn limited(descriptors: u32, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
    shell.args(["-c", &script]).arg(command.get_program());
    shell.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn a_load_for_which_there_are_too_few_descriptors_is_refused_with_the_remedy() {
    let service = Service::start();
    let load = service.command(&["load", "--devices", "100", "--rate", "1"]);
    let output = limited(150, &load).output().unwrap();
    assert_eq!(code(&output), 2);
    let said = stderr(&output);
    assert!(
        said.contains("200") && said.contains("ulimit -Hn"),
        "{said}"
    );
}
