//! Fault injection: outages as a device sees them, on request.
//!
//! A [`Fault`] lasts until it is cleared, a [`OneShotFault`] takes effect once; [`catalog`] lists both. This module holds the
//! active faults; [`Hub::start_fault`](crate::hub::Hub::start_fault) and
//! [`Hub::trigger_fault`](crate::hub::Hub::trigger_fault) change them. Each fault takes effect in one place: those of the
//! network in `front`, all others where the packet in question is made.

pub mod catalog;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

pub use self::catalog::{CertificateFlaw, Fault, OneShotFault, duration};

/// Triggers a connection may lag behind; it handles each as it arrives.
const TRIGGER_CAPACITY: usize = 64;

/// The faults of one cloud. Clones share their state.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: Arc<FaultChannels>,
}

#[derive(Debug)]
struct FaultChannels {
    active: watch::Sender<Vec<ActiveFault>>,
    triggers: broadcast::Sender<FaultTrigger>,
}

/// An active fault.
#[derive(Clone, Debug, Serialize)]
pub struct ActiveFault {
    /// The fault and its settings.
    pub fault: Fault,
    /// The only affected device; `None` for all devices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Start time.
    pub since: Timestamp,
    /// Scheduled end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Identifies this activation among others of the same fault.
    #[serde(skip)]
    pub(crate) number: u64,
}

/// A one-shot fault on its way to the connections.
#[derive(Clone, Debug)]
pub(crate) struct FaultTrigger {
    pub(crate) fault: OneShotFault,
    /// The only affected device; `None` for all devices.
    pub(crate) device: Option<String>,
}

impl ActiveFault {
    fn is_replaced_by(&self, new: &Self) -> bool {
        self.fault.is_same_kind(&new.fault) && self.device == new.device
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            inner: Arc::new(FaultChannels {
                active: watch::Sender::default(),
                triggers: broadcast::Sender::new(TRIGGER_CAPACITY),
            }),
        }
    }
}

impl Faults {
    /// Returns the active faults, in the order of their start.
    pub fn active(&self) -> Vec<ActiveFault> {
        self.inner.active.borrow().clone()
    }

    /// Returns true if a fault without settings is active for this device. `None` stands for a connection before CONNECT.
    pub fn is_on(&self, fault: &Fault, device: Option<&str>) -> bool {
        self.find(device, |active| (active == fault).then_some(()))
            .is_some()
    }

    /// Returns the first match of `select` among the faults active for this device, its own before those of all devices.
    pub(crate) fn find<T>(
        &self,
        device: Option<&str>,
        select: impl Fn(&Fault) -> Option<T>,
    ) -> Option<T> {
        let all = self.inner.active.borrow();
        let own = all
            .iter()
            .filter(|active| active.device.is_some() && active.device.as_deref() == device);
        let common = all.iter().filter(|active| active.device.is_none());
        own.chain(common).find_map(|active| select(&active.fault))
    }

    /// Adds an active fault. Returns the one it replaced: the same fault for the same device.
    pub(crate) fn start(&self, new: ActiveFault) -> Option<ActiveFault> {
        let mut replaced = None;
        self.inner.active.send_modify(|all| {
            replaced = all
                .extract_if(.., |active| active.is_replaced_by(&new))
                .next();
            all.push(new);
        });
        replaced
    }

    /// Clears the faults selected by `matches`. Calls `on_clear` with each while it is still in effect.
    pub(crate) fn clear(
        &self,
        matches: impl Fn(&ActiveFault) -> bool,
        on_clear: impl Fn(&ActiveFault),
    ) {
        self.inner.active.send_if_modified(|all| {
            let cleared = all.extract_if(.., |active| matches(active));
            cleared.inspect(on_clear).count() > 0
        });
    }

    /// Sends a one-shot fault to the connections.
    pub(crate) fn trigger(&self, trigger: FaultTrigger) {
        // Fails without a connection only.
        let _ = self.inner.triggers.send(trigger);
    }

    /// Subscribes to changes of the active faults.
    pub(crate) fn changes(&self) -> watch::Receiver<Vec<ActiveFault>> {
        self.inner.active.subscribe()
    }

    /// Subscribes to one-shot faults.
    pub(crate) fn triggers(&self) -> broadcast::Receiver<FaultTrigger> {
        self.inner.triggers.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn start(faults: &Faults, code: u8, device: Option<&str>) {
        faults.start(ActiveFault {
            fault: Fault::Connack {
                code: Some(code),
                dps: false,
            },
            device: device.map(str::to_owned),
            since: Timestamp::now(),
            until: None,
            number: 0,
        });
    }

    fn code(faults: &Faults, device: Option<&str>) -> Option<u8> {
        faults.find(device, |fault| match fault {
            Fault::Connack { code, .. } => *code,
            _ => None,
        })
    }

    #[test]
    fn a_devices_own_fault_goes_before_one_of_all() {
        let faults = Faults::default();
        assert_eq!(code(&faults, Some("a")), None);
        start(&faults, 3, None);
        start(&faults, 5, Some("a"));
        assert_eq!(code(&faults, Some("a")), Some(5));
        assert_eq!(code(&faults, Some("b")), Some(3));
        assert_eq!(code(&faults, None), Some(3));
        let cleared = Cell::new(0);
        faults.clear(
            |active| active.device.is_none(),
            |_| cleared.set(cleared.get() + 1),
        );
        assert_eq!(cleared.get(), 1);
        assert_eq!(code(&faults, None), None);
    }
}
