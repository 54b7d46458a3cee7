//! Packets, and bytes that look like them.

use bytes::BytesMut;
use proptest::prelude::*;

use crate::mqtt::*;

fn text() -> impl Strategy<Value = String> {
    "[^\\x00#+]{1,20}"
}

fn qos() -> impl Strategy<Value = Qos> {
    prop_oneof![
        Just(Qos::AtMostOnce),
        Just(Qos::AtLeastOnce),
        Just(Qos::ExactlyOnce)
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..300)
}

fn connect() -> impl Strategy<Value = Connect> {
    let will = (text(), body(), qos(), any::<bool>());
    let login = prop::option::of((text(), text()));
    (
        text(),
        any::<bool>(),
        any::<u16>(),
        prop::option::of(will),
        login,
    )
        .prop_map(|(client_id, clean_session, keep_alive, will, login)| {
            let (username, password) = login.unzip();
            Connect {
                client_id,
                clean_session,
                keep_alive,
                will: will.map(|(topic, payload, qos, retain)| Will {
                    topic,
                    payload: payload.into(),
                    qos,
                    retain,
                }),
                username,
                password: password.map(|text| Password(text.into())),
            }
        })
}

fn publish() -> impl Strategy<Value = Publish> {
    (text(), body(), qos(), any::<[bool; 2]>(), 1_u16..).prop_map(
        |(topic, payload, qos, [dup, retain], packet_id)| {
            let acknowledged = qos != Qos::AtMostOnce;
            Publish {
                dup: dup && acknowledged,
                qos,
                retain,
                topic,
                packet_id: acknowledged.then_some(packet_id),
                payload: payload.into(),
            }
        },
    )
}

fn suback_code() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![0, 1, 2, 0x80])
}

fn return_code() -> impl Strategy<Value = ConnectReturn> {
    (0_u8..6).prop_map(|code| ConnectReturn::try_from(code).unwrap())
}

pub(super) fn packet() -> impl Strategy<Value = Packet> {
    let filters = prop::collection::vec((text(), qos()), 1..6);
    let names = prop::collection::vec(text(), 1..6);
    let codes = prop::collection::vec(suback_code(), 1..6);
    prop_oneof![
        connect().prop_map(Packet::Connect),
        (any::<bool>(), return_code()).prop_map(|(session_present, code)| Packet::ConnAck {
            session_present,
            code
        }),
        publish().prop_map(Packet::Publish),
        (1_u16..).prop_map(|packet_id| Packet::PubAck { packet_id }),
        (1_u16.., filters)
            .prop_map(|(packet_id, filters)| Packet::Subscribe(Subscribe { packet_id, filters })),
        (1_u16.., codes).prop_map(|(packet_id, codes)| Packet::SubAck { packet_id, codes }),
        (1_u16.., names).prop_map(|(packet_id, filters)| Packet::Unsubscribe(Unsubscribe {
            packet_id,
            filters
        })),
        (1_u16..).prop_map(|packet_id| Packet::UnsubAck { packet_id }),
        Just(Packet::PingReq),
        Just(Packet::PingResp),
        Just(Packet::Disconnect),
    ]
}

/// Noise, and packets with one byte changed.
pub(super) fn bytes_that_almost_are_packets() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..64);
    let damaged =
        (packet(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(packet, index, byte)| {
            let mut bytes = BytesMut::new();
            encode(&packet, &mut bytes).unwrap();
            let at = index.index(bytes.len());
            bytes[at] = byte;
            bytes.to_vec()
        });
    prop_oneof![noise, damaged]
}
