//! What a device has sent and the cloud has not acknowledged.

use std::collections::VecDeque;

use tokio::time::Instant;

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    packet_id: u16,
    /// Its number.
    pub(super) number: u64,
    /// When it was due.
    pub(super) due: Instant,
}

/// Messages on their way, in the order they were sent, and the packet ids that tell them apart.
pub(super) struct Window {
    size: usize,
    sent: VecDeque<Sent>,
    last_id: u16,
}

impl Window {
    /// One for so many messages, of which there are far fewer than packet ids.
    pub(super) fn new(size: usize) -> Self {
        Self {
            size,
            sent: VecDeque::new(),
            last_id: 0,
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.sent.len() < self.size
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Takes a message in, and returns its packet id.
    pub(super) fn enter(&mut self, number: u64, due: Instant) -> u16 {
        let packet_id = self.free_id();
        self.last_id = packet_id;
        self.sent.push_back(Sent {
            packet_id,
            number,
            due,
        });
        packet_id
    }

    /// The message that is acknowledged. None if there is no such message: the cloud may repeat itself.
    pub(super) fn acknowledge(&mut self, packet_id: u16) -> Option<Sent> {
        let place = self.place(packet_id)?;
        self.sent.remove(place)
    }

    /// The numbers of what is not acknowledged.
    pub(super) fn numbers(&self) -> Vec<u64> {
        self.sent.iter().map(|sent| sent.number).collect()
    }

    fn free_id(&self) -> u16 {
        let mut id = next(self.last_id);
        while self.place(id).is_some() {
            id = next(id);
        }
        id
    }

    fn place(&self, packet_id: u16) -> Option<usize> {
        self.sent
            .iter()
            .position(|sent| sent.packet_id == packet_id)
    }
}

/// 0 is none.
fn next(id: u16) -> u16 {
    id.checked_add(1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_id_is_not_given_again_while_its_message_waits() {
        let mut window = Window::new(2);
        let first = window.enter(1, Instant::now());
        for number in 2..=70_000 {
            let id = window.enter(number, Instant::now());
            assert!(id != 0 && id != first && !window.has_room());
            assert_eq!(window.acknowledge(id).unwrap().number, number);
        }
        assert_eq!(window.numbers(), [1]);
    }

    #[test]
    fn acknowledgments_may_come_in_any_order_and_twice() {
        let mut window = Window::new(3);
        let ids: Vec<_> = (1..=3)
            .map(|number| window.enter(number, Instant::now()))
            .collect();
        for place in [2, 0] {
            assert!(window.acknowledge(ids[place]).is_some());
            assert!(window.acknowledge(ids[place]).is_none());
        }
        assert_eq!(window.numbers(), [2]);
    }
}
