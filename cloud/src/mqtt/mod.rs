//! MQTT 3.1.1 from the server's side: packets, their encoding, and a connection.

mod close;
mod connection;
mod decode;
mod encode;
mod output;
mod packet;
mod peer;
mod refusal;
#[cfg(test)]
mod tests;

pub use self::{
    close::Close,
    decode::{DecodeError, decode},
    encode::{EncodeError, encode},
    packet::{
        Connect, ConnectReturn, Packet, Password, Publish, Qos, Subscribe, Unsubscribe, Will,
    },
};
pub(crate) use self::{
    connection::{ConnectObserver, serve},
    peer::{DeviceServices, Peer},
    refusal::Refusal,
};

/// The packets to send in reply, or the reason to close the connection.
pub(crate) type Replies = Result<Vec<Packet>, Close>;
