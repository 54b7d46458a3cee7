//! PUBACKs for what a device sends.

use std::time::Duration;

use super::{Endpoint, OUT_OF_ORDER};
use crate::faults::Fault;
use crate::hub::held::Until;
use crate::mqtt::{Packet, Publish};

/// How late a PUBACK comes, if nothing else was asked for.
const LATE: Duration = Duration::from_secs(2);

impl Endpoint {
    /// The acknowledgment, as far as a fault lets it out.
    pub(super) fn puback(&mut self, publish: &Publish) -> Vec<Packet> {
        let Some(packet_id) = publish.packet_id else {
            return Vec::new();
        };
        let puback = Packet::PubAck { packet_id };
        let late = self.fault(|fault| match fault {
            Fault::DelayAcks { delay } => Some(delay.unwrap_or(LATE)),
            _ => None,
        });
        if self.suffers(&Fault::WithholdAcks) {
            Vec::new()
        } else if let Some(late) = late {
            self.held.hold(puback, Until::Time, late);
            Vec::new()
        } else if self.suffers(&Fault::ReorderAcks) {
            self.reordered(puback)
        } else if self.suffers(&Fault::DuplicateAcks) {
            vec![puback.clone(), puback]
        } else {
            vec![puback]
        }
    }

    fn reordered(&mut self, puback: Packet) -> Vec<Packet> {
        let earlier = self.held.release(Until::NextAck);
        if earlier.is_empty() {
            self.held.hold(puback, Until::NextAck, OUT_OF_ORDER);
            return earlier;
        }
        [vec![puback], earlier].concat()
    }
}
