//! When to end: Ctrl-C, SIGTERM, or a line `q`.

use std::{
    io::{self, BufRead},
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
    let quit = line_q();
    Ok(async move {
        select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            Ok(()) = quit => {}
        }
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
