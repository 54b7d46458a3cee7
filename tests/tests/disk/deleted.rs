//! State that is deleted while the device runs, or between two runs.

use std::{fs, path::Path};

use end_to_end::{Cloud, HostCommand, Process, Signal, guest};

use crate::lines;

struct Device {
    cloud: Cloud,
    dir: tempfile::TempDir,
}

impl Device {
    fn new() -> Self {
        Self {
            cloud: Cloud::start(),
            dir: tempfile::tempdir().expect("a directory"),
        }
    }

    fn state(&self) -> std::path::PathBuf {
        self.dir.path().join("state")
    }

    fn start(&self) -> Process {
        let mut host = HostCommand::of(&guest("sequence"))
            .enrolled(&self.cloud, "s-1")
            .state_dir(&self.state())
            .set("interval", "20ms")
            .start();
        host.stdout.wait_for("Listening");
        host
    }

    fn counted(&self) -> u64 {
        let reply = self.cloud.call(&["count"]);
        reply.payload.as_u64().expect("a number")
    }
}

/// Whether the directory holds a whole state again.
fn is_whole(state: &Path) -> bool {
    let files = ["lock", "version", "store.redb"];
    files.iter().all(|name| state.join(name).exists())
}

#[test]
fn files_deleted_from_the_state_directory_are_written_again() {
    for names in [&["store.redb"][..], &["store.redb", "lock", "version"]] {
        let device = Device::new();
        let mut events = device.cloud.events();
        let mut host = device.start();
        for name in names {
            fs::remove_file(device.state().join(name)).expect("it is there");
        }
        let line = host.stderr.wait_for("running degraded");
        assert!(line.contains("was deleted while in use"), "{line}");
        host.stderr.wait_for("disk recovered");
        assert_eq!(lines(&host, "running degraded"), 1);
        assert!(is_whole(&device.state()));
        let before = device.counted();
        events.numbers(before);
        host.signal(Signal::KILL);
        host.wait();
        let mut host = device.start();
        let after = device.counted();
        assert!(after >= before, "{after} after {before}");
        events.numbers(after);
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn a_state_directory_that_is_deleted_is_told_and_the_next_start_begins_anew() {
    let device = Device::new();
    let mut events = device.cloud.events();
    let mut host = device.start();
    fs::remove_dir_all(device.state()).expect("it is there");
    let line = host.stderr.wait_for("running degraded");
    assert!(
        line.contains("was deleted or replaced while in use"),
        "{line}"
    );
    let counted = device.counted();
    events.numbers(counted + 20);
    assert_eq!(host.stop(), Some(0));
    assert_eq!(lines(&host, "stopped while the disk fails"), 1);
    assert!(!device.state().exists());

    let mut host = device.start();
    host.stderr.wait_for("reason=Fresh");
    assert_eq!(host.stop(), Some(0));
    assert!(is_whole(&device.state()));
}

#[test]
fn a_start_without_the_database_tells_why_it_begins_anew() {
    let device = Device::new();
    let mut host = device.start();
    assert_eq!(host.stop(), Some(0));
    fs::remove_file(device.state().join("store.redb")).expect("it is there");
    let mut host = device.start();
    host.stderr
        .wait_for("device state deleted since the last run");
    assert_eq!(host.stop(), Some(0));
}
