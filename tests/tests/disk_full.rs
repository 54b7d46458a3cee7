//! A disk that takes nothing while the device runs.

use end_to_end::{Cloud, Device, HostCommand, Process, Signal, guest, sha256};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// Lets the process write files up to this size only.
fn limit_files(process: &Process, size: Option<u64>) {
    let pid = Pid::from_raw(process.id().cast_signed());
    let limit = Rlimit {
        current: size,
        maximum: None,
    };
    prlimit(pid, Resource::Fsize, limit).expect("a child's limits can be set");
}

#[test]
fn a_version_that_cannot_be_kept_is_refused_and_one_that_can_takes_over() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = device
        .host(&guest("sequence"))
        .set("interval", "20ms")
        .start();
    host.stdout.wait_for("Listening");
    limit_files(&host, Some(0));
    host.stderr.wait_for("degraded");
    let new = device.version(&guest("sequence"), 1);
    let refused = device.swap(&new, &[]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.starts_with("error: swap rejected: "),
        "{}",
        refused.stderr
    );
    assert_eq!(device.cloud.call(&["count"]).status, 200);
    assert_eq!(device.runs(), sha256(&guest("sequence")));

    limit_files(&host, None);
    host.stderr.wait_for("disk recovered");
    device.swaps(&new, &["--wait"]);
    events.next("telemetry");
    assert_eq!(events.connections(), 1);
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_device_whose_disk_is_full_goes_on_and_keeps_everything_once_there_is_room() {
    let state = tempfile::tempdir().expect("a directory for the state");
    let cloud = Cloud::start();
    let mut events = cloud.events();
    let start = || {
        HostCommand::of(&guest("sequence"))
            .enrolled(&cloud, "s-1")
            .state_dir(state.path())
            .start()
    };
    let mut host = start();
    host.stdout.wait_for("Listening");
    limit_files(&host, Some(0));
    host.stderr.wait_for("degraded");
    let counted = |cloud: &Cloud| cloud.call(&["count"]).payload.as_u64().expect("a number");
    // Telemetry leaves and commands are answered.
    events.numbers(counted(&cloud) + 20);
    let degraded = host.stderr.text().matches("degraded").count();
    assert_eq!(degraded, 1, "it is said once");

    limit_files(&host, None);
    host.stderr.wait_for("disk recovered");
    // What has arrived is on disk.
    let before = counted(&cloud);
    events.numbers(before);
    host.signal(Signal::KILL);
    host.wait();
    let mut host = start();
    host.stdout.wait_for("Listening");
    let after = counted(&cloud);
    assert!(after >= before, "{after} after {before}");
    events.numbers(after);
}
