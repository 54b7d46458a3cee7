//! The same packets in the other implementation's words.

use bytes::BytesMut;
use mqttbytes::v4;

use crate::mqtt::*;

fn qos(qos: Qos) -> mqttbytes::QoS {
    mqttbytes::qos(qos.into()).unwrap()
}

pub(super) fn theirs(packet: &Packet) -> v4::Packet {
    match packet {
        Packet::Connect(connect) => v4::Packet::Connect(their_connect(connect)),
        Packet::ConnAck {
            session_present,
            code,
        } => v4::Packet::ConnAck(v4::ConnAck {
            session_present: *session_present,
            code: their_code(*code),
        }),
        Packet::Publish(publish) => v4::Packet::Publish(v4::Publish {
            dup: publish.dup,
            qos: qos(publish.qos),
            retain: publish.retain,
            topic: publish.topic.clone(),
            pkid: publish.packet_id.unwrap_or_default(),
            payload: publish.payload.clone(),
        }),
        Packet::PubAck { packet_id } => v4::Packet::PubAck(v4::PubAck::new(*packet_id)),
        Packet::Subscribe(subscribe) => v4::Packet::Subscribe(v4::Subscribe {
            pkid: subscribe.packet_id,
            filters: subscribe.filters.iter().map(their_filter).collect(),
        }),
        Packet::SubAck { packet_id, codes } => v4::Packet::SubAck(v4::SubAck::new(
            *packet_id,
            codes.iter().map(|code| their_reason(*code)).collect(),
        )),
        Packet::Unsubscribe(unsubscribe) => v4::Packet::Unsubscribe(v4::Unsubscribe {
            pkid: unsubscribe.packet_id,
            topics: unsubscribe.filters.clone(),
        }),
        Packet::UnsubAck { packet_id } => v4::Packet::UnsubAck(v4::UnsubAck::new(*packet_id)),
        Packet::PingReq => v4::Packet::PingReq,
        Packet::PingResp => v4::Packet::PingResp,
        Packet::Disconnect => v4::Packet::Disconnect,
    }
}

fn their_connect(connect: &Connect) -> v4::Connect {
    let password = connect.password_text().unwrap_or_default();
    let login = connect.username.as_deref();
    v4::Connect {
        protocol: mqttbytes::Protocol::V4,
        keep_alive: connect.keep_alive,
        client_id: connect.client_id.clone(),
        clean_session: connect.clean_session,
        last_will: connect.will.as_ref().map(|will| v4::LastWill {
            topic: will.topic.clone(),
            message: will.payload.clone(),
            qos: qos(will.qos),
            retain: will.retain,
        }),
        login: login.map(|username| v4::Login::new(username, password)),
    }
}

fn their_filter((filter, asked): &(String, Qos)) -> v4::SubscribeFilter {
    v4::SubscribeFilter::new(filter.clone(), qos(*asked))
}

fn their_code(code: ConnectReturn) -> v4::ConnectReturnCode {
    use v4::ConnectReturnCode as Code;
    match code {
        ConnectReturn::Accepted => Code::Success,
        ConnectReturn::UnacceptableVersion => Code::RefusedProtocolVersion,
        ConnectReturn::IdentifierRejected => Code::BadClientId,
        ConnectReturn::ServerUnavailable => Code::ServiceUnavailable,
        ConnectReturn::BadUserNameOrPassword => Code::BadUserNamePassword,
        ConnectReturn::NotAuthorized => Code::NotAuthorized,
    }
}

fn their_reason(code: u8) -> v4::SubscribeReasonCode {
    match Qos::try_from(code) {
        Ok(granted) => v4::SubscribeReasonCode::Success(qos(granted)),
        Err(()) => v4::SubscribeReasonCode::Failure,
    }
}

pub(super) fn write(packet: &v4::Packet, output: &mut BytesMut) {
    use v4::Packet as Their;
    match packet {
        Their::Connect(packet) => packet.write(output),
        Their::ConnAck(packet) => packet.write(output),
        Their::Publish(packet) => packet.write(output),
        Their::PubAck(packet) => packet.write(output),
        Their::Subscribe(packet) => packet.write(output),
        Their::SubAck(packet) => packet.write(output),
        Their::Unsubscribe(packet) => packet.write(output),
        Their::UnsubAck(packet) => packet.write(output),
        Their::PingReq => v4::PingReq.write(output),
        Their::PingResp => v4::PingResp.write(output),
        Their::Disconnect => v4::Disconnect.write(output),
        other => panic!("not one of ours: {other:?}"),
    }
    .unwrap();
}
