//! Packets that a fault holds back.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::mqtt::Packet;

/// What lets a packet go that is held back. Its time does in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Nothing but its time.
    Time,
    /// The PUBACK after it.
    NextAck,
    /// A push of desired properties.
    Desired,
    /// A call of a method.
    Method,
}

/// What one connection is to be sent later.
#[derive(Default)]
pub(super) struct Held {
    waiting: Vec<Waiting>,
}

struct Waiting {
    packet: Packet,
    until: Until,
    due: Instant,
}

impl Held {
    /// Holds a packet back, for so long at most.
    pub(super) fn hold(&mut self, packet: Packet, until: Until, at_most: Duration) {
        self.waiting.push(Waiting {
            packet,
            until,
            due: Instant::now() + at_most,
        });
    }

    /// Lets go what waited for this.
    pub(super) fn release(&mut self, until: Until) -> Vec<Packet> {
        self.take(|waiting| waiting.until == until)
    }

    /// Lets go what has waited long enough.
    pub(super) fn overdue(&mut self) -> Vec<Packet> {
        let now = Instant::now();
        self.take(|waiting| waiting.due <= now)
    }

    /// Waits until something is overdue.
    pub(super) async fn due(&self) {
        match self.waiting.iter().map(|waiting| waiting.due).min() {
            Some(due) => sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    fn take(&mut self, which: impl Fn(&Waiting) -> bool) -> Vec<Packet> {
        let taken = self.waiting.extract_if(.., |waiting| which(waiting));
        taken.map(|waiting| waiting.packet).collect()
    }
}
