//! Faults as operators ask for them.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::link::Push;
use super::subscriptions::Session;
use super::twins::Pushed;
use super::{Entry, EventKind, FaultPhase, Hub, Twin, entry, now};
use crate::error::HubError;
use crate::faults::{Fault, Standing, Stroke, Struck};
use crate::mqtt::Close;

impl Hub {
    /// Begins a fault: for one device, which need not be registered yet, or for all; until it is ended, or for so
    /// long. It takes the place of one of the same kind and for the same device.
    ///
    /// With a time, this must be called in a tokio runtime.
    ///
    /// # Errors
    /// `ArgumentInvalid` if the fault makes no sense.
    pub fn begin_fault(
        &self,
        fault: Fault,
        device: Option<&str>,
        lasts: Option<Duration>,
    ) -> Result<(), HubError> {
        fault.check(device)?;
        let since = now();
        let until = lasts.and_then(|time| since.checked_add(time).ok());
        let standing = Standing {
            fault,
            device: device.map(str::to_owned),
            since,
            until,
            number: self.number(),
        };
        let replaced = self.faults().begin(standing.clone());
        if let Some(replaced) = replaced {
            self.record_fault(FaultPhase::Ended, &replaced);
        }
        self.record_fault(FaultPhase::Began, &standing);
        if let Some(time) = lasts {
            self.end_after(time, standing.number);
        }
        Ok(())
    }

    /// Ends the fault of this kind, whatever it was told, that was begun for this device, or for all. Nothing happens
    /// if it is not on.
    pub fn end_fault(&self, fault: &Fault, device: Option<&str>) {
        self.end_faults(|on| on.fault.is_kind_of(fault) && on.device.as_deref() == device);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        self.end_faults(|_| true);
    }

    fn end_after(&self, time: Duration, number: u64) {
        let hub = self.clone();
        tokio::spawn(async move {
            sleep(time).await;
            hub.end_faults(|on| on.number == number);
        });
    }

    fn end_faults(&self, which: impl Fn(&Standing) -> bool) {
        // First of all: what the fault has held back comes after its end.
        self.faults()
            .end(which, |ended| self.record_fault(FaultPhase::Ended, ended));
    }

    /// Does something to the connections or the state of one device, or of all.
    ///
    /// # Errors
    /// `DeviceNotFound`, except for what befalls connections of whatever kind: a device that registers need not be
    /// known to the hub.
    pub fn strike(&self, stroke: Stroke, device: Option<&str>) -> Result<(), HubError> {
        let mut state = self.state();
        if let Some(id) = device
            && !stroke.is_of_the_network()
        {
            entry(&mut state, id)?;
        }
        self.record_stroke(stroke, device);
        self.faults().strike(Struck {
            stroke,
            device: device.map(str::to_owned),
        });
        for (id, entry) in state.iter_mut() {
            if device.is_none_or(|device| device == id) {
                self.befall(entry, stroke);
            }
        }
        Ok(())
    }

    fn befall(&self, entry: &mut Entry, stroke: Stroke) {
        match stroke {
            // The wires take these.
            Stroke::Reset | Stroke::MidPacket => {}
            Stroke::Close => entry.close(Close::ByHub),
            Stroke::ExpireToken => entry.close(Close::TokenExpired),
            Stroke::TakeOver => self.drop_link(entry, Close::TakenOver),
            Stroke::ForgetSessions => {
                entry.session.forget();
                entry.keep(self.store());
            }
            Stroke::RestartEmpty => {
                self.drop_link(entry, Close::ByHub);
                entry.begin_again(now());
                entry.keep_messages(self.store());
                entry.keep(self.store());
            }
            Stroke::StaleDesired => {
                if let Some(push) = entry.pushed.stale() {
                    entry.push(Push::Desired(push));
                }
            }
        }
    }

    fn record_fault(&self, phase: FaultPhase, standing: &Standing) {
        let what = serde_json::to_value(&standing.fault);
        self.record_phase(phase, what.unwrap_or_default(), standing.device.as_deref());
    }

    fn record_stroke(&self, stroke: Stroke, device: Option<&str>) {
        let what = serde_json::to_value(stroke);
        self.record_phase(FaultPhase::Struck, what.unwrap_or_default(), device);
    }

    fn record_phase(&self, phase: FaultPhase, what: serde_json::Value, device: Option<&str>) {
        let fault = EventKind::Fault { phase, what };
        self.store().record(device.unwrap_or_default(), fault);
    }
}

impl Entry {
    /// Loses everything but its registration.
    fn begin_again(&mut self, at: Timestamp) {
        self.twin = Twin::new(at);
        self.pushed = Pushed::default();
        self.model_id = None;
        self.session = Session::default();
        self.queue.clear();
    }
}
