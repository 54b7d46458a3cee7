//! A device whose component is swapped while it runs.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    PATIENCE,
    cloud::{Answer, Cloud},
    files,
    host::HostCommand,
    process::Process,
};

/// A device of a cloud, its state, and files of components; a host runs it when a test says so.
pub struct Device {
    /// The cloud it belongs to.
    pub cloud: Cloud,
    dir: TempDir,
    variables: Vec<(String, String)>,
}

impl Device {
    /// A device of a cloud of its own.
    pub fn new() -> Self {
        let cloud = Cloud::start();
        let variables = cloud.enroll(&["swapped-1"]);
        Self {
            cloud,
            dir: TempDir::new().expect("a directory"),
            variables,
        }
    }

    /// The directory of its state.
    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// A path in a directory of the test's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A copy of a component that differs from it and from every other number in its hash alone.
    pub fn version(&self, component: &Path, number: u32) -> PathBuf {
        let name = component.file_stem().expect("a file").to_string_lossy();
        let path = self.path(&format!("{name}-{number}.wasm"));
        std::fs::write(&path, files::version(component, number)).expect("it can be written");
        path
    }

    /// The test component `storm` with this flaw, which differs from every other number in its hash.
    pub fn storm(&self, flaw: &str, number: u32) -> PathBuf {
        let path = self.path(&format!("storm-{number}.wasm"));
        std::fs::write(&path, files::storm(flaw)).expect("it can be written");
        let bytes = files::version(&path, number);
        std::fs::write(&path, bytes).expect("it can be written");
        path
    }

    /// A host for it, which logs what happens, and accepts a new version after five events.
    pub fn host(&self, component: &Path) -> HostCommand {
        let host = self.variables.iter().fold(
            HostCommand::of(component).state_dir(&self.state()),
            |host, (name, value)| host.env(name, value),
        );
        host.env("HOST_PROBATION_TIME", "100ms")
            .env("HOST_PROBATION_EVENTS", "5")
    }

    /// A host for it, once it listens to its hub.
    pub fn start(&self, component: &Path) -> Process {
        let mut host = self.host(component).start();
        host.stdout.wait_for("Listening");
        host
    }

    /// `host` with these arguments, about this device.
    pub fn operate(&self, arguments: &[&str]) -> Answer {
        let host = HostCommand::bare().state_dir(&self.state());
        arguments.iter().fold(host, HostCommand::arg).to_its_end()
    }

    /// `host swap` with this file and these options.
    pub fn swap(&self, file: &Path, options: &[&str]) -> Answer {
        let file = file.to_str().expect("paths of tests are text");
        self.operate(&[&["swap", file], options].concat())
    }

    /// [`swap`](Self::swap), which succeeds.
    ///
    /// # Panics
    /// It does not.
    pub fn swaps(&self, file: &Path, options: &[&str]) {
        let answer = self.swap(file, options);
        assert_eq!(answer.code, 0, "{}{}", answer.stdout, answer.stderr);
    }

    /// `host status`.
    pub fn status(&self) -> Value {
        self.operate(&["status", "--json"]).json()
    }

    /// `host history`.
    pub fn history(&self) -> Vec<Value> {
        let answer = self.operate(&["history", "--json"]);
        let entry = |line| serde_json::from_str(line).expect("it is JSON");
        answer.stdout.lines().map(entry).collect()
    }

    /// The last entry of `host history` with this step and source, once there is one: the disk may have it a little later
    /// than the device does it.
    ///
    /// # Panics
    /// It does not come to have it in time.
    pub fn entry(&self, step: &str, source: &str) -> Value {
        self.entry_about(step, source, "")
    }

    /// The same of entries whose reason has these words.
    ///
    /// # Panics
    /// It does not come to have it in time.
    pub fn entry_about(&self, step: &str, source: &str, words: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let history = self.history();
            let found = history.iter().rfind(|entry| {
                let reason = entry["reason"].as_str().unwrap_or_default();
                entry["step"] == step && entry["source"] == source && reason.contains(words)
            });
            if let Some(entry) = found {
                return entry.clone();
            }
            assert!(Instant::now() < deadline, "no {step} in {history:#?}");
        }
    }

    /// The hash of what runs.
    pub fn runs(&self) -> String {
        let status = self.status();
        let sha256 = status["running"]["sha256"]
            .as_str()
            .expect("something runs");
        sha256.to_owned()
    }
}

impl Default for Device {
    fn default() -> Self {
        Self::new()
    }
}
