//! A disk without space.

use std::fs::{self, File};

use end_to_end::{FileSystem, HostCommand, Process, Signal, Volume, guest, sha256, version};

use crate::{Site, lines};

/// Bytes a process has caused to be written to devices.
fn written(process: &Process) -> u64 {
    let path = format!("/proc/{}/io", process.id());
    let io = std::fs::read_to_string(path).expect("it runs");
    let bytes = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    bytes.expect("it is counted").parse().expect("a number")
}

fn failures(status: &serde_json::Value) -> u64 {
    status["writeFailures"].as_u64().expect("a count")
}

/// Runs a host until its disk is full. Its hub is away, so that it has to keep everything.
fn run_until_full(site: &Site) -> Process {
    site.cloud.fault(&["refuse", "on"]);
    let mut host = site.host().start();
    host.stderr.wait_for("not connected");
    site.volume.fill_but(0);
    host.stderr.wait_for("running degraded");
    host
}

#[test]
fn on_a_full_disk_the_host_says_so_once_spares_the_disk_and_ends_when_asked() {
    for kind in [FileSystem::Ext4, FileSystem::Tmpfs] {
        let Some(volume) = Volume::mount(kind) else {
            return;
        };
        let site = Site::on(volume);
        let mut host = run_until_full(&site);
        let before = written(&host);
        let status = site.store_status("failing", |status| failures(status) >= 4);
        assert!(written(&host) - before < 256 << 10, "{kind:?}");
        assert!(status["degradedSince"].is_string());
        let reason = status["reason"].as_str().expect("it is given");
        assert!(reason.contains("No space left on device"), "{reason}");
        assert!(reason.contains("free space"), "{reason}");
        let text = site.volume.operate(&["status"]).stdout;
        assert!(text.contains("\ndisk         degraded since 2"), "{text}");

        assert_eq!(host.stop(), Some(0));
        assert_eq!(lines(&host, "running degraded"), 1);
        assert_eq!(lines(&host, "disk recovered"), 0);
        assert_eq!(lines(&host, "stopped while the disk fails"), 1);

        // The next start finds the disk as it is.
        let mut host = site.host().start();
        host.stderr.wait_for("running degraded");
        assert!(failures(&site.status()["store"]) > 0);
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn a_device_whose_disk_was_full_has_everything_on_disk_once_there_is_room() {
    for kind in [FileSystem::Ext4, FileSystem::Tmpfs] {
        let Some(volume) = Volume::mount(kind) else {
            return;
        };
        let mut site = Site::on(volume);
        let mut host = run_until_full(&site);
        site.store_status("failing", |status| failures(status) >= 2);
        site.volume.free();
        host.stderr.wait_for("disk recovered");
        assert_eq!(lines(&host, "running degraded"), 1);
        let status = site.status();
        assert!(status["store"]["degradedSince"].is_null());
        assert_eq!(status["outbox"]["evicted"], 0);
        host.signal(Signal::KILL);
        host.wait();
        site.cloud.fault(&["refuse", "off"]);
        let mut host = site.start();
        let counted = site.counted();
        site.events.numbers(counted);
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn a_version_that_cannot_be_saved_is_rejected_with_the_reason_and_later_accepted() {
    let Some(volume) = Volume::mount(FileSystem::Tmpfs) else {
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let new = dir.path().join("new.wasm");
    std::fs::write(&new, version(&guest("sequence"), 1)).expect("it can be written");
    let site = Site::on(volume);
    let mut host = run_until_full(&site);
    let swap = ["swap", new.to_str().expect("it is text")];
    let refused = site.volume.operate(&swap);
    assert_eq!(refused.code, 1);
    let expected = "swap rejected: cannot save component new.wasm in the state directory: No space left on device";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
    assert!(refused.stderr.contains("free space"), "{}", refused.stderr);
    let running = |site: &Site| site.status()["running"]["sha256"].clone();
    assert_eq!(running(&site), sha256(&guest("sequence")));

    site.volume.free();
    host.stderr.wait_for("disk recovered");
    assert_eq!(site.volume.operate(&swap).code, 0);
    assert_eq!(running(&site), sha256(&new));
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_first_start_with_little_room_runs_degraded_and_tells_what_the_next_start_needs() {
    for kind in [FileSystem::Ext4, FileSystem::Tmpfs] {
        let Some(volume) = Volume::mount(kind) else {
            return;
        };
        let mut site = Site::on(volume);
        site.volume.fill_but(40 << 10);
        let mut host = site.start();
        let line = host.stderr.wait_for("cannot save component");
        assert!(line.contains("needs the component file"), "{line}");
        assert!(line.contains("free space"), "{line}");
        host.stderr.wait_for("running degraded");
        let counted = site.counted();
        site.events.numbers(counted + 20);
        site.volume.free();
        host.stderr.wait_for("disk recovered");
        assert_eq!(lines(&host, "running degraded"), 1);
        let before = site.counted();
        assert_eq!(host.stop(), Some(0));
        let mut host = site.start();
        assert!(site.counted() >= before);
        assert_eq!(host.stop(), Some(0));
    }
}

#[test]
fn a_file_size_limit_is_a_full_disk_too() {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let cloud = end_to_end::Cloud::start();
    let mut host = HostCommand::of(&guest("sequence"))
        .enrolled(&cloud, "s-1")
        .start();
    host.stdout.wait_for("Listening");
    let pid = Pid::from_raw(host.id().cast_signed());
    let limit_files = |size| {
        let limit = Rlimit {
            current: size,
            maximum: None,
        };
        prlimit(pid, Resource::Fsize, limit).expect("a child's limits can be set");
    };
    limit_files(Some(0));
    let line = host.stderr.wait_for("running degraded");
    assert!(line.contains("ulimit -f"), "{line}");
    limit_files(None);
    host.stderr.wait_for("disk recovered");
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_database_deleted_on_a_full_disk_is_made_anew_once_there_is_room() {
    let Some(volume) = Volume::mount(FileSystem::Tmpfs) else {
        return;
    };
    let site = Site::on(volume);
    let mut host = run_until_full(&site);
    let state = site.volume.outside("state");
    let database = state.join("store.redb");
    // Its space stays taken while it is open.
    let held = File::open(&database).expect("it is there");
    fs::remove_file(&database).expect("it is there");
    let before = failures(&site.status()["store"]);
    site.store_status("failing", |status| failures(status) >= before + 3);
    let files = || {
        let entries = fs::read_dir(&state).expect("it is there");
        let names = entries.map(|entry| entry.expect("it can be read").file_name());
        names.collect::<Vec<_>>()
    };
    assert!(
        !files().iter().any(|name| name == "store.redb"),
        "{:?}",
        files()
    );
    drop(held);
    site.volume.free();
    host.stderr.wait_for("disk recovered");
    assert!(database.exists());
    assert_eq!(lines(&host, "device state damaged"), 0);
    assert_eq!(host.stop(), Some(0));
}
