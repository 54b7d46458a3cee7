//! State directories and bounds that cannot be used. Nothing in them is changed.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
};

use end_to_end::{HostCommand, guest};
use tempfile::TempDir;

use super::{UNUSABLE, ends, host};

fn temporary() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

/// A host with its state there does not start, and leaves what is there as it is.
fn refused(state: &Path, words: &[&str]) {
    let before = contents(state);
    let path = state.display().to_string();
    let command = host(&guest("sequence")).state_dir(state);
    ends(command, UNUSABLE, &[&[&*path], words].concat());
    assert_eq!(contents(state), before);
}

/// Names and contents of what is there.
fn contents(path: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(path) else {
        return vec![(String::new(), fs::read(path).unwrap_or_default())];
    };
    let mut files: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap_or_default())
        })
        .collect();
    files.sort();
    files
}

/// A directory some host has used.
fn used() -> TempDir {
    let dir = temporary();
    let mut process = host(&guest("sequence"))
        .state_dir(dir.path())
        .arg("-vv")
        .start();
    process.stderr.wait_for("not connected");
    assert_eq!(process.stop(), Some(0));
    dir
}

#[test]
fn a_state_directory_that_cannot_be_used_is_named_and_left_alone() {
    let dir = temporary();
    let file = dir.path().join("file");
    fs::write(&file, "mine").expect("it can be written");
    refused(&file, &["not a directory", "--state-dir"]);
    refused(dir.path(), &["contains other files", "--state-dir"]);
    refused(&file.join("below"), &["not readable"]);
}

#[test]
fn a_state_directory_of_a_newer_host_is_left_alone() {
    let dir = used();
    fs::write(dir.path().join("version"), "6\n").expect("it can be written");
    refused(dir.path(), &["newer host", "version 6"]);
}

#[test]
fn a_state_directory_in_use_is_left_alone_and_its_user_is_named() {
    let dir = temporary();
    let mut other = host(&guest("sequence"))
        .state_dir(dir.path())
        .arg("-vv")
        .start();
    other.stderr.wait_for("not connected");
    let process = format!("process {}", other.id());
    ends(
        host(&guest("sequence")).state_dir(dir.path()),
        UNUSABLE,
        &["in use by another host", &process, "--state-dir"],
    );
    assert_eq!(other.stop(), Some(0));
}

#[test]
fn a_state_directory_that_others_can_write_to_or_own_is_left_alone() {
    let dir = used();
    let mode = |mode| fs::set_permissions(dir.path(), Permissions::from_mode(mode));
    mode(0o770).expect("it is mine");
    refused(dir.path(), &["other users", "chmod"]);
    mode(0o500).expect("it is mine");
    if fs::metadata("/proc/self").is_ok_and(|it| it.uid() == 0) {
        chown(dir.path(), Some(12345), None).expect("root may");
        refused(dir.path(), &["owned by another user"]);
        // A service has a user of its own, and root looks after services.
        let shown = HostCommand::bare().arg("state").state_dir(dir.path());
        assert_eq!(shown.to_its_end().code, 0);
    } else {
        let new = temporary();
        fs::set_permissions(new.path(), Permissions::from_mode(0o500)).expect("it is mine");
        refused(new.path(), &["not writable"]);
    }
}

#[test]
fn bounds_that_are_too_tight_or_no_bounds_are_refused() {
    for (option, value, word) in [
        ("--outbox-max-bytes", "10", "256KiB"),
        ("--outbox-max-bytes", "much", "16MiB"),
        ("--outbox-max-count", "1", "64"),
        ("--outbox-max-age", "0s", "longer"),
        ("--outbox-max-age", "week", "7d"),
        ("--drain-rate", "-1", "--drain-rate"),
    ] {
        let mut process = HostCommand::of(&guest("sequence"))
            .arg(format!("{option}={value}"))
            .start();
        assert_eq!(process.wait().code(), Some(UNUSABLE));
        let lines = process.stderr.lines();
        let first = lines.first().cloned().unwrap_or_default();
        for word in ["error: ", option, value, word] {
            assert!(first.contains(word), "no {word:?} in {lines:#?}");
        }
    }
}

#[test]
fn state_that_is_not_there_cannot_be_shown() {
    let dir = temporary();
    for command in ["outbox", "state"] {
        let command = HostCommand::bare().arg(command).state_dir(dir.path());
        ends(command, UNUSABLE, &["no host has stored state"]);
    }
}
