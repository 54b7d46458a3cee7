//! Output that cannot be written, or that nobody reads. It costs lines, and nothing else.

use std::{
    fs::{self, OpenOptions},
    io::{PipeReader, Write, pipe},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Instant,
};

use end_to_end::{Answer, Cloud, HostCommand, PATIENCE, Process, thermostat};

/// A stream on a disk that is full.
fn full_disk() -> Stdio {
    let device = OpenOptions::new().write(true).open("/dev/full");
    device.expect("it can be opened").into()
}

/// A pipe whose reader has ended.
fn closed() -> Stdio {
    let (_, writer) = pipe().expect("a pipe");
    writer.into()
}

/// A pipe that is full, and that nobody reads.
fn unread() -> (PipeReader, Stdio) {
    let (reader, writer) = pipe().expect("a pipe");
    let mut filler = writer.try_clone().expect("another descriptor");
    thread::spawn(move || while filler.write_all(&[b'\n'; 4096]).is_ok() {});
    (reader, writer.into())
}

fn device(cloud: &Cloud) -> HostCommand {
    HostCommand::of(&thermostat())
        .env("HOST_VERBOSE", "3")
        .set("telemetry-interval", "20ms")
        .enrolled(cloud, "t-1")
}

/// The device sends, survives the loss of its connection, answers, and ends when it is asked to.
fn works(cloud: &Cloud, host: &mut Process) {
    let mut events = cloud.events();
    for _ in 0..2 {
        events.next("connected");
        for _ in 0..20 {
            events.next("telemetry");
        }
        cloud.fault(&["reset"]);
    }
    assert_eq!(cloud.call(&["getMaxMinReport"]).status, 200);
    assert_eq!(host.stop(), Some(0));
}

#[test]
fn a_device_outlives_a_disk_that_is_full_and_a_reader_that_has_ended() {
    let cloud = Cloud::start();
    works(
        &cloud,
        &mut device(&cloud).start_on(full_disk(), full_disk()),
    );
    let cloud = Cloud::start();
    works(&cloud, &mut device(&cloud).start_on(closed(), closed()));
}

#[test]
fn a_device_waits_for_nobody_who_does_not_read() {
    let cloud = Cloud::start();
    let ((_stdout, out), (_stderr, err)) = (unread(), unread());
    works(&cloud, &mut device(&cloud).start_on(out, err));
}

#[test]
fn an_error_that_cannot_be_written_has_its_exit_code() {
    for stderr in [full_disk(), closed()] {
        let mut host = HostCommand::bare()
            .arg("no-such-file.wasm")
            .start_on(Stdio::piped(), stderr);
        assert_eq!(host.wait().code(), Some(2));
        let mut host = HostCommand::bare()
            .arg("status")
            .start_on(Stdio::piped(), closed());
        assert_eq!(host.wait().code(), Some(2));
    }
}

#[test]
fn a_cloud_outlives_its_log() {
    let (_stderr, unread) = unread();
    for log in [full_disk(), closed(), unread] {
        let mut cloud = Cloud::logging_to(log);
        // Each is a warning in the log.
        for _ in 0..4 {
            let refused = HostCommand::of(&thermostat())
                .enrolled(&cloud, "t-1")
                .env("IOTHUB_DEVICE_DPS_DEVICE_KEY", "bm90IHRoZSBrZXk=")
                .to_its_end();
            assert_eq!(refused.code, 3, "{}", refused.stderr);
        }
        let mut host = device(&cloud).start();
        host.stdout.wait_for("Sent message");
        assert_eq!(host.stop(), Some(0));
        assert_eq!(cloud.process.stop(), Some(0));
    }
}

#[test]
fn the_last_lines_are_written_and_values_are_shown() {
    let cloud = Cloud::start();
    let mut host = device(&cloud).start();
    host.stdout.wait_for("Sent message");
    cloud.set(&["targetTemperature", "23.5"]);
    let patch = host
        .stdout
        .wait_for("the data in the desired properties patch was: ");
    assert!(patch.contains(r#""targetTemperature":23.5"#), "{patch}");
    let handled = host.stdout.wait_for("Handled desired properties");
    assert_eq!(
        handled,
        "Handled desired properties: targetTemperature (200)"
    );
    assert_eq!(cloud.call(&["getMaxMinReport", "yesterday"]).status, 400);
    host.stdout
        .wait_for("Command request received with payload");
    assert_eq!(host.stdout.wait_for(""), r#""yesterday""#);
    let answer = host.stdout.wait_for("Answered command");
    let reason = answer.strip_prefix("Answered command getMaxMinReport (400): ");
    assert!(
        reason.is_some_and(|reason| !reason.starts_with('{')),
        "{answer}"
    );
    assert_eq!(host.stop(), Some(0));
    assert_eq!(host.stdout.lines().last().expect("a line"), "Quitting…");
    assert!(host.stderr.text().contains("connected"));
}

/// The compiled component in a cache.
fn image(cache: &Path) -> PathBuf {
    let mut images = fs::read_dir(cache).expect("a directory").flatten();
    images.next().expect("an image").path()
}

#[test]
fn a_damaged_image_is_compiled_again_and_the_component_is_not_blamed() {
    let cache = tempfile::tempdir().expect("a directory");
    let check = || {
        HostCommand::bare()
            .env("HOST_CACHE_DIR", cache.path())
            .arg("check")
            .arg(thermostat())
            .to_its_end()
    };
    assert_eq!(check().code, 0);
    let whole = fs::read(image(cache.path())).expect("it can be read");
    // Machine code is nearly all of it.
    for (at, length) in [(whole.len() / 4, 64), (whole.len() / 2, 1), (5000, 4096)] {
        let mut bytes = whole.clone();
        bytes[at..at + length]
            .iter_mut()
            .for_each(|byte| *byte ^= 0x55);
        fs::write(image(cache.path()), bytes).expect("it can be written");
        let checked = check();
        assert_eq!(checked.code, 0, "{}", checked.stderr);
        let lines = checked.stderr.lines();
        let told = lines.filter(|line| line.contains("compiling it again"));
        assert_eq!(told.count(), 1, "{}", checked.stderr);
        assert!(fs::read(image(cache.path())).expect("it can be read") == whole);
        assert!(!check().stderr.contains("compiling it again"));
    }
}

/// A small file system, which is unmounted when this is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts one; `None`, said aloud, where that is not permitted.
    fn mount() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            assert!(std::env::var_os("CI").is_none(), "CI lacks root");
            eprintln!("SKIPPED: to mount a file system takes root");
            return None;
        }
        let dir = tempfile::tempdir().expect("a directory");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=6m,mode=700", "none"]);
        let mounted = mount.arg(dir.path()).status().expect("mount runs");
        assert!(mounted.success(), "root can mount");
        Some(Self(dir))
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.path().join("filling")).expect("a file");
        for size in [4096, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free(&self) {
        fs::remove_file(self.0.path().join("filling")).expect("it was filled");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a failed test may have left something open.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

/// Sets the target temperature until the answer is as `test` wants it: nothing tells of the moment.
fn set_until(cloud: &Cloud, value: &str, test: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = cloud.operate(&["set", "--no-wait", "targetTemperature", value]);
        if test(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "still {}", answer.stderr);
    }
}

#[test]
fn a_cloud_on_a_full_disk_refuses_changes_with_the_reason_until_there_is_room() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    // The log is on the same disk.
    let log = fs::File::create(disk.0.path().join("log")).expect("a log");
    let mut cloud = Cloud::logging_in(disk.0.path(), log.into());
    let mut host = device(&cloud).env("HOST_VERBOSE", "0").start();
    host.stdout.wait_for("Sent message");
    disk.fill();
    let refused = set_until(&cloud, "30", |answer| answer.code != 0).stderr;
    assert!(
        refused.contains("503 ServiceUnavailable") && refused.contains("disk is full"),
        "{refused}"
    );
    assert_eq!(cloud.operate(&["twin"]).code, 0, "it can be read");

    disk.free();
    set_until(&cloud, "31", |answer| answer.code == 0);
    host.stdout.find("the new value", |line| {
        let is_patch = line.starts_with("the data in the desired properties patch was");
        (is_patch && line.contains("31")).then_some(())
    });
    assert_eq!(host.stop(), Some(0));
    disk.fill();
    assert_eq!(cloud.process.stop(), Some(0), "it ends on a full disk too");
}
