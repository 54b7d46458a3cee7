//! A running program.

use std::{
    fs,
    io::{self, Read, Write},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    thread,
};

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tempfile::TempDir;

use crate::output::Output;

/// A running program, which is killed when this is dropped.
pub struct Process {
    /// What it prints as its result.
    pub stdout: Output,
    /// What it prints as its log.
    pub stderr: Output,
    name: String,
    stdin: Option<ChildStdin>,
    child: Child,
    /// Removed once it has ended.
    owned: Option<TempDir>,
}

impl Process {
    /// Starts `command`; `name` is what failures call it.
    pub fn start(name: &str, command: &mut Command) -> Self {
        Self::start_on(name, command, Stdio::piped(), Stdio::piped())
    }

    /// Starts `command` with these streams for standard output and standard error. What is not piped is not read.
    pub fn start_on(name: &str, command: &mut Command, stdout: Stdio, stderr: Stdio) -> Self {
        let child = command
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(stderr)
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let stdout: Box<dyn Read + Send> = match child.stdout.take() {
            Some(stdout) => Box::new(stdout),
            None => Box::new(io::empty()),
        };
        let stderr: Box<dyn Read + Send> = match child.stderr.take() {
            Some(stderr) => Box::new(stderr),
            None => Box::new(io::empty()),
        };
        Self {
            stdout: Output::of(format!("stdout of {name}"), stdout),
            stderr: Output::of(format!("stderr of {name}"), stderr),
            name: name.to_owned(),
            stdin: child.stdin.take(),
            child,
            owned: None,
        }
    }

    /// With a directory that is removed once it has ended.
    pub(crate) fn owning(mut self, dir: TempDir) -> Self {
        self.owned = Some(dir);
        self
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processes it has started, and those they have started, that have not ended: id and command line.
    pub fn descendants(&self) -> Vec<(u32, String)> {
        descendants(self.id())
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("standard input is open");
        writeln!(stdin, "{line}").expect("the process reads");
    }

    /// Ends its standard input.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Sends it a signal, unless it has ended.
    pub fn signal(&mut self, signal: Signal) {
        // Until it is waited for, no other process gets its id.
        if let Ok(None) = self.child.try_wait() {
            let id = i32::try_from(self.child.id()).expect("process ids are small");
            let pid = Pid::from_raw(id).expect("process ids are not zero");
            kill_process(pid, signal).expect("a child can be signalled");
        }
    }

    /// Waits until it has ended by itself: until nobody is left who could print anything.
    ///
    /// # Panics
    /// It did not end in time.
    pub fn wait(&mut self) -> ExitStatus {
        assert!(self.ends(), "{} did not end", self.name);
        self.child.wait().expect("a child can be waited for")
    }

    /// Asks it to end with SIGTERM, waits until it has, and returns its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        self.wait().code()
    }

    pub(crate) fn ends(&self) -> bool {
        self.stdout.ends() && self.stderr.ends()
    }
}

fn descendants(id: u32) -> Vec<(u32, String)> {
    // Each thread has children of its own.
    let threads = fs::read_dir(format!("/proc/{id}/task"));
    let threads = threads.into_iter().flatten().filter_map(Result::ok);
    let children =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = children
        .flat_map(|ids| {
            let ids = ids.split_whitespace().map(|id| id.parse().expect("an id"));
            ids.collect::<Vec<_>>()
        })
        .collect();
    let of_each = children.into_iter().flat_map(|child| {
        // Empty once it has ended and is to be waited for.
        let command = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
        let itself = (!command.is_empty()).then(|| (child, command.replace('\0', " ")));
        itself.into_iter().chain(descendants(child))
    });
    of_each.collect()
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.owned.take());
        if thread::panicking() {
            self.stdout.show();
            self.stderr.show();
        }
    }
}
