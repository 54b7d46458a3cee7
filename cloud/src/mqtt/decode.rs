//! Decoding of packets. No input causes a panic, or takes more memory than the input itself.

use bytes::{Buf, Bytes, BytesMut};

use super::{Connect, ConnectReturn, Packet, Password, Publish, Qos, Subscribe, Unsubscribe, Will};

/// Input that is not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A packet larger than the reader takes.
    #[error("packet too large: {0} bytes")]
    TooLarge(usize),
    /// A CONNECT of another version than 3.1.1.
    #[error("CONNECT with an MQTT version other than 3.1.1")]
    Version,
    /// A packet type that is reserved, or belongs to QoS 2.
    #[error("unsupported packet type {0}")]
    Type(u8),
    /// A packet that does not follow the specification.
    #[error("malformed packet: {0}")]
    Malformed(&'static str),
}

type Decoded<T> = Result<T, DecodeError>;

const TRUNCATED: DecodeError = DecodeError::Malformed("it is truncated");

/// Takes the next packet out of `input`, or nothing as long as it is not complete. `limit` is for everything after
/// the fixed header, in bytes; a larger packet is an error as soon as its header is there.
///
/// # Errors
/// After an error nothing more can be read from this peer.
pub fn decode(input: &mut BytesMut, limit: usize) -> Result<Option<Packet>, DecodeError> {
    let Some(header) = Header::peek(input)? else {
        return Ok(None);
    };
    if header.body > limit {
        return Err(DecodeError::TooLarge(header.body));
    }
    if input.len() < header.size + header.body {
        return Ok(None);
    }
    input.advance(header.size);
    let mut body = BodyReader(input.split_to(header.body).freeze());
    let packet = body.packet(header.kind, header.flags)?;
    match body.0.has_remaining() {
        true => Err(DecodeError::Malformed("it has trailing bytes")),
        false => Ok(Some(packet)),
    }
}

struct Header {
    kind: u8,
    flags: u8,
    /// Bytes of the header itself.
    size: usize,
    /// Bytes that follow.
    body: usize,
}

impl Header {
    fn peek(input: &[u8]) -> Decoded<Option<Self>> {
        let Some((first, rest)) = input.split_first() else {
            return Ok(None);
        };
        let mut body = 0;
        for (index, byte) in rest.iter().take(4).enumerate() {
            body |= usize::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(Some(Self {
                    kind: first >> 4,
                    flags: first & 0x0f,
                    size: index + 2,
                    body,
                }));
            }
        }
        match rest.len() {
            0..4 => Ok(None),
            _ => Err(DecodeError::Malformed(
                "its remaining length has more than four bytes",
            )),
        }
    }
}

/// The part after the fixed header, consumed from the front.
struct BodyReader(Bytes);

impl BodyReader {
    fn packet(&mut self, kind: u8, flags: u8) -> Decoded<Packet> {
        let expected = match kind {
            3 => flags,
            8 | 10 => 0b0010,
            _ => 0,
        };
        if flags != expected {
            return Err(DecodeError::Malformed("its flags are invalid"));
        }
        match kind {
            1 => self.connect().map(Packet::Connect),
            2 => self.connack(),
            3 => self.publish(flags).map(Packet::Publish),
            4 => Ok(Packet::PubAck {
                packet_id: self.packet_id()?,
            }),
            8 => self.subscribe().map(Packet::Subscribe),
            9 => self.suback(),
            10 => self.unsubscribe().map(Packet::Unsubscribe),
            11 => Ok(Packet::UnsubAck {
                packet_id: self.packet_id()?,
            }),
            12 => Ok(Packet::PingReq),
            13 => Ok(Packet::PingResp),
            14 => Ok(Packet::Disconnect),
            other => Err(DecodeError::Type(other)),
        }
    }

    fn connect(&mut self) -> Decoded<Connect> {
        let name = self.binary()?;
        if (name.as_ref(), self.byte()?) != (b"MQTT".as_slice(), 4) {
            return Err(DecodeError::Version);
        }
        let flags = ConnectFlags::read(self.byte()?)?;
        Ok(Connect {
            clean_session: flags.has(0x02),
            keep_alive: self.number()?,
            client_id: self.text()?,
            will: flags.has(0x04).then(|| self.will(flags)).transpose()?,
            username: flags.has(0x80).then(|| self.text()).transpose()?,
            password: match flags.has(0x40) {
                true => Some(Password(self.binary()?)),
                false => None,
            },
        })
    }

    fn will(&mut self, flags: ConnectFlags) -> Decoded<Will> {
        Ok(Will {
            topic: self.topic()?,
            payload: self.binary()?,
            qos: qos(flags.0 >> 3 & 0x03)?,
            retain: flags.has(0x20),
        })
    }

    fn connack(&mut self) -> Decoded<Packet> {
        let session_present = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(DecodeError::Malformed("its flags are invalid")),
        };
        let code = ConnectReturn::try_from(self.byte()?);
        Ok(Packet::ConnAck {
            session_present,
            code: code.map_err(|()| DecodeError::Malformed("its return code is unknown"))?,
        })
    }

    fn publish(&mut self, flags: u8) -> Decoded<Publish> {
        let (dup, qos) = (flags & 0x08 != 0, qos(flags >> 1 & 0x03)?);
        if dup && qos == Qos::AtMostOnce {
            return Err(DecodeError::Malformed("DUP with QoS 0"));
        }
        Ok(Publish {
            dup,
            qos,
            retain: flags & 0x01 != 0,
            topic: self.topic()?,
            packet_id: match qos {
                Qos::AtMostOnce => None,
                _ => Some(self.packet_id()?),
            },
            payload: self.0.split_off(0),
        })
    }

    fn subscribe(&mut self) -> Decoded<Subscribe> {
        let packet_id = self.packet_id()?;
        let filters = self.filters(|body| Ok((body.text()?, qos(body.byte()?)?)))?;
        Ok(Subscribe { packet_id, filters })
    }

    fn suback(&mut self) -> Decoded<Packet> {
        Ok(Packet::SubAck {
            packet_id: self.packet_id()?,
            codes: self.0.split_off(0).to_vec(),
        })
    }

    fn unsubscribe(&mut self) -> Decoded<Unsubscribe> {
        let packet_id = self.packet_id()?;
        let filters = self.filters(Self::text)?;
        Ok(Unsubscribe { packet_id, filters })
    }

    fn filters<T>(&mut self, read: impl Fn(&mut Self) -> Decoded<T>) -> Decoded<Vec<T>> {
        let mut filters = vec![read(self)?];
        while self.0.has_remaining() {
            filters.push(read(self)?);
        }
        Ok(filters)
    }

    fn packet_id(&mut self) -> Decoded<u16> {
        match self.number()? {
            0 => Err(DecodeError::Malformed("its packet id is 0")),
            id => Ok(id),
        }
    }

    fn topic(&mut self) -> Decoded<String> {
        let topic = self.text()?;
        if topic.is_empty() || topic.contains(['+', '#']) {
            return Err(DecodeError::Malformed(
                "its topic is empty or has wildcards",
            ));
        }
        Ok(topic)
    }

    fn text(&mut self) -> Decoded<String> {
        let text = String::from_utf8(self.binary()?.into());
        let text = text.map_err(|_| DecodeError::Malformed("a string is not UTF-8"))?;
        match text.contains('\0') {
            true => Err(DecodeError::Malformed("a string contains a null character")),
            false => Ok(text),
        }
    }

    fn binary(&mut self) -> Decoded<Bytes> {
        let length = usize::from(self.number()?);
        if self.0.remaining() < length {
            return Err(TRUNCATED);
        }
        Ok(self.0.split_to(length))
    }

    fn number(&mut self) -> Decoded<u16> {
        self.0.try_get_u16().map_err(|_| TRUNCATED)
    }

    fn byte(&mut self) -> Decoded<u8> {
        self.0.try_get_u8().map_err(|_| TRUNCATED)
    }
}

#[derive(Clone, Copy)]
struct ConnectFlags(u8);

impl ConnectFlags {
    fn read(bits: u8) -> Decoded<Self> {
        let flags = Self(bits);
        let reserved = flags.has(0x01);
        let will_without_will = !flags.has(0x04) && bits & 0x38 != 0;
        let password_alone = flags.has(0x40) && !flags.has(0x80);
        if reserved || will_without_will || password_alone {
            return Err(DecodeError::Malformed("its connect flags are invalid"));
        }
        Ok(flags)
    }

    fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

fn qos(bits: u8) -> Decoded<Qos> {
    Qos::try_from(bits).map_err(|()| DecodeError::Malformed("its QoS is 3"))
}
