//! The side of a service that one connection talks to.

use jiff::Timestamp;

use super::{Close, Packet, Replies};

/// A service's state of one connection: packets in, packets out, no I/O. The connection keeps time, answers PINGREQ, and
/// handles CONNECT and DISCONNECT.
pub(crate) trait Endpoint: Send {
    /// A task from the service.
    type Push: Send;

    /// Returns true if a previous session continues.
    fn session_present(&self) -> bool;

    /// Returns the packets to send after CONNACK.
    ///
    /// # Errors
    /// The reason to close the connection.
    fn opened(&mut self) -> Replies;

    /// Handles a packet from the device.
    ///
    /// # Errors
    /// The reason to close the connection.
    fn on_packet(&mut self, packet: Packet) -> Replies;

    /// Waits for the next task from the service. Cancel safe.
    fn pushed(&mut self) -> impl Future<Output = Self::Push> + Send;

    /// Handles a task from the service.
    ///
    /// # Errors
    /// The reason to close the connection.
    fn on_push(&mut self, push: Self::Push) -> Replies;

    /// Ends the connection with this reason.
    fn end(self, reason: Close);
}

/// The endpoint of an authenticated client.
pub(crate) struct Authenticated<E> {
    pub(crate) endpoint: E,
    /// Expiry of the credential.
    pub(crate) expiry: Timestamp,
}
