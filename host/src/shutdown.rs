//! When to end: Ctrl-C, SIGTERM, a line `q`, or a terminal that hangs up.

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

/// Lets a write beyond a limit on file sizes (`ulimit -f`) fail like any other, where by default it ends the process. To
/// be called within a runtime.
pub(crate) fn outlive_full_files() -> io::Result<()> {
    // Listening once is enough: the default is gone for good.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}

/// Listens for the wish to end. The future ends when there is one; the end of standard input is none.
pub(crate) fn listen() -> io::Result<impl Future<Output = ()> + Send> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let gone = terminal_gone()?;
    let quit = line_q();
    Ok(async move {
        select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = gone => {}
            Ok(()) = quit => {}
        }
    })
}

/// SIGHUP asks for the component's file to be taken anew; but it also comes when a terminal hangs up, and whoever started
/// the host there expects it to end.
fn terminal_gone() -> io::Result<impl Future<Output = ()> + Send> {
    let mut hang_up = signal(SignalKind::hangup())?;
    let at_terminal = io::stdin().is_terminal();
    Ok(async move {
        while hang_up.recv().await.is_some() {
            // A terminal that has hung up is none any more.
            if at_terminal && !io::stdin().is_terminal() {
                return;
            }
        }
        std::future::pending().await
    })
}

/// A thread reads standard input, because a blocking read can be neither cancelled nor waited for at the end.
fn line_q() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        let wish = io::stdin()
            .lock()
            .lines()
            .map_while(Result::ok)
            .find(|line| line.trim().eq_ignore_ascii_case("q"));
        if wish.is_some() {
            // The receiver is gone when the process is ending anyway.
            let _ = sender.send(());
        }
    });
    receiver
}
