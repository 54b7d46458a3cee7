//! Encoding of packets.

use bytes::{BufMut, BytesMut};

use super::{Connect, Packet, Publish, Qos, Subscribe, Unsubscribe};

/// The largest value of a remaining length.
const MAX_LENGTH: usize = 268_435_455;

/// A packet that MQTT cannot carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("string or packet too long for MQTT")]
pub struct EncodeError;

type Encoded = Result<(), EncodeError>;

/// Appends a packet to `output`.
///
/// # Errors
/// A text has over 65,535 bytes, or the packet over 256 MiB. `output` is as it was.
pub fn encode(packet: &Packet, output: &mut BytesMut) -> Result<(), EncodeError> {
    let mut body = BodyWriter(BytesMut::new());
    let first = body.packet(packet)?;
    if body.0.len() > MAX_LENGTH {
        return Err(EncodeError);
    }
    output.reserve(body.0.len() + 5);
    output.put_u8(first);
    length(body.0.len(), output);
    output.extend_from_slice(&body.0);
    Ok(())
}

fn length(mut length: usize, output: &mut BytesMut) {
    loop {
        let byte = (length & 0x7f) as u8;
        length >>= 7;
        if length == 0 {
            return output.put_u8(byte);
        }
        output.put_u8(byte | 0x80);
    }
}

/// The part after the fixed header.
struct BodyWriter(BytesMut);

impl BodyWriter {
    /// Writes the body, returns the first byte of the header.
    fn packet(&mut self, packet: &Packet) -> Result<u8, EncodeError> {
        match packet {
            Packet::Connect(connect) => self.connect(connect)?,
            Packet::ConnAck {
                session_present,
                code,
            } => {
                self.0.put_u8(u8::from(*session_present));
                self.0.put_u8(u8::from(*code));
            }
            Packet::Publish(publish) => self.publish(publish)?,
            Packet::PubAck { packet_id } | Packet::UnsubAck { packet_id } => {
                self.0.put_u16(*packet_id);
            }
            Packet::Subscribe(subscribe) => self.subscribe(subscribe)?,
            Packet::SubAck { packet_id, codes } => {
                self.0.put_u16(*packet_id);
                self.0.put_slice(codes);
            }
            Packet::Unsubscribe(unsubscribe) => self.unsubscribe(unsubscribe)?,
            Packet::PingReq | Packet::PingResp | Packet::Disconnect => {}
        }
        Ok(first_byte(packet))
    }

    fn connect(&mut self, connect: &Connect) -> Encoded {
        self.binary(b"MQTT")?;
        self.0.put_u8(4);
        self.0.put_u8(connect_flags(connect));
        self.0.put_u16(connect.keep_alive);
        self.binary(connect.client_id.as_bytes())?;
        if let Some(will) = &connect.will {
            self.binary(will.topic.as_bytes())?;
            self.binary(&will.payload)?;
        }
        if let Some(username) = &connect.username {
            self.binary(username.as_bytes())?;
        }
        if let Some(password) = &connect.password {
            self.binary(&password.0)?;
        }
        Ok(())
    }

    fn publish(&mut self, publish: &Publish) -> Encoded {
        self.binary(publish.topic.as_bytes())?;
        if let Some(packet_id) = publish.packet_id {
            self.0.put_u16(packet_id);
        }
        self.0.extend_from_slice(&publish.payload);
        Ok(())
    }

    fn subscribe(&mut self, subscribe: &Subscribe) -> Encoded {
        self.0.put_u16(subscribe.packet_id);
        for (filter, qos) in &subscribe.filters {
            self.binary(filter.as_bytes())?;
            self.0.put_u8(u8::from(*qos));
        }
        Ok(())
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe) -> Encoded {
        self.0.put_u16(unsubscribe.packet_id);
        for filter in &unsubscribe.filters {
            self.binary(filter.as_bytes())?;
        }
        Ok(())
    }

    fn binary(&mut self, bytes: &[u8]) -> Encoded {
        let length = u16::try_from(bytes.len()).map_err(|_| EncodeError)?;
        self.0.put_u16(length);
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

fn first_byte(packet: &Packet) -> u8 {
    match packet {
        Packet::Connect(_) => 0x10,
        Packet::ConnAck { .. } => 0x20,
        Packet::Publish(publish) => 0x30 | publish_flags(publish),
        Packet::PubAck { .. } => 0x40,
        Packet::Subscribe(_) => 0x82,
        Packet::SubAck { .. } => 0x90,
        Packet::Unsubscribe(_) => 0xa2,
        Packet::UnsubAck { .. } => 0xb0,
        Packet::PingReq => 0xc0,
        Packet::PingResp => 0xd0,
        Packet::Disconnect => 0xe0,
    }
}

fn publish_flags(publish: &Publish) -> u8 {
    u8::from(publish.dup) << 3 | u8::from(publish.qos) << 1 | u8::from(publish.retain)
}

fn connect_flags(connect: &Connect) -> u8 {
    let will = connect.will.as_ref();
    let will_qos = will.map_or(Qos::AtMostOnce, |will| will.qos);
    u8::from(connect.username.is_some()) << 7
        | u8::from(connect.password.is_some()) << 6
        | u8::from(will.is_some_and(|will| will.retain)) << 5
        | u8::from(will_qos) << 3
        | u8::from(will.is_some()) << 2
        | u8::from(connect.clean_session) << 1
}
