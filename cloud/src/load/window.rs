//! The messages in flight of a device.

use std::collections::VecDeque;

use tokio::time::Instant;

/// A message in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InFlight {
    packet_id: u16,
    /// The number of the message.
    pub(super) number: u64,
    /// The due time of the message.
    pub(super) due: Instant,
}

/// The messages in flight, in the order of sending, with their packet ids.
pub(super) struct Window {
    size: usize,
    in_flight: VecDeque<InFlight>,
    last_id: u16,
}

impl Window {
    /// Makes an empty window. `size` is far less than the number of packet ids.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            in_flight: VecDeque::new(),
            last_id: 0,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.in_flight.len() < self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Adds a message, and returns its packet id.
    pub(super) fn add(&mut self, number: u64, due: Instant) -> u16 {
        let packet_id = self.free_id();
        self.last_id = packet_id;
        self.in_flight.push_back(InFlight {
            packet_id,
            number,
            due,
        });
        packet_id
    }

    /// Removes and returns the acknowledged message. Returns `None` for an unknown packet id: an acknowledgment may come twice.
    pub(super) fn acknowledge(&mut self, packet_id: u16) -> Option<InFlight> {
        let position = self.position(packet_id)?;
        self.in_flight.remove(position)
    }

    /// Returns the numbers of the messages in flight.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.in_flight
            .iter()
            .map(|message| message.number)
            .collect()
    }

    fn free_id(&self) -> u16 {
        let mut id = next_id(self.last_id);
        while self.position(id).is_some() {
            id = next_id(id);
        }
        id
    }

    fn position(&self, packet_id: u16) -> Option<usize> {
        self.in_flight
            .iter()
            .position(|message| message.packet_id == packet_id)
    }
}

/// Returns the next packet id. 0 is not a valid one.
fn next_id(id: u16) -> u16 {
    id.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_id_is_not_given_again_while_its_message_waits() {
        let mut window = Window::new(2);
        let first = window.add(1, Instant::now());
        for number in 2..=70_000 {
            let id = window.add(number, Instant::now());
            assert!(id != 0 && id != first && !window.has_room());
            assert_eq!(window.acknowledge(id).unwrap().number, number);
        }
        assert_eq!(window.numbers(), [1]);
    }

    #[test]
    fn acknowledgments_may_come_in_any_order_and_twice() {
        let mut window = Window::new(3);
        let ids: Vec<_> = (1..=3)
            .map(|number| window.add(number, Instant::now()))
            .collect();
        for place in [2, 0] {
            assert!(window.acknowledge(ids[place]).is_some());
            assert!(window.acknowledge(ids[place]).is_none());
        }
        assert_eq!(window.numbers(), [2]);
    }
}
