//! MQTT 3.1.1 from the server's side: packets, their encoding, and what a service does with them.

mod close;
mod decode;
mod encode;
mod endpoint;
mod packet;
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
    endpoint::{Authenticated, Endpoint},
    refusal::Refusal,
};

/// The packets to send in reply, or the reason to close the connection.
pub(crate) type Replies = Result<Vec<Packet>, Close>;
