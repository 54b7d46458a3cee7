//! A program that runs in the foreground of ours.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::device_environment::Variables;
use super::failure::Failure;

/// Runs `program` with `arguments` and these variables until it ends, passes on the signals that come meanwhile, and
/// returns its exit code as a shell would.
pub(crate) async fn run(
    program: &OsString,
    arguments: &[OsString],
    variables: Variables,
) -> Result<u8, Failure> {
    let mut signals = Signals::listen().map_err(Failure::settings)?;
    let mut command = Command::new(program);
    let child = command.args(arguments).envs(variables).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return cannot_run(program, &error),
    };
    loop {
        tokio::select! {
            status = child.wait() => return status.map(code).map_err(Failure::request),
            signal = signals.next() => pass_on(&child, signal),
        }
    }
}

fn cannot_run(program: &OsString, error: &io::Error) -> Result<u8, Failure> {
    super::output::error(&format!("cannot run {}: {error}", program.display()));
    Ok(match error.kind() {
        io::ErrorKind::NotFound => 127,
        _ => 126,
    })
}

fn code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| Some(status.signal()?.saturating_add(128)));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// The child may just have ended: then there is nobody to tell.
fn pass_on(child: &Child, signal: Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = id.and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    at_terminal: bool,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            at_terminal: io::stdin().is_terminal(),
        })
    }

    async fn next(&mut self) -> Signal {
        loop {
            tokio::select! {
                // A terminal sends Ctrl-C to the child as well: passed on, it would count twice.
                Some(()) = self.interrupt.recv() => if !self.at_terminal {
                    return Signal::INT;
                },
                Some(()) = self.terminate.recv() => return Signal::TERM,
                Some(()) = self.hang_up.recv() => return Signal::HUP,
            }
        }
    }
}
