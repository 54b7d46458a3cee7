mod other;
mod strategies;

use bytes::{Buf, BytesMut};
use proptest::prelude::*;
use strategies::{bytes_that_almost_are_packets, packet};

use super::*;

const LIMIT: usize = 1 << 20;

fn encoded(packet: &Packet) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode(packet, &mut bytes).unwrap();
    bytes
}

fn malformed(bytes: &[u8]) -> bool {
    matches!(
        decode(&mut bytes.into(), LIMIT),
        Err(DecodeError::Malformed(_))
    )
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_again(packet in packet()) {
        let mut bytes = encoded(&packet);
        prop_assert_eq!(decode(&mut bytes, LIMIT), Ok(Some(packet)));
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn packets_come_out_whole_however_the_bytes_arrive(
        packets in prop::collection::vec(packet(), 1..4),
        chunk in 1_usize..40,
    ) {
        let all: BytesMut = packets.iter().flat_map(encoded).collect();
        let (mut input, mut seen) = (BytesMut::new(), Vec::new());
        for piece in all.chunks(chunk) {
            input.extend_from_slice(piece);
            while let Some(packet) = decode(&mut input, LIMIT).unwrap() {
                seen.push(packet);
            }
        }
        prop_assert_eq!(seen, packets);
    }

    #[test]
    fn no_bytes_are_too_strange_to_decode(bytes in bytes_that_almost_are_packets()) {
        let mut bytes = BytesMut::from(bytes.as_slice());
        while let Ok(Some(packet)) = decode(&mut bytes, LIMIT) {
            // Whatever was understood can be said again.
            encode(&packet, &mut BytesMut::new()).unwrap();
        }
    }

    #[test]
    fn the_other_implementation_reads_what_we_write(packet in packet()) {
        let theirs = mqttbytes::v4::read(&mut encoded(&packet), LIMIT);
        prop_assert_eq!(theirs, Ok(other::theirs(&packet)));
    }

    #[test]
    fn we_read_what_the_other_implementation_writes(packet in packet()) {
        let mut bytes = BytesMut::new();
        other::write(&other::theirs(&packet), &mut bytes);
        prop_assert_eq!(decode(&mut bytes, LIMIT), Ok(Some(packet)));
    }
}

#[test]
fn a_packet_over_the_limit_is_refused_before_it_has_arrived() {
    let publish = Publish::at_most_once("t".into(), vec![0; 100]);
    let bytes = encoded(&Packet::Publish(publish));
    let mut head = BytesMut::from(&bytes[..2]);
    assert_eq!(decode(&mut head, 102), Err(DecodeError::TooLarge(103)));
    let mut head = BytesMut::from(&bytes[..2]);
    assert_eq!(decode(&mut head, 103), Ok(None));
}

#[test]
fn another_version_of_mqtt_is_told_from_nonsense() {
    let connect = Connect {
        client_id: "a".into(),
        clean_session: true,
        keep_alive: 10,
        will: None,
        username: None,
        password: None,
    };
    let mut bytes = encoded(&Packet::Connect(connect));
    bytes[8] = 5;
    assert_eq!(decode(&mut bytes, LIMIT), Err(DecodeError::Version));
}

#[test]
fn what_the_specification_forbids_is_refused() {
    let subscribe_without_filter = [0x82, 2, 0, 1];
    let packet_id_zero = [0x40, 2, 0, 0];
    let qos_3 = [0x36, 3, 0, 1, b't'];
    let dup_at_qos_0 = [0x38, 3, 0, 1, b't'];
    let wildcard_topic = [0x30, 3, 0, 1, b'#'];
    let null_in_topic = [0x30, 3, 0, 1, 0];
    let not_utf8 = [0x30, 3, 0, 1, 0xff];
    let wrong_flags = [0xc1, 0];
    let bytes_left_over = [0xc0, 1, 0];
    let five_byte_length = [0x30, 0x80, 0x80, 0x80, 0x80, 1];
    for bytes in [
        &subscribe_without_filter[..],
        &packet_id_zero,
        &qos_3,
        &dup_at_qos_0,
        &wildcard_topic,
        &null_in_topic,
        &not_utf8,
        &wrong_flags,
        &bytes_left_over,
        &five_byte_length,
    ] {
        assert!(malformed(bytes), "{bytes:x?}");
    }
    let pubrel = [0x62, 2, 0, 1];
    assert_eq!(
        decode(&mut pubrel[..].into(), LIMIT),
        Err(DecodeError::Malformed("its flags are invalid"))
    );
    let pubrec = [0x50, 2, 0, 1];
    assert_eq!(
        decode(&mut pubrec[..].into(), LIMIT),
        Err(DecodeError::Type(5))
    );
}

#[test]
fn a_text_too_long_for_mqtt_is_not_written() {
    let mut output = BytesMut::from(&b"before"[..]);
    let publish = Publish::at_most_once("t".repeat(65_536), "");
    assert_eq!(
        encode(&Packet::Publish(publish), &mut output),
        Err(EncodeError)
    );
    assert_eq!(output.chunk(), b"before");
}

#[test]
fn a_password_is_not_shown() {
    let password = Password("SharedAccessSignature sig=abc".into());
    assert!(!format!("{password:?}").contains("abc"));
}
