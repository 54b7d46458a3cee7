//! A machine that is short of something: a true cause, and an exit code with which a service manager tries again.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use end_to_end::{HostCommand, is_root, thermostat};

use super::{UNUSABLE, host};

/// A failure of the machine.
const FAILED: i32 = 1;

/// A host run by this shell command, where `$@` is its command line.
fn run_by_shell(host: HostCommand, dir: &Path, command: &str) -> HostCommand {
    let script = dir.join("script");
    let program = HostCommand::program();
    let text = format!(
        "#!/bin/sh\nset -- {} \"$@\"\n{command}\n",
        program.display()
    );
    fs::write(&script, text).expect("it can be written");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("it is ours");
    host.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .run_by(&script)
}

#[test]
fn a_machine_without_file_descriptors_is_not_taken_for_wrong_settings() {
    let mut failures = 0;
    for limit in 4..40 {
        let dir = tempfile::tempdir().expect("a directory");
        let command = format!("ulimit -n {limit}; exec \"$@\"");
        let mut process = run_by_shell(host(&thermostat()), dir.path(), &command).start();
        let line = process.stderr.find("an error or a try", |line| {
            let is_news = line.starts_with("error: ") || line.contains("not connected");
            is_news.then(|| line.to_owned())
        });
        assert!(!line.contains("certificate authorit"), "{limit}: {line}");
        if line.starts_with("error: ") {
            assert_eq!(process.wait().code(), Some(FAILED), "{limit}: {line}");
            assert!(line.contains("Too many open files"), "{limit}: {line}");
            failures += 1;
        } else {
            process.stop();
        }
    }
    assert!(failures > 0, "it needs some");
}

/// Starts a host with its cache on a small file system with these mount options, and waits until it has loaded its
/// component. Returns its log.
fn log_with_cache_on(options: &str) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = dir.path().join("cache");
    fs::create_dir(&cache).expect("it is new");
    let mount = format!(
        "mount -t tmpfs -o mode=700,{options} tmpfs {}",
        cache.display()
    );
    let command = format!("exec unshare -m sh -c '{mount} && exec \"$@\"' sh \"$@\"");
    let host = host(&thermostat()).env("HOST_CACHE_DIR", &cache);
    let mut process = run_by_shell(host, dir.path(), &command).start();
    process.stderr.wait_for("not connected");
    assert_eq!(process.stop(), Some(0));
    process.stderr.text()
}

#[test]
fn a_cache_on_a_file_system_without_room_costs_a_compilation_only() {
    if !is_root("mounts a file system") {
        return;
    }
    let log = log_with_cache_on("size=64k");
    let unsaved = |line: &&str| line.contains("cannot save the compiled component");
    let lines: Vec<_> = log.lines().filter(unsaved).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("No space left") && lines[0].contains("--cache-dir"));
}

#[test]
fn a_cache_on_a_file_system_without_programs_is_as_good_as_any() {
    if !is_root("mounts a file system") {
        return;
    }
    let log = log_with_cache_on("noexec");
    assert!(!log.contains("cannot save"), "{log}");
}

#[test]
fn a_directory_that_cannot_be_made_is_a_wrong_setting() {
    let command = host(&thermostat()).env("HOST_STATE_DIR", "/proc/state");
    super::ends(command, UNUSABLE, &["/proc/state", "cannot create it"]);
}
