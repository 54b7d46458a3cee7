//! The command, as people run it.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

use cloud::dir::{CloudDir, Running};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::device::Device;

/// The command, knowing nothing of whoever runs the tests.
pub(crate) fn cloud(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloud"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CLOUD_") || name.starts_with("IOTHUB_") || name == "RUST_LOG" {
            command.env_remove(&*name);
        }
    }
    // The usual port is for people.
    command.env("CLOUD_CONSOLE_PORT", "0");
    command.args(arguments).stdin(Stdio::null());
    command
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

const RUN: [&str; 7] = [
    "run",
    "--retry-after",
    "0",
    "--mqtt",
    "127.0.0.1:0",
    "--https",
    "127.0.0.1:0",
];

/// A cloud that runs in a process and a directory of its own.
pub(crate) struct Service {
    pub(crate) child: Child,
    pub(crate) banner: String,
    dir: TempDir,
}

impl Service {
    pub(crate) fn start() -> Self {
        Self::start_in(TempDir::new().unwrap())
    }

    pub(crate) fn start_in(dir: TempDir) -> Self {
        Self::start_with(dir, &[])
    }

    /// With more options of `cloud run`.
    pub(crate) fn start_with(dir: TempDir, options: &[&str]) -> Self {
        let mut command = cloud(&RUN);
        command.args(options);
        Self::start_as(command, dir)
    }

    /// With so many file descriptors, and the log in a file.
    pub(crate) fn start_limited(dir: TempDir, descriptors: u32, log: File) -> Self {
        let program = cloud(&RUN);
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {descriptors}; exec \"$0\" \"$@\"");
        command
            .args(["-c", &script])
            .arg(program.get_program())
            .args(program.get_args())
            .env("CLOUD_CONSOLE_PORT", "0")
            .stderr(log);
        Self::start_as(command, dir)
    }

    fn start_as(mut command: Command, dir: TempDir) -> Self {
        let mut child = command
            .env("CLOUD_DIR", dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut banner = String::new();
        while !banner.contains("Ctrl-C") {
            banner += &lines.next().expect("the cloud ended").unwrap();
            banner += "\n";
        }
        Self { child, banner, dir }
    }

    /// Ends it as Ctrl-C does, and returns its exit code and its directory.
    pub(crate) fn stop(mut self, with: Signal) -> (Option<i32>, TempDir) {
        signal(&self.child, with);
        let code = self.child.wait().unwrap().code();
        let dir = std::mem::replace(&mut self.dir, TempDir::new().unwrap());
        (code, dir)
    }

    pub(crate) fn place(&self) -> CloudDir {
        CloudDir::new(self.dir.path())
    }

    pub(crate) fn running(&self) -> Running {
        self.place().running().unwrap()
    }

    /// An operator's command.
    pub(crate) fn operate(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = cloud(arguments);
        command.env("CLOUD_DIR", self.dir.path());
        command
    }

    /// Enrolls a device as these arguments say, and lets it provision and connect.
    pub(crate) async fn device(&self, id: &str, arguments: &[&str]) -> Device {
        let lines = self.shown(&[&["enroll", id], arguments].concat());
        let key = variable(&lines, "IOTHUB_DEVICE_DPS_DEVICE_KEY");
        let certificate = variable(&lines, "SSL_CERT_FILE");
        Device::provision(&self.running(), certificate.as_ref(), id, &key).await
    }

    /// What a command prints that succeeds.
    pub(crate) fn shown(&self, arguments: &[&str]) -> String {
        let output = self.operate(arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", stderr(&output));
        stdout(&output)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of a variable in lines that set some.
pub(crate) fn variable(lines: &str, name: &str) -> String {
    let prefix = format!("{name}=");
    let value = lines.lines().find_map(|line| {
        let line = line.strip_prefix("export ").unwrap_or(line);
        line.strip_prefix(&prefix)
    });
    value.unwrap_or_else(|| panic!("no {name}")).to_owned()
}
