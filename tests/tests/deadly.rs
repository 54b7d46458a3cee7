//! An accepted version stays, whatever is sent to it and however it fails: what fails is suspended alone.

use end_to_end::{Books, Device, Events, Process, Record};
use serde_json::{Value, json};

/// Runs `storm` with this flaw, from its first start on.
fn begin(flaw: &str, interval: &str) -> (Device, Events, Process) {
    let device = Device::new();
    let events = device.cloud.events();
    let mut host = device
        .host(&device.storm(flaw, 0))
        .set("interval", interval)
        // Where other tests keep the machine busy, the time a call takes is no measure of what it computes.
        .arg("--limit=wall=60s")
        .start();
    host.stdout.wait_for("Listening");
    (device, events, host)
}

/// Calls `parse` with what it traps on, until it is suspended and once more.
fn query_of_death(device: &Device) {
    for _ in 0..5 {
        let reply = device.cloud.call(&["parse", "x"]);
        assert_eq!(reply.status, 500, "{reply:?}");
    }
    for payload in ["x", "1"] {
        let reply = device.cloud.call(&["parse", payload]);
        assert_eq!(reply.status, 503, "{reply:?}");
        let error = reply.payload["error"].to_string();
        assert!(error.contains("unreachable"), "{error}");
    }
}

/// The device measures, answers what else it is asked, and runs what it ran.
fn goes_on(device: &Device, events: &mut Events, runs: &str) {
    let record = Record::of(&device.cloud.call(&["state"]).payload);
    events.find("later numbers", |event| {
        (event["body"]["sequence"].as_u64()? > record.count + 5).then_some(())
    });
    assert_eq!(device.cloud.set(&["goal", "1"])["ac"], 200);
    let status = device.status();
    assert_eq!(status["running"]["sha256"], runs);
    assert_eq!(status["state"], "accepted");
    assert_eq!(status["quarantined"], json!([]));
    let causes = status["suspended"].as_array().expect("a list").iter();
    let causes: Vec<_> = causes.map(|suspended| &suspended["cause"]).collect();
    assert_eq!(causes, ["command parse"]);
    assert!(status["suspended"][0]["remainingMs"].as_f64() > Some(200_000.0));
    assert_eq!(events.connections(), 1);
    events.search_anew();
    let record = Record::of(&device.cloud.call(&["state"]).payload);
    Books::default().complete(events, &record);
}

#[test]
fn a_command_that_traps_again_and_again_is_suspended_alone() {
    let (device, mut events, _host) = begin("none", "50ms");
    let runs = device.runs();
    query_of_death(&device);
    goes_on(&device, &mut events, &runs);
}

#[test]
fn a_command_that_traps_again_and_again_withdraws_no_accepted_version() {
    let (device, mut events, _host) = begin("none", "50ms");
    device.swaps(&device.storm("none", 1), &["--wait"]);
    let runs = device.runs();
    query_of_death(&device);
    goes_on(&device, &mut events, &runs);
    let history = device.history();
    let is_back = |entry: &&Value| entry["step"] == "rolled-back";
    assert_eq!(history.iter().find(is_back), None);
    assert_eq!(
        device.operate(&["rollback"]).code,
        0,
        "the one before is there"
    );
}

#[test]
fn a_component_that_leaks_goes_on_with_a_new_instance_each_time_and_is_not_suspended() {
    let (device, mut events, _host) = begin("leak", "20ms");
    let runs = device.runs();
    // 8 MiB a call, and 64 are allowed: each instance comes to a few calls.
    events.find("numbers of many instances", |event| {
        (event["body"]["sequence"].as_u64()? > 150).then_some(())
    });
    let status = device.status();
    assert!(status["calls"]["traps"].as_u64() > Some(10), "{status}");
    assert_eq!(status["state"], "accepted");
    assert_eq!(status["suspended"], json!([]));
    assert_eq!(status["running"]["sha256"], runs);
    let failed = device.entry("failed", "host");
    let reason = failed["reason"].as_str().expect("a reason");
    assert!(reason.contains("64 MiB of memory"), "{failed}");
    let reply = device
        .cloud
        .call_until(&["state"], |reply| reply.status == 200);
    events.search_anew();
    Books::default().complete(&mut events, &Record::of(&reply.payload));
}

#[test]
fn a_command_that_comes_when_a_leak_has_taken_the_memory_is_not_suspended_for_it() {
    let (device, mut events, _host) = begin("leak", "20ms");
    let mut failures = 0;
    while failures < 8 {
        // So many calls use up an instance: in the next one the command is new.
        for _ in 0..8 {
            events.next("telemetry");
        }
        let reply = device.cloud.call(&["state"]);
        assert!(reply.status == 200 || reply.status == 500, "{reply:?}");
        failures += u32::from(reply.status == 500);
    }
    assert_eq!(device.status()["suspended"], json!([]));
}
