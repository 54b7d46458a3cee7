//! The network between a device and the cloud: a link that can be slow, blocked or cut.
//!
//! The cloud writes into a pipe; the link forwards the pipe's bytes to the socket, and the socket's bytes to the pipe. So the
//! cloud notices a fault of the link as late as it would notice a real one.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{DuplexStream, split},
    net::TcpStream,
    sync::{broadcast, watch},
    time::sleep,
};

use super::direction::{Direction, LinkState, Throttle};
use crate::faults::{ActiveFault, Fault, FaultTrigger, Faults, OneShotFault};

/// The time a device has to read pending bytes once the cloud has finished.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The link of one connection.
pub(super) struct NetworkLink {
    faults: Faults,
    changes: watch::Receiver<Vec<ActiveFault>>,
    triggers: broadcast::Receiver<FaultTrigger>,
    device: ConnectedDevice,
    state: watch::Sender<LinkState>,
    cut: Arc<AtomicBool>,
}

/// The device of a connection, once CONNECT has named it.
#[derive(Clone, Default)]
pub(super) struct ConnectedDevice(watch::Sender<Option<String>>);

/// The way to close a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseMode {
    /// With FIN.
    Finish,
    /// With RST.
    Reset,
}

impl ConnectedDevice {
    /// Sets the device ID.
    pub(super) fn set(&self, id: &str) {
        self.0.send_replace(Some(id.to_owned()));
    }
}

impl NetworkLink {
    pub(super) fn new(faults: Faults) -> Self {
        Self {
            changes: faults.changes(),
            triggers: faults.triggers(),
            faults,
            device: ConnectedDevice::default(),
            state: watch::Sender::default(),
            cut: Arc::default(),
        }
    }

    /// Returns the device of this connection, to be set once it is known.
    pub(super) fn device(&self) -> ConnectedDevice {
        self.device.clone()
    }

    /// Forwards bytes between the socket and the pipe that `serve` uses, until both are finished or the connection breaks.
    pub(super) async fn run(
        mut self,
        tcp: &mut TcpStream,
        pipe: DuplexStream,
        serve: impl Future<Output = ()>,
    ) -> CloseMode {
        self.update();
        let (from_device, to_device) = tcp.split();
        let (from_cloud, to_cloud) = split(pipe);
        let up = Direction::new(self.state.subscribe(), Arc::default());
        let down = Direction::new(self.state.subscribe(), Arc::clone(&self.cut));
        let mut state = self.state.subscribe();
        let served = async {
            serve.await;
            let opens = state.wait_for(|state| matches!(state, LinkState::Open(_)));
            let _ = opens.await;
            sleep(DRAIN_TIMEOUT).await;
        };
        tokio::select! {
            // Faults first, so that no byte passes which a fault should have stopped.
            biased;
            () = self.apply_faults() => CloseMode::Reset,
            () = up.forward_up(from_device, to_cloud) => CloseMode::Finish,
            () = down.forward_down(from_cloud, to_device) => CloseMode::Finish,
            () = served => CloseMode::Finish,
        }
    }

    /// Applies faults as they come. Returns on a reset.
    async fn apply_faults(&mut self) {
        let mut device = self.device.0.subscribe();
        loop {
            self.update();
            tokio::select! {
                _ = self.changes.changed() => {}
                _ = device.changed() => {}
                trigger = self.triggers.recv() => match trigger {
                    Ok(trigger) if !self.is_affected(&trigger) => {}
                    Ok(FaultTrigger { fault: OneShotFault::Reset, .. }) => return,
                    Ok(FaultTrigger { fault: OneShotFault::MidPacket, .. }) => {
                        self.cut.store(true, Ordering::Relaxed);
                    }
                    // All others are the hub's. A trigger this receiver lagged behind is lost.
                    _ => {}
                }
            }
        }
    }

    fn is_affected(&self, trigger: &FaultTrigger) -> bool {
        trigger.device.is_none() || trigger.device == *self.device.0.borrow()
    }

    /// Updates the state from the active faults.
    fn update(&self) {
        let next = self.next_state();
        self.state.send_if_modified(|state| {
            let before = std::mem::replace(state, next);
            before != next
        });
    }

    fn next_state(&self) -> LinkState {
        let device = self.device.0.borrow();
        let black_hole = self.faults.find(device.as_deref(), |fault| match fault {
            Fault::BlackHole { drop_connections } => Some(*drop_connections),
            _ => None,
        });
        let throttle = self.faults.find(device.as_deref(), Throttle::of);
        match (*self.state.borrow(), black_hole) {
            (LinkState::Dead, _) => LinkState::Dead,
            (
                LinkState::Blocked {
                    drop_connections: true,
                },
                None,
            ) => LinkState::Dead,
            (_, Some(drop_connections)) => LinkState::Blocked { drop_connections },
            (_, None) => LinkState::Open(throttle.unwrap_or_default()),
        }
    }
}
