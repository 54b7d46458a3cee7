//! PUBACKs for publishes of a device, with the faults that change them.

use std::time::Duration;

use super::{DeviceEndpoint, REORDER_TIMEOUT};
use crate::{
    faults::Fault,
    hub::held_packets::ReleaseOn,
    mqtt::{Packet, Publish},
};

/// The delay of a PUBACK under delay-acks, unless the fault sets one.
const DEFAULT_ACK_DELAY: Duration = Duration::from_secs(2);

impl DeviceEndpoint {
    /// Returns the PUBACK, unless a fault withholds or delays it.
    pub(super) fn puback(&mut self, publish: &Publish) -> Vec<Packet> {
        let Some(packet_id) = publish.packet_id else {
            return Vec::new();
        };
        let puback = Packet::PubAck { packet_id };
        let late = self.fault(|fault| match fault {
            Fault::DelayAcks { delay } => Some(delay.unwrap_or(DEFAULT_ACK_DELAY)),
            _ => None,
        });
        if self.has_fault(&Fault::WithholdAcks) {
            Vec::new()
        } else if let Some(late) = late {
            self.held.hold(puback, ReleaseOn::Timeout, late);
            Vec::new()
        } else if self.has_fault(&Fault::ReorderAcks) {
            self.reorder(puback)
        } else if self.has_fault(&Fault::DuplicateAcks) {
            vec![puback.clone(), puback]
        } else {
            vec![puback]
        }
    }

    fn reorder(&mut self, puback: Packet) -> Vec<Packet> {
        let earlier = self.held.release(ReleaseOn::NextAck);
        if earlier.is_empty() {
            self.held.hold(puback, ReleaseOn::NextAck, REORDER_TIMEOUT);
            return earlier;
        }
        [vec![puback], earlier].concat()
    }
}
