//! How a `host` is started.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use crate::{
    cloud::{Answer, Cloud},
    files,
    process::Process,
    volume::Volume,
};

/// A `host` to be started, with an environment of its own: nothing of the test's.
pub struct HostCommand {
    pub(crate) command: Command,
    /// Where its state is, unless the test names a directory.
    state: TempDir,
}

impl HostCommand {
    /// A host without arguments.
    pub fn bare() -> Self {
        let state = TempDir::new().expect("a directory for the state");
        let mut command = Command::new(Self::program());
        command
            .env_clear()
            .env("HOST_CACHE_DIR", files::cache())
            .env("HOST_STATE_DIR", state.path().join("state"));
        Self { command, state }
    }

    /// The program all hosts are run by unless a test says otherwise.
    pub fn program() -> PathBuf {
        files::program("host")
    }

    /// Run by another file of the program.
    pub fn run_by(mut self, program: &Path) -> Self {
        let mut command = Command::new(program);
        command.env_clear().args(self.command.get_args());
        let variables = self.command.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// Run by the user and the group of this number, without other groups. Only root can start it.
    pub fn as_user(mut self, id: u32) -> Self {
        self.command.uid(id).gid(id);
        self
    }

    /// With this text as its `/etc/hosts`, in a mount namespace of its own, which takes [`can_mount`](crate::can_mount).
    pub fn with_hosts(self, hosts: &str) -> Self {
        let file = self.state.path().join("hosts");
        std::fs::write(&file, hosts).expect("it can be written");
        let mut command = Command::new("unshare");
        let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
        command.args(["--mount", "sh", "-c", script]).arg(file);
        self.through(command)
    }

    /// With its state on this file system.
    pub fn on(self, volume: &Volume) -> Self {
        let mut command = Command::new("/usr/bin/nsenter");
        command.args(["--mount", "--target", &volume.process().to_string()]);
        self.through(command).state_dir(&volume.path("state"))
    }

    /// Started by this command, which gets program and arguments as its last arguments.
    fn through(mut self, mut command: Command) -> Self {
        command
            .env_clear()
            .arg(self.command.get_program())
            .args(self.command.get_args());
        let variables = self.command.get_envs();
        command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
        self.command = command;
        self
    }

    /// A host that runs `component`, and logs what happens, as with `-v`.
    pub fn of(component: &Path) -> Self {
        Self::bare()
            .arg("--component")
            .arg(component)
            .env("HOST_VERBOSE", "1")
    }

    /// With one more argument.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// With a setting of the component.
    pub fn set(self, key: &str, value: &str) -> Self {
        self.arg("--set").arg(format!("{key}={value}"))
    }

    /// With an environment variable, in place of one set before.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without an environment variable set before.
    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// With what this variable holds in a file that its `_FILE` variant names.
    pub fn in_file(self, variable: &str) -> Self {
        let mut variables = self.command.get_envs();
        let found = variables.find_map(|(name, value)| value.filter(|_| name == variable));
        let secret = found.expect("it is set").to_string_lossy();
        let file = self.state.path().join(variable);
        // As editors leave it.
        std::fs::write(&file, format!("{secret}\n")).expect("it can be written");
        self.without(variable)
            .env(&format!("{variable}_FILE"), file)
    }

    /// As the device `id` of `cloud`, where it is enrolled with a key of its own.
    pub fn enrolled(self, cloud: &Cloud, id: &str) -> Self {
        let variables = cloud.enroll(&[id]);
        variables
            .iter()
            .fold(self, |host, (name, value)| host.env(name, value))
    }

    /// As the device `id` of `cloud`, as a member of the enrollment group every cloud has and with the group's key.
    pub fn enrolled_in_group(self, cloud: &Cloud, id: &str) -> Self {
        let variables = cloud.enroll(&[id, "--group"]);
        let key = cloud.dps_settings()["defaultGroup"]["primaryKey"].clone();
        variables
            .iter()
            .fold(self, |host, (name, value)| host.env(name, value))
            .without("IOTHUB_DEVICE_DPS_DEVICE_KEY")
            .env(
                "IOTHUB_DEVICE_DPS_GROUP_KEY",
                key.as_str().expect("the group has a key"),
            )
    }

    /// With its state in this directory, where a later host finds it.
    pub fn state_dir(self, dir: &Path) -> Self {
        self.env("HOST_STATE_DIR", dir)
    }

    /// Runs it until it ends by itself.
    pub fn to_its_end(self) -> Answer {
        let mut process = self.start();
        process.close_stdin();
        Answer {
            code: process.wait().code().expect("nobody killed it"),
            stdout: process.stdout.text(),
            stderr: process.stderr.text(),
        }
    }

    /// Starts it with these streams for standard output and standard error.
    pub fn start_on(mut self, stdout: Stdio, stderr: Stdio) -> Process {
        Process::start_on("host", &mut self.command, stdout, stderr).owning(self.state)
    }

    /// Starts it.
    pub fn start(mut self) -> Process {
        Process::start("host", &mut self.command).owning(self.state)
    }
}
