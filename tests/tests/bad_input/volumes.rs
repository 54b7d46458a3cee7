//! Directories as container platforms, file systems and images make them, for a host without privileges.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use end_to_end::{HostCommand, Process, is_root, thermostat};
use tempfile::TempDir;

use super::{UNUSABLE, ends, host};

/// The user and group of the host.
const USER: u32 = 12345;

/// A directory that any user can reach, with the programs and files of a host in it; `None` without root.
struct Machine {
    dir: TempDir,
}

impl Machine {
    fn new() -> Option<Self> {
        if !is_root("makes the directories of other users") {
            return None;
        }
        let machine = Self {
            dir: TempDir::new().expect("a temporary directory"),
        };
        machine.open(machine.dir.path(), 0o755);
        for (from, name) in [(HostCommand::program(), "host"), (thermostat(), "t.wasm")] {
            fs::copy(from, machine.path(name)).expect("it can be copied");
            machine.open(&machine.path(name), 0o755);
        }
        Some(machine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn open(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("root may");
    }

    /// A directory with this owner, group and mode.
    fn directory(&self, name: &str, owner: u32, group: u32, mode: u32) -> PathBuf {
        let path = self.path(name);
        fs::create_dir(&path).expect("it is new");
        chown(&path, Some(owner), Some(group)).expect("root may");
        self.open(&path, mode);
        path
    }

    /// A host of the user, which connects to nothing.
    fn host(&self, state: &Path, cache: &Path) -> HostCommand {
        host(&self.path("t.wasm"))
            .state_dir(state)
            .env("HOST_CACHE_DIR", cache)
            .run_by(&self.path("host"))
            .as_user(USER)
    }

    /// It starts: nothing listens where it connects.
    fn starts(&self, state: &Path, cache: &Path) -> Process {
        let mut process = self.host(state, cache).start();
        process.stderr.wait_for("not connected");
        process
    }
}

#[test]
fn a_volume_of_a_container_holds_the_state_in_a_directory_of_its_own() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let cache = machine.directory("cache", USER, USER, 0o700);
    for (name, group, mode) in [("emptydir", 0, 0o777), ("claim", USER, 0o2775)] {
        let volume = machine.directory(name, 0, group, mode);
        let mut running = machine.starts(&volume, &cache);
        let state = volume.join("pnp-host");
        let metadata = fs::metadata(&state).expect("it is made");
        assert_eq!((metadata.uid(), metadata.mode() & 0o777), (USER, 0o700));
        assert!(state.join("control").exists());
        // Whoever names the volume means the directory in it, also while nobody else looks after it.
        for viewer in [HostCommand::bare(), HostCommand::bare().as_user(USER)] {
            let status = viewer
                .arg("status")
                .state_dir(&volume)
                .run_by(&machine.path("host"));
            let status = status.to_its_end();
            assert_eq!(status.code, 0, "{}", status.stderr);
        }
        assert_eq!(running.stop(), Some(0));
        let shown = HostCommand::bare()
            .arg("state")
            .state_dir(&volume)
            .to_its_end();
        assert!(shown.stdout.contains("\"record\""), "{}", shown.stderr);
        assert_eq!(machine.starts(&volume, &cache).stop(), Some(0));
    }
}

#[test]
fn a_directory_of_that_name_that_another_user_has_made_is_not_used() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let cache = machine.directory("cache", USER, USER, 0o700);
    let volume = machine.directory("emptydir", 0, 0, 0o777);
    machine.directory("emptydir/pnp-host", 1, 1, 0o777);
    let words = ["emptydir/pnp-host", "owned by another user", "--state-dir"];
    ends(machine.host(&volume, &cache), UNUSABLE, &words);
}

#[test]
fn the_top_of_a_file_system_holds_state() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let cache = machine.directory("cache", USER, USER, 0o700);
    let top = machine.directory("ext4", USER, USER, 0o755);
    machine.directory("ext4/lost+found", 0, 0, 0o700);
    assert_eq!(machine.starts(&top, &cache).stop(), Some(0));
    assert!(top.join("store.redb").exists());
}

#[test]
fn a_cache_others_can_write_to_gets_a_directory_they_cannot() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let state = machine.directory("state", USER, USER, 0o700);
    let volume = machine.directory("cache", 0, 0, 0o777);
    assert_eq!(machine.starts(&state, &volume).stop(), Some(0));
    let cache = fs::metadata(volume.join("pnp-host")).expect("it is made");
    assert_eq!((cache.uid(), cache.mode() & 0o777), (USER, 0o700));
    assert_eq!(fs::read_dir(&volume).expect("a directory").count(), 1);
}

#[test]
fn what_root_has_compiled_into_an_image_is_run_and_not_compiled_again() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let state = machine.directory("state", USER, USER, 0o700);
    let cache = machine.directory("cache", 0, 0, 0o755);
    let compile = HostCommand::bare()
        .arg("compile")
        .arg(machine.path("t.wasm"));
    assert_eq!(compile.env("HOST_CACHE_DIR", &cache).to_its_end().code, 0);
    let image = fs::read_dir(&cache).expect("a directory").flatten().next();
    machine.open(&image.expect("an image").path(), 0o644);
    let mut process = machine.host(&state, &cache).arg("-v").start();
    process.stderr.wait_for("not connected");
    assert_eq!(process.stop(), Some(0));
    let text = process.stderr.text();
    assert!(!text.contains("compil"), "{text}");
}

#[test]
fn a_component_is_compiled_into_memory_where_its_image_cannot_be_saved() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let state = machine.directory("state", USER, USER, 0o700);
    let cache = machine.directory("cache", 0, 0, 0o755);
    let mut process = machine.starts(&state, &cache);
    assert_eq!(process.stop(), Some(0));
    let text = process.stderr.text();
    let lines = text
        .lines()
        .filter(|line| line.contains("cannot save the compiled component"));
    assert_eq!(lines.count(), 1, "{text}");
    assert!(
        text.contains("Permission denied") && text.contains("--cache-dir"),
        "{text}"
    );
    assert_eq!(fs::read_dir(&cache).expect("a directory").count(), 0);
}

#[test]
fn an_ephemeral_device_needs_no_directory_at_all() {
    let Some(machine) = Machine::new() else {
        return;
    };
    for home in [None, Some("/")] {
        let command = machine
            .host(Path::new(""), Path::new(""))
            .arg("--ephemeral");
        let command = home
            .into_iter()
            .fold(command, |command, home| command.env("HOME", home));
        let mut process = command.start();
        process.stderr.wait_for("not connected");
        assert_eq!(process.stop(), Some(0));
        let text = process.stderr.text();
        assert!(text.contains("compiled components are not saved"), "{text}");
    }
}

#[test]
fn without_a_home_all_that_is_missing_is_said_in_one_line() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let options = ["--state-dir", "--cache-dir"];
    let command = machine.host(Path::new(""), Path::new(""));
    ends(
        command,
        UNUSABLE,
        &[&options[..], &["HOME is set"]].concat(),
    );
    let command = machine.host(Path::new(""), Path::new("")).env("HOME", "/");
    ends(command, UNUSABLE, &[&options[..], &["HOME is /"]].concat());
}
