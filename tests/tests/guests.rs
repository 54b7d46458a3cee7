//! Components that misbehave, in a device that runs: the caller is told, and the device goes on.

use end_to_end::{Cloud, HostCommand, Process, guest};

/// A device that does wrong what it is told to.
fn faulty(cloud: &Cloud) -> Process {
    let mut host = HostCommand::of(&guest("faulty"))
        .enrolled(cloud, "f-1")
        .start();
    host.stdout.wait_for("Listening");
    host
}

#[test]
fn a_failing_call_is_answered_with_its_reason_and_the_next_one_works() {
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let _host = faulty(&cloud);
    events.next("telemetry");
    for (fault, reason) in [
        ("trap", "unreachable"),
        ("err", "asked to fail"),
        ("hog", "MiB of memory"),
        ("spin", "CPU time"),
    ] {
        let reply = cloud.call(&[fault]);
        assert_eq!(reply.status, 500, "{fault}");
        assert!(
            reply.payload["error"].to_string().contains(reason),
            "{fault}: {:?}",
            reply.payload
        );
        assert_eq!(cloud.call(&["ok"]).status, 200, "after {fault}");
    }
    // The count is in the record, which outlives the instances that failed.
    let count = events.next("telemetry")["body"]["count"].as_u64();
    assert!(count > Some(1), "{count:?}");
    let connections = events
        .seen()
        .iter()
        .filter(|event| event["type"] == "connected")
        .count();
    assert_eq!(connections, 1, "the connection outlives them too");
}

#[test]
fn a_component_that_fails_again_and_again_leaves_the_device_connected_and_answering() {
    let cloud = Cloud::start();
    let mut host = faulty(&cloud);
    for _ in 0..5 {
        assert_eq!(cloud.call(&["trap"]).status, 500);
    }
    host.stderr.wait_for("left alone");
    let reply = cloud.call(&["ok"]);
    assert_eq!(reply.status, 503);
    assert!(
        reply.payload["error"].to_string().contains("unreachable"),
        "{:?}",
        reply.payload
    );
}

#[test]
fn telemetry_too_large_for_the_hub_is_refused_to_the_component_with_size_and_limit() {
    let cloud = Cloud::start();
    let _host = faulty(&cloud);
    let reply = cloud.call(&["big"]);
    assert_eq!(reply.status, 200);
    let error = reply.payload["error"].to_string();
    assert!(
        error.contains("262144") && error.contains("1000"),
        "{error}"
    );
}
