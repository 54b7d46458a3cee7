//! Faults on request: what an outage looks like from the device's side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// The switches of one cloud. Clones turn the same switches.
#[derive(Clone, Debug)]
pub struct Faults {
    switches: Arc<Switches>,
}

#[derive(Debug)]
struct Switches {
    refuse: AtomicBool,
    withhold: AtomicBool,
    resets: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            switches: Arc::new(Switches {
                refuse: AtomicBool::new(false),
                withhold: AtomicBool::new(false),
                resets: watch::Sender::new(()),
            }),
        }
    }
}

impl Faults {
    /// Ends every device connection with a TCP reset, unsent data and all.
    pub fn reset_connections(&self) {
        self.switches.resets.send_replace(());
    }

    /// While on, every new device connection is reset as soon as it is accepted. Open ones live on.
    pub fn refuse_connects(&self, on: bool) {
        self.switches.refuse.store(on, Ordering::SeqCst);
    }

    /// While on, what devices send is taken but not acknowledged: no PUBACK, no answer to a reported PATCH. Those
    /// acknowledgments never come, as if the hub had died before it sent them.
    pub fn withhold_acks(&self, on: bool) {
        self.switches.withhold.store(on, Ordering::SeqCst);
    }

    /// Whether new connections are refused.
    pub fn refuses_connects(&self) -> bool {
        self.switches.refuse.load(Ordering::SeqCst)
    }

    /// Whether acknowledgments are withheld.
    pub fn withholds_acks(&self) -> bool {
        self.switches.withhold.load(Ordering::SeqCst)
    }

    /// Tells of each reset asked for after this call.
    pub(crate) fn resets(&self) -> watch::Receiver<()> {
        self.switches.resets.subscribe()
    }
}
