//! Packets that a fault delays.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::mqtt::Packet;

/// The event that releases a held packet, if its timeout does not come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReleaseOn {
    /// None but the timeout.
    Timeout,
    /// The next PUBACK.
    NextAck,
    /// A push of desired properties.
    Desired,
    /// A method call.
    Method,
}

/// The held packets of one connection.
#[derive(Default)]
pub(super) struct HeldPackets {
    packets: Vec<HeldPacket>,
}

struct HeldPacket {
    packet: Packet,
    until: ReleaseOn,
    due: Instant,
}

impl HeldPackets {
    /// Holds a packet until `until`, for at most `timeout`.
    pub(super) fn hold(&mut self, packet: Packet, until: ReleaseOn, timeout: Duration) {
        self.packets.push(HeldPacket {
            packet,
            until,
            due: Instant::now() + timeout,
        });
    }

    /// Releases the packets that were held until this event.
    pub(super) fn release(&mut self, until: ReleaseOn) -> Vec<Packet> {
        self.take(|held| held.until == until)
    }

    /// Releases the packets whose timeout has passed.
    pub(super) fn overdue(&mut self) -> Vec<Packet> {
        let now = Instant::now();
        self.take(|held| held.due <= now)
    }

    /// Waits for the next timeout.
    pub(super) async fn due(&self) {
        match self.packets.iter().map(|held| held.due).min() {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    fn take(&mut self, which: impl Fn(&HeldPacket) -> bool) -> Vec<Packet> {
        let taken = self.packets.extract_if(.., |held| which(held));
        taken.map(|held| held.packet).collect()
    }
}
