//! Fault injection at the hub.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::{
    Entry, Error, Hub, Twin, connection::Push, entry, subscriptions::MqttSession,
    twins::DesiredHistory,
};
use crate::{
    clock::now,
    events::{EventKind, FaultPhase},
    faults::{ActiveFault, Fault, FaultTrigger, OneShotFault},
    mqtt::Close,
};

impl Hub {
    /// Starts a fault, for one device (registered or not) or for all, until it is cleared or `duration` has passed. Replaces the
    /// same fault for the same device.
    ///
    /// With a `duration`, this must be called in a tokio runtime.
    ///
    /// # Errors
    /// `ArgumentInvalid` if the settings of the fault make no sense.
    pub fn start_fault(
        &self,
        fault: Fault,
        device: Option<&str>,
        duration: Option<Duration>,
    ) -> Result<(), Error> {
        fault
            .check(device)
            .map_err(|problem| Error::ArgumentInvalid(problem.into()))?;
        let since = now();
        let until = duration.and_then(|duration| since.checked_add(duration).ok());
        let active = ActiveFault {
            fault,
            device: device.map(str::to_owned),
            since,
            until,
            number: self.next_number(),
        };
        let replaced = self.faults().start(active.clone());
        if let Some(replaced) = replaced {
            self.record_fault(FaultPhase::Ended, &replaced);
        }
        self.record_fault(FaultPhase::Started, &active);
        if let Some(duration) = duration {
            self.clear_after(duration, active.number);
        }
        Ok(())
    }

    /// Clears the fault of this kind, with whatever settings, for this device or for all. Does nothing if it is not active.
    pub fn clear_fault(&self, fault: &Fault, device: Option<&str>) {
        self.clear_matching(|active| {
            active.fault.is_same_kind(fault) && active.device.as_deref() == device
        });
    }

    /// Clears all faults.
    pub fn clear_faults(&self) {
        self.clear_matching(|_| true);
    }

    fn clear_after(&self, duration: Duration, number: u64) {
        let hub = self.clone();
        tokio::spawn(async move {
            sleep(duration).await;
            hub.clear_matching(|active| active.number == number);
        });
    }

    fn clear_matching(&self, matches: impl Fn(&ActiveFault) -> bool) {
        // Recorded first: packets the fault held back must come after its end.
        self.faults().clear(matches, |cleared| {
            self.record_fault(FaultPhase::Ended, cleared);
        });
    }

    /// Triggers a one-shot fault, for one device or for all.
    ///
    /// # Errors
    /// `DeviceNotFound`, except for faults of the network: a device that provisions need not be registered at the hub.
    pub fn trigger_fault(&self, fault: OneShotFault, device: Option<&str>) -> Result<(), Error> {
        let mut entries = self.entries();
        if let Some(id) = device
            && !fault.affects_network()
        {
            entry(&mut entries, id)?;
        }
        self.record_one_shot(fault, device);
        self.faults().trigger(FaultTrigger {
            fault,
            device: device.map(str::to_owned),
        });
        for (id, entry) in entries.iter_mut() {
            if device.is_none_or(|device| device == id) {
                self.apply_fault(entry, fault);
            }
        }
        Ok(())
    }

    fn apply_fault(&self, entry: &mut Entry, fault: OneShotFault) {
        match fault {
            // Applied by the network links.
            OneShotFault::Reset | OneShotFault::MidPacket => {}
            OneShotFault::Close => entry.close(Close::ByHub),
            OneShotFault::ExpireToken => entry.close(Close::TokenExpired),
            OneShotFault::TakeOver => self.disconnect(entry, Close::TakenOver),
            OneShotFault::ForgetSessions => {
                entry.session.forget();
                entry.persist(self.store());
            }
            OneShotFault::RestartEmpty => {
                self.disconnect(entry, Close::ByHub);
                entry.reset_state(now());
                entry.persist_messages(self.store());
                entry.persist(self.store());
            }
            OneShotFault::StaleDesired => {
                if let Some(push) = entry.desired_history.stale() {
                    entry.push(Push::Desired(push));
                }
            }
        }
    }

    fn record_fault(&self, phase: FaultPhase, active: &ActiveFault) {
        let fault = serde_json::to_value(&active.fault);
        self.record_phase(phase, fault.unwrap_or_default(), active.device.as_deref());
    }

    fn record_one_shot(&self, fault: OneShotFault, device: Option<&str>) {
        let fault = serde_json::to_value(fault);
        self.record_phase(FaultPhase::Triggered, fault.unwrap_or_default(), device);
    }

    fn record_phase(&self, phase: FaultPhase, fault: serde_json::Value, device: Option<&str>) {
        let event = EventKind::Fault { phase, fault };
        self.store().record(device.unwrap_or_default(), event);
    }
}

impl Entry {
    /// Discards all state except the registration.
    fn reset_state(&mut self, at: Timestamp) {
        self.twin = Twin::new(at);
        self.desired_history = DesiredHistory::default();
        self.model_id = None;
        self.session = MqttSession::default();
        self.queue.clear();
    }
}
