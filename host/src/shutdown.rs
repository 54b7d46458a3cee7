//! Shutdown on Ctrl-C, SIGTERM, a line `q`, or a hangup of the terminal.

use std::{
    io::{self, BufRead, IsTerminal},
    thread,
};

use rustix::process::Signal;
use tokio::{
    select,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

/// Ignores SIGXFSZ, so that a write beyond a file size limit (`ulimit -f`) fails like any other. To be called within a
/// runtime.
///
/// # Errors
/// The signal cannot be handled.
pub(crate) fn ignore_file_size_signal() -> io::Result<()> {
    // Registering once replaces the default action for good.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// Returns a future that ends when shutdown is requested. The end of standard input does not request it.
///
/// # Errors
/// A signal cannot be handled.
pub(crate) fn listen() -> io::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let hangup = terminal_hangup()?;
    let quit = quit_line();
    Ok(async move {
        select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = hangup => {}
            Ok(()) = quit => {}
        }
    })
}

/// Returns a future that ends when the terminal hangs up. SIGHUP alone requests a swap to the component's file.
fn terminal_hangup() -> io::Result<impl Future<Output = ()> + Send> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let at_terminal = io::stdin().is_terminal();
    Ok(async move {
        while hang_up.recv().await.is_some() {
            // After a hangup, standard input is no terminal.
            if at_terminal && !io::stdin().is_terminal() {
                return;
            }
        }
        std::future::pending().await
    })
}

/// Reads standard input on a thread of its own: a blocking read can be neither cancelled nor joined.
fn quit_line() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let quit = io::stdin()
            .lock()
            .lines()
            .map_while(Result::ok)
            .find(|line| line.trim().eq_ignore_ascii_case("q"));
        if quit.is_some() {
            // The receiver is gone when the process is ending anyway.
            let _ = sender.send(());
        }
    });
    receiver
}
