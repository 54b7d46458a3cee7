//! Faults on request: what an outage looks like from the device's side.
//!
//! A [`Fault`] lasts until it is ended, a [`Stroke`] happens once; [`kit`] lists them. Here is what is on;
//! [`Hub::begin_fault`](crate::hub::Hub::begin_fault) and [`Hub::strike`](crate::hub::Hub::strike) turn it. Each takes
//! effect in one place: those of the network in `front`, the others where the packet in question is made.

pub mod kit;

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

pub use self::kit::{Fault, Flaw, Stroke, duration};

/// Strokes a connection may be behind with; it takes each as it comes.
const STROKES: usize = 64;

/// The faults of one cloud. Clones are the same.
#[derive(Clone, Debug)]
pub struct Faults {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    standing: watch::Sender<Vec<Standing>>,
    strokes: broadcast::Sender<Struck>,
}

/// A fault that is on.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Which one.
    pub fault: Fault,
    /// For which device only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Tells it from another of the same kind.
    #[serde(skip)]
    pub(crate) number: u64,
}

/// A stroke on its way to the connections.
#[derive(Clone, Debug)]
pub(crate) struct Struck {
    pub(crate) stroke: Stroke,
    /// Whose connections only.
    pub(crate) device: Option<String>,
}

impl Standing {
    fn is_replaced_by(&self, new: &Self) -> bool {
        self.fault.is_kind_of(&new.fault) && self.device == new.device
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            inner: Arc::new(Inner {
                standing: watch::Sender::default(),
                strokes: broadcast::Sender::new(STROKES),
            }),
        }
    }
}

impl Faults {
    /// What is on, in the order it was begun.
    pub fn standing(&self) -> Vec<Standing> {
        self.inner.standing.borrow().clone()
    }

    /// Whether a fault without settings is on for this device, or for a connection nobody knows yet.
    pub fn is_on(&self, fault: &Fault, device: Option<&str>) -> bool {
        self.find(device, |on| (on == fault).then_some(()))
            .is_some()
    }

    /// The first thing `look` finds among the faults that are on for this device: its own before those of all.
    pub(crate) fn find<T>(
        &self,
        device: Option<&str>,
        look: impl Fn(&Fault) -> Option<T>,
    ) -> Option<T> {
        let standing = self.inner.standing.borrow();
        let own = standing
            .iter()
            .filter(|on| on.device.is_some() && on.device.as_deref() == device);
        let common = standing.iter().filter(|on| on.device.is_none());
        own.chain(common).find_map(|on| look(&on.fault))
    }

    /// Puts a fault in the place of the one of its kind for the same device, and returns that.
    pub(crate) fn begin(&self, new: Standing) -> Option<Standing> {
        let mut old = None;
        self.inner.standing.send_modify(|all| {
            old = all.extract_if(.., |on| on.is_replaced_by(&new)).next();
            all.push(new);
        });
        old
    }

    /// Ends those that `which` names. `tell` is told of each before it has no effect any more.
    pub(crate) fn end(&self, which: impl Fn(&Standing) -> bool, tell: impl Fn(&Standing)) {
        self.inner.standing.send_if_modified(|all| {
            let ended = all.extract_if(.., |standing| which(standing));
            ended.inspect(tell).count() > 0
        });
    }

    /// Strikes the connections.
    pub(crate) fn strike(&self, struck: Struck) {
        // Without a connection there is nobody to strike.
        let _ = self.inner.strokes.send(struck);
    }

    /// Tells of each change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<Vec<Standing>> {
        self.inner.standing.subscribe()
    }

    /// Tells of each stroke from now on.
    pub(crate) fn strokes(&self) -> broadcast::Receiver<Struck> {
        self.inner.strokes.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn begun(faults: &Faults, code: u8, device: Option<&str>) {
        faults.begin(Standing {
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
        begun(&faults, 3, None);
        begun(&faults, 5, Some("a"));
        assert_eq!(code(&faults, Some("a")), Some(5));
        assert_eq!(code(&faults, Some("b")), Some(3));
        assert_eq!(code(&faults, None), Some(3));
        let ended = Cell::new(0);
        faults.end(|on| on.device.is_none(), |_| ended.set(ended.get() + 1));
        assert_eq!(ended.get(), 1);
        assert_eq!(code(&faults, None), None);
    }
}
