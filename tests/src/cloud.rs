//! A cloud, and what its operator does.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    PATIENCE,
    events::Events,
    files,
    host::HostCommand,
    process::{Process, Signal},
};

/// A running cloud with a directory of its own, on ports of its own.
pub struct Cloud {
    /// `cloud run`, or `cloud exec`, whose output is that of its program.
    pub process: Process,
    dir: TempDir,
}

/// What a command of the operator's came to.
pub struct Answer {
    /// Its exit code.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// Why it failed.
    pub stderr: String,
}

/// A device's answer to a command.
#[derive(Debug, PartialEq)]
pub struct Reply {
    /// Its status.
    pub status: u64,
    /// What it holds; null if nothing.
    pub payload: Value,
}

impl Cloud {
    /// Starts a cloud that assigns devices at once.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts a cloud with more options of `cloud run`.
    pub fn start_with(options: &[&str]) -> Self {
        let dir = directory();
        let process = run(dir.path(), ["127.0.0.1:0", "127.0.0.1:0"], options);
        Self { process, dir }
    }

    /// The document that `cloud run --json` prints.
    pub fn announcement() -> Value {
        let dir = directory();
        let ports = ["--mqtt", "127.0.0.1:0", "--https", "127.0.0.1:0"];
        let mut command = command(dir.path(), &["run", "--json"]);
        let mut process = Process::start("cloud run --json", command.args(ports));
        let line = process.stdout.wait_for("{");
        process.signal(Signal::TERM);
        process.ends();
        serde_json::from_str(&line).expect("it is JSON")
    }

    /// Starts a cloud whose log goes to this stream.
    pub fn logging_to(log: Stdio) -> Self {
        Self::logging_in(&std::env::temp_dir(), log)
    }

    /// Starts a cloud with its directory in this one, and whose log goes to this stream.
    pub fn logging_in(parent: &Path, log: Stdio) -> Self {
        let dir = TempDir::new_in(parent).expect("the directory can be written");
        let addresses = ["127.0.0.1:0", "127.0.0.1:0"];
        let process = run_on(dir.path(), addresses, &[], log);
        Self { process, dir }
    }

    /// Kills this cloud, and starts another in its directory and on its ports.
    pub fn kill_and_start_again(&mut self) {
        let running = self.running();
        let place = ["mqtt", "https"].map(|of| running[of].as_str().expect("an address"));
        self.process.signal(Signal::KILL);
        self.process.wait();
        self.process = run(self.dir.path(), place, &[]);
    }

    /// Kills this cloud, and starts it again with another certificate authority in the file of the one before.
    pub fn renew_authority(&mut self) {
        for file in ["ca.pem", "ca.key"] {
            std::fs::remove_file(self.dir.path().join(file)).expect("a cloud has an authority");
        }
        self.kill_and_start_again();
    }

    /// Starts a cloud that lives as long as `host`, which is told how to reach it: `cloud exec` with these options.
    pub fn exec(options: &[&str], host: &HostCommand) -> Self {
        let dir = directory();
        let process = exec(dir.path(), options, host);
        Self { process, dir }
    }

    /// Stops this cloud, and does [`exec`](Self::exec) in its directory.
    pub fn exec_again(&mut self, options: &[&str], host: &HostCommand) {
        self.process.stop();
        self.process = exec(self.dir.path(), options, host);
    }

    /// What clients are to trust.
    pub fn certificate(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Where the cloud listens, as it says in its directory: `hubName`, `dpsName`, `idScope`, `mqtt`, `https`, `pid`.
    pub fn running(&self) -> Value {
        let text = std::fs::read_to_string(self.dir.path().join("running.json"));
        serde_json::from_str(&text.expect("the cloud runs")).expect("the cloud writes JSON")
    }

    /// The ID scope and the keys of the default enrollment group, from the cloud's directory.
    pub fn dps_settings(&self) -> Value {
        let text = std::fs::read_to_string(self.dir.path().join("dps.json"));
        serde_json::from_str(&text.expect("the cloud runs")).expect("the cloud writes JSON")
    }

    /// Runs a command of the operator's to its end: `cloud` with these arguments.
    pub fn operate(&self, arguments: &[&str]) -> Answer {
        let mut process = self.begin(arguments);
        process.close_stdin();
        Answer {
            code: process.wait().code().expect("nobody killed it"),
            stdout: process.stdout.text(),
            stderr: process.stderr.text(),
        }
    }

    /// Starts a command of the operator's.
    pub fn begin(&self, arguments: &[&str]) -> Process {
        let name = format!("cloud {}", arguments.first().unwrap_or(&""));
        Process::start(&name, &mut command(self.dir.path(), arguments))
    }

    /// Runs a command of the operator's that prints JSON.
    ///
    /// # Panics
    /// It printed none.
    pub fn ask(&self, arguments: &[&str]) -> Value {
        self.operate(arguments).json()
    }

    /// `cloud enroll`: the names and values of the variables it prints.
    pub fn enroll(&self, arguments: &[&str]) -> Vec<(String, String)> {
        let answer = self.operate(&[&["enroll"], arguments].concat());
        let lines = answer.stdout.lines();
        let variables = lines.filter_map(|line| line.strip_prefix("export ")?.split_once('='));
        let variables: Vec<_> = variables
            .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
            .collect();
        assert!(!variables.is_empty(), "cloud enroll: {}", answer.stderr);
        variables
    }

    /// `cloud call` with these arguments, once the device is connected.
    ///
    /// # Panics
    /// No device answered.
    pub fn call(&self, arguments: &[&str]) -> Reply {
        let options = ["call", "--json", "--connect-timeout", "30"];
        Reply::of(&self.ask(&[&options, arguments].concat()))
    }

    /// [`call`](Self::call)s again and again until the reply is as `test` wants it: for what no event tells of.
    ///
    /// # Panics
    /// It does not become so in time.
    pub fn call_until(&self, arguments: &[&str], test: impl Fn(&Reply) -> bool) -> Reply {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = self.call(arguments);
            if test(&reply) {
                return reply;
            }
            assert!(Instant::now() < deadline, "still {reply:?}");
        }
    }

    /// `cloud set` with these arguments: the acknowledgment.
    ///
    /// # Panics
    /// No device acknowledged.
    pub fn set(&self, arguments: &[&str]) -> Value {
        self.ask(&[&["set", "--json"], arguments].concat())
    }

    /// `cloud twin`.
    pub fn twin(&self) -> Value {
        self.ask(&["twin", "--json"])
    }

    /// `cloud send` with these arguments.
    pub fn send(&self, arguments: &[&str]) {
        let answer = self.operate(&[&["send"], arguments].concat());
        assert_eq!(answer.code, 0, "{}", answer.stderr);
    }

    /// `cloud fault` with these arguments, such as `black-hole --duration 10s`. Its end is the event `fault-ended`.
    pub fn fault(&self, arguments: &[&str]) {
        self.ask(&[&["fault", "--json"], arguments].concat());
    }

    /// What devices do, from the cloud's start on.
    pub fn events(&self) -> Events {
        Events::of(self.begin(&["events", "--follow", "--tail", "all", "--json"]))
    }
}

impl Drop for Cloud {
    /// Ends the program of `cloud exec` too.
    fn drop(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.ends();
    }
}

impl Answer {
    /// The JSON it printed.
    ///
    /// # Panics
    /// It printed something else.
    pub fn json(&self) -> Value {
        let value = serde_json::from_str(&self.stdout);
        value.unwrap_or_else(|_| panic!("no JSON: {}{}", self.stdout, self.stderr))
    }
}

impl Reply {
    /// The answer in what `cloud call --json` prints.
    pub fn of(json: &Value) -> Self {
        Self {
            status: json["status"].as_u64().expect("a status"),
            payload: json["payload"].clone(),
        }
    }
}

fn run(dir: &Path, addresses: [&str; 2], options: &[&str]) -> Process {
    run_on(dir, addresses, options, Stdio::piped())
}

fn run_on(dir: &Path, [mqtt, https]: [&str; 2], options: &[&str], log: Stdio) -> Process {
    let mut command = command(dir, &["run", "--retry-after", "0"]);
    command
        .args(["--mqtt", mqtt, "--https", https])
        .args(options);
    let mut process = Process::start_on("cloud run", &mut command, Stdio::piped(), log);
    process.stdout.wait_for("press Ctrl-C to stop");
    process
}

fn exec(dir: &Path, options: &[&str], host: &HostCommand) -> Process {
    let mut command = command(dir, &["exec"]);
    command.args(options).arg("--");
    command.arg(host.command.get_program());
    command.args(host.command.get_args());
    // The cloud's directory is where the host of `cloud exec` keeps its state.
    let variables = host
        .command
        .get_envs()
        .filter(|(name, _)| *name != "HOST_STATE_DIR");
    command.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    Process::start("cloud exec", &mut command)
}

fn directory() -> TempDir {
    TempDir::new().expect("the system's temporary directory can be written")
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(files::program("cloud"));
    command.env_clear().arg("--dir").arg(dir).args(arguments);
    // The usual port is for people.
    command.env("CLOUD_CONSOLE_PORT", "0");
    command
}
