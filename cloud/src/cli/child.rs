//! The program of `cloud exec`.

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    os::unix::process::ExitStatusExt,
    process::ExitStatus,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

use super::{command_error::CommandError, device_environment::Variables};

/// Runs `program` with `arguments` and these variables until it exits, and forwards signals to it. Returns its exit code as a
/// shell does. Kills it if the call is dropped.
pub(crate) async fn run(
    program: &OsString,
    arguments: &[OsString],
    variables: Variables,
) -> Result<u8, CommandError> {
    let mut signals = ForwardedSignals::listen().map_err(CommandError::settings)?;
    let mut command = Command::new(program);
    let child = command
        .args(arguments)
        .envs(variables)
        .kill_on_drop(true)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return cannot_run(program, &error),
    };
    loop {
        tokio::select! {
            status = child.wait() => return status.map(code).map_err(CommandError::request),
            signal = signals.next() => forward(&child, signal),
        }
    }
}

fn cannot_run(program: &OsString, error: &io::Error) -> Result<u8, CommandError> {
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

/// Does nothing if the child has just exited.
fn forward(child: &Child, signal: Signal) {
    let id = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(pid) = id.and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

struct ForwardedSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    at_terminal: bool,
}

impl ForwardedSignals {
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
                // A terminal sends Ctrl-C to the child too; forwarded, it would arrive twice.
                Some(()) = self.interrupt.recv() => if !self.at_terminal {
                    return Signal::INT;
                },
                Some(()) = self.terminate.recv() => return Signal::TERM,
                Some(()) = self.hang_up.recv() => return Signal::HUP,
            }
        }
    }
}
