//! What lies between a device and the cloud: a link that can be slow, pass nothing, or be cut.
//!
//! The cloud talks into a pipe; the wire carries the pipe's bytes to the socket, and the socket's to the pipe. So the
//! cloud learns of what happens on the wire as late as a real one would.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{DuplexStream, split};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;

use super::lane::{Lane, Pace, Passage};
use crate::faults::{Fault, Faults, Standing, Stroke, Struck};

/// How long a device may take to read what is left when the cloud has said everything.
const FAREWELL: Duration = Duration::from_secs(30);

/// One connection's wire.
pub(super) struct Wire {
    faults: Faults,
    changes: watch::Receiver<Vec<Standing>>,
    strokes: broadcast::Receiver<Struck>,
    owner: Owner,
    passage: watch::Sender<Passage>,
    cut: Arc<AtomicBool>,
}

/// Whose connection it is, once that is known.
#[derive(Clone, Default)]
pub(super) struct Owner(watch::Sender<Option<String>>);

/// How the socket is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As always.
    Close,
    /// With a reset.
    Reset,
}

impl Owner {
    /// The connection is this device's.
    pub(super) fn is(&self, id: &str) {
        self.0.send_replace(Some(id.to_owned()));
    }
}

impl Wire {
    pub(super) fn new(faults: Faults) -> Self {
        Self {
            changes: faults.changes(),
            strokes: faults.strokes(),
            faults,
            owner: Owner::default(),
            passage: watch::Sender::default(),
            cut: Arc::default(),
        }
    }

    /// Where to say whose connection it is.
    pub(super) fn owner(&self) -> Owner {
        self.owner.clone()
    }

    /// Carries what `talk` says and hears at the other end of `pipe`, until all is said or the connection is broken.
    pub(super) async fn carry(
        mut self,
        tcp: &mut TcpStream,
        pipe: DuplexStream,
        talk: impl Future<Output = ()>,
    ) -> End {
        self.look();
        let (from_device, to_device) = tcp.split();
        let (from_cloud, to_cloud) = split(pipe);
        let up = Lane::new(self.passage.subscribe(), Arc::default());
        let down = Lane::new(self.passage.subscribe(), Arc::clone(&self.cut));
        let mut passage = self.passage.subscribe();
        let said = async {
            talk.await;
            let opens = passage.wait_for(|passage| matches!(passage, Passage::Open(_)));
            let _ = opens.await;
            sleep(FAREWELL).await;
        };
        tokio::select! {
            // First, so that no byte passes that a fault should have met.
            biased;
            () = self.follow() => End::Reset,
            () = up.carry_up(from_device, to_cloud) => End::Close,
            () = down.carry_down(from_cloud, to_device) => End::Close,
            () = said => End::Close,
        }
    }

    /// Does what the faults want, until they want a reset.
    async fn follow(&mut self) {
        let mut owner = self.owner.0.subscribe();
        loop {
            self.look();
            tokio::select! {
                _ = self.changes.changed() => {}
                _ = owner.changed() => {}
                struck = self.strokes.recv() => match struck {
                    Ok(struck) if !self.is_meant(&struck) => {}
                    Ok(Struck { stroke: Stroke::Reset, .. }) => return,
                    Ok(Struck { stroke: Stroke::MidPacket, .. }) => {
                        self.cut.store(true, Ordering::Relaxed);
                    }
                    // Any other stroke is the hub's. One that was missed has been struck while nobody looked.
                    _ => {}
                }
            }
        }
    }

    fn is_meant(&self, struck: &Struck) -> bool {
        struck.device.is_none() || struck.device == *self.owner.0.borrow()
    }

    /// Looks how bytes are to pass now.
    fn look(&self) {
        let next = self.next();
        self.passage.send_if_modified(|passage| {
            let before = std::mem::replace(passage, next);
            before != next
        });
    }

    fn next(&self) -> Passage {
        let owner = self.owner.0.borrow();
        let hole = self.faults.find(owner.as_deref(), |fault| match fault {
            Fault::BlackHole { lose } => Some(*lose),
            _ => None,
        });
        let pace = self.faults.find(owner.as_deref(), Pace::of);
        match (*self.passage.borrow(), hole) {
            (Passage::Lost, _) | (Passage::Held { lose: true }, None) => Passage::Lost,
            (_, Some(lose)) => Passage::Held { lose },
            (_, None) => Passage::Open(pace.unwrap_or_default()),
        }
    }
}
