//! MQTT 3.1.1 packets on the wire, with the codec of rumqttc.
//!
//! A server's bytes are untrusted: whatever is no packet that a server sends to this client is an error.

use bytes::{Bytes, BytesMut};
use rumqttc::{
    QoS,
    mqttbytes::{
        Error as CodecError,
        v4::{
            self, ConnectReturnCode, Packet, PubAck, Publish, Subscribe, SubscribeFilter,
            SubscribeReasonCode,
        },
    },
};
use secrecy::ExposeSecret;

use super::{Connect, LinkError};

/// The size limit of a packet, in bytes. Larger than the largest message (256 KB) with its topic.
pub(super) const MAX_PACKET: usize = 300 * 1024;

/// A packet that a server sends.
#[derive(Debug, PartialEq)]
pub(super) enum ServerPacket {
    /// CONNACK with its return code.
    ConnAck(u8),
    /// PUBLISH; at QoS 1 with a packet id.
    Publish {
        topic: String,
        payload: Bytes,
        packet_id: Option<u16>,
    },
    /// PUBACK.
    PubAck(u16),
    /// SUBACK; true for each topic granted.
    SubAck { packet_id: u16, granted: Vec<bool> },
    /// PINGRESP.
    PingResp,
}

/// The result of decoding.
#[derive(Debug, PartialEq)]
pub(super) enum Decoded {
    /// A packet, removed from the input.
    Packet(ServerPacket),
    /// So many more bytes are needed at least.
    Incomplete(usize),
}

/// Removes the next packet from `input`, and returns it.
///
/// # Errors
/// The bytes are no packet of a server. What follows them means nothing.
pub(super) fn decode(input: &mut BytesMut) -> Result<Decoded, LinkError> {
    let packet = match Packet::read(input, MAX_PACKET) {
        Ok(packet) => packet,
        Err(CodecError::InsufficientBytes(missing)) => return Ok(Decoded::Incomplete(missing)),
        Err(error) => return Err(invalid(&error)),
    };
    Ok(Decoded::Packet(match packet {
        Packet::ConnAck(connack) => ServerPacket::ConnAck(match connack.code {
            ConnectReturnCode::Success => 0,
            ConnectReturnCode::RefusedProtocolVersion => 1,
            ConnectReturnCode::BadClientId => 2,
            ConnectReturnCode::ServiceUnavailable => 3,
            ConnectReturnCode::BadUserNamePassword => 4,
            ConnectReturnCode::NotAuthorized => 5,
        }),
        Packet::Publish(message) => ServerPacket::Publish {
            packet_id: match message.qos {
                QoS::AtMostOnce => None,
                QoS::AtLeastOnce => Some(message.pkid),
                QoS::ExactlyOnce => {
                    return Err(LinkError::Protocol(
                        "the server sent a message with QoS 2, which no subscription allows"
                            .to_owned(),
                    ));
                }
            },
            topic: message.topic,
            // A slice would keep the whole input buffer in memory.
            payload: Bytes::copy_from_slice(&message.payload),
        },
        Packet::PubAck(puback) => ServerPacket::PubAck(puback.pkid),
        Packet::SubAck(suback) => ServerPacket::SubAck {
            packet_id: suback.pkid,
            granted: suback
                .return_codes
                .iter()
                .map(|code| *code != SubscribeReasonCode::Failure)
                .collect(),
        },
        Packet::PingResp => ServerPacket::PingResp,
        Packet::PubRec(packet) => return Err(unsolicited(packet.pkid)),
        Packet::PubRel(packet) => return Err(unsolicited(packet.pkid)),
        Packet::PubComp(packet) => return Err(unsolicited(packet.pkid)),
        Packet::UnsubAck(packet) => return Err(unsolicited(packet.pkid)),
        Packet::Connect(_)
        | Packet::Subscribe(_)
        | Packet::Unsubscribe(_)
        | Packet::PingReq
        | Packet::Disconnect => {
            return Err(LinkError::Protocol(
                "the server sent a packet that only clients send".to_owned(),
            ));
        }
    }))
}

fn invalid(error: &CodecError) -> LinkError {
    LinkError::Protocol(match error {
        CodecError::PayloadSizeLimitExceeded(size) => {
            format!("the server sent a packet of {size} bytes, more than the limit of {MAX_PACKET}")
        }
        other => format!("the server sent invalid MQTT: {other}"),
    })
}

/// The error of an acknowledgment that belongs to no packet of this client.
pub(super) fn unsolicited(packet_id: u16) -> LinkError {
    LinkError::Protocol(format!(
        "the server acknowledged a packet that was not sent (packet id {packet_id})"
    ))
}

/// Appends CONNECT.
///
/// # Errors
/// The packet is too large.
pub(super) fn connect(request: &Connect, output: &mut BytesMut) -> Result<(), LinkError> {
    let password = request.password.expose_secret();
    let mut connect = v4::Connect::new(&request.client_id);
    connect.keep_alive = u16::try_from(request.keep_alive.as_secs()).unwrap_or(u16::MAX);
    connect.clean_session = false;
    connect.set_login(&request.username, password);
    let texts = [&*request.client_id, &*request.username, password];
    append(&Packet::Connect(connect), texts, output)
}

/// Appends SUBSCRIBE to `topics` with QoS 1.
///
/// # Errors
/// The packet is too large.
pub(super) fn subscribe(
    packet_id: u16,
    topics: &[String],
    output: &mut BytesMut,
) -> Result<(), LinkError> {
    let filter = |topic: &String| SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce);
    let mut subscribe = Subscribe::new_many(topics.iter().map(filter));
    subscribe.pkid = packet_id;
    let packet = Packet::Subscribe(subscribe);
    append(&packet, topics.iter().map(String::as_str), output)
}

/// Appends PUBLISH; with QoS 1 if there is a packet id, else with QoS 0.
///
/// # Errors
/// The packet is too large.
pub(super) fn publish(
    topic: String,
    payload: Bytes,
    packet_id: Option<u16>,
    output: &mut BytesMut,
) -> Result<(), LinkError> {
    let qos = match packet_id {
        Some(_) => QoS::AtLeastOnce,
        None => QoS::AtMostOnce,
    };
    let mut publish = Publish::from_bytes(topic, qos, payload);
    publish.pkid = packet_id.unwrap_or(0);
    let too_long = is_too_long(&publish.topic);
    let packet = Packet::Publish(publish);
    match too_long {
        true => Err(oversize(packet.size())),
        false => append(&packet, [], output),
    }
}

/// Appends PUBACK.
///
/// # Errors
/// None in practice.
pub(super) fn puback(packet_id: u16, output: &mut BytesMut) -> Result<(), LinkError> {
    append(&Packet::PubAck(PubAck::new(packet_id)), [], output)
}

/// Appends PINGREQ.
///
/// # Errors
/// None in practice.
pub(super) fn pingreq(output: &mut BytesMut) -> Result<(), LinkError> {
    append(&Packet::PingReq, [], output)
}

/// Appends DISCONNECT.
///
/// # Errors
/// None in practice.
pub(super) fn disconnect(output: &mut BytesMut) -> Result<(), LinkError> {
    append(&Packet::Disconnect, [], output)
}

/// Appends a packet with these texts, or nothing.
fn append<'a>(
    packet: &Packet,
    texts: impl IntoIterator<Item = &'a str>,
    output: &mut BytesMut,
) -> Result<(), LinkError> {
    // The codec truncates the length of a longer text, and what follows would mean something else.
    if texts.into_iter().any(is_too_long) {
        return Err(oversize(packet.size()));
    }
    let length = output.len();
    match packet.write(output, MAX_PACKET) {
        Ok(_) => Ok(()),
        Err(CodecError::OutgoingPacketTooLarge { pkt_size, .. }) => Err(oversize(pkt_size)),
        Err(error) => {
            output.truncate(length);
            Err(LinkError::Protocol(format!(
                "a packet cannot be encoded: {error}"
            )))
        }
    }
}

fn is_too_long(text: &str) -> bool {
    text.len() > usize::from(u16::MAX)
}

fn oversize(size: usize) -> LinkError {
    LinkError::Protocol(format!(
        "a packet of {size} bytes cannot be sent: at most {MAX_PACKET}, and {} for a topic or name",
        u16::MAX
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Decodes until an error, or until more bytes are needed; returns the number of packets.
    fn decode_all(input: &mut BytesMut) -> (usize, Result<usize, LinkError>) {
        let mut packets = 0;
        loop {
            match decode(input) {
                Ok(Decoded::Packet(_)) => packets += 1,
                Ok(Decoded::Incomplete(missing)) => return (packets, Ok(missing)),
                Err(error) => return (packets, Err(error)),
            }
        }
    }

    /// A fixed header of one type with a length that fits or not, and a body of small lengths: what reaches the readers
    /// of each packet's fields.
    fn near_packets() -> impl Strategy<Value = Vec<u8>> {
        let body = prop::collection::vec(prop_oneof![0..6_u8, any::<u8>()], 0..20);
        let packet = (any::<u8>(), body, -2..3_i32).prop_map(|(kind, body, off)| {
            let length = i32::try_from(body.len()).unwrap() + off;
            let length = u8::try_from(length.max(0)).unwrap();
            [vec![kind, length], body].concat()
        });
        prop::collection::vec(packet, 1..8).prop_map(|packets| packets.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn whatever_a_server_sends_is_packets_an_error_or_waits_for_more(
            bytes in prop_oneof![near_packets(), prop::collection::vec(any::<u8>(), 0..300)]
        ) {
            let mut input = BytesMut::from(&*bytes);
            let (_, end) = decode_all(&mut input);
            if let Ok(missing) = end {
                prop_assert!((1..=MAX_PACKET).contains(&missing));
            }
        }

        #[test]
        fn packets_are_the_same_however_the_bytes_are_split(
            bytes in near_packets(), at in 0..100_usize
        ) {
            let mut whole = BytesMut::from(&*bytes);
            let (packets, _) = decode_all(&mut whole);
            let (first, second) = bytes.split_at(at.min(bytes.len()));
            let mut input = BytesMut::from(first);
            let (before, end) = decode_all(&mut input);
            let mut after = 0;
            if end.is_ok() {
                input.extend_from_slice(second);
                after = decode_all(&mut input).0;
            }
            prop_assert_eq!(before + after, packets);
        }
    }

    #[test]
    fn a_text_longer_than_its_length_can_say_is_an_error_and_leaves_the_output() {
        let mut output = BytesMut::from(&b"before"[..]);
        let topic = "t".repeat(usize::from(u16::MAX) + 1);
        let error = publish(topic.clone(), Bytes::new(), None, &mut output).unwrap_err();
        assert!(error.to_string().contains("cannot be sent"), "{error}");
        subscribe(1, &[topic], &mut output).unwrap_err();
        let payload = Bytes::from(vec![0; MAX_PACKET]);
        publish("t".to_owned(), payload, Some(1), &mut output).unwrap_err();
        assert_eq!(output, &b"before"[..]);
    }
}
